//! The sockets, files, signals and children of the report.

use serde::{Deserialize, Serialize};

/// A socket, pipe or file: its wrapper, its descriptor, or both.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Io {
    /// `r` and the slot of the wrapper's resource; `d` and a number for a descriptor without one.
    pub id: String,
    /// The id of its resource; `null`: no wrapper is around it.
    pub resource: Option<String>,
    /// Its number; `null`: none, or unknown.
    pub fd: Option<u32>,
    /// `tcp`, `tcp-listener`, `udp`, `unix`, `unix-listener`, `pipe`, `stream`, `file`, `eventfd`, `timerfd`, `signalfd`, `epoll`,
    /// `inotify`, `pidfd`, `other`.
    pub kind: String,
    /// The wrapper's type.
    #[serde(rename = "type")]
    pub concrete_type: Option<String>,
    /// What the program calls it.
    pub name: Option<String>,
    /// Where the wrapper was made: `file:line:column`.
    pub place: Option<String>,
    /// Its own address, or a path.
    pub local: Option<String>,
    /// The other end's address.
    pub peer: Option<String>,
    /// The other end opened it: this process listens at its port, or did; `null`: unknown, or it is no connection.
    pub accepted: Option<bool>,
    /// `established`, `listen`, `close-wait`.
    pub state: Option<String>,
    /// Bytes read: by the wrapper, or received by the kernel where there is none.
    pub in_bytes: Option<u64>,
    /// Bytes written: by the wrapper, or acknowledged by the peer where there is none.
    pub out_bytes: Option<u64>,
    /// The same a second, over the last seconds.
    pub in_bytes_per_s: Option<f64>,
    /// The same a second, over the last seconds.
    pub out_bytes_per_s: Option<f64>,
    /// Why bytes are `null`: a sentence; `null`: they are known, or it carries none.
    pub bytes_problem: Option<String>,
    /// Reads that the wrapper saw; of a listener, connections accepted.
    pub reads: Option<u64>,
    /// Writes that the wrapper saw.
    pub writes: Option<u64>,
    /// Sum of finished waits to read.
    pub read_wait_ns: Option<u64>,
    /// Sum of finished waits to write.
    pub write_wait_ns: Option<u64>,
    /// Operations that failed.
    pub errors: Option<u64>,
    /// The last failure.
    pub last_error: Option<String>,
    /// Time since something last came in.
    pub last_in_ns: Option<u64>,
    /// Time since something last went out.
    pub last_out_ns: Option<u64>,
    /// What the process's epoll waits for: `read, write`; `null`: it is not watched, or unknown.
    pub interest: Option<String>,
    /// What it was ready for when it was read.
    pub ready: Option<String>,
    /// Bytes received and not read yet.
    pub recv_queue_bytes: Option<u64>,
    /// Bytes written that the peer has not acknowledged.
    pub send_queue_bytes: Option<u64>,
    /// Connections that wait to be accepted.
    pub backlog: Option<u64>,
    /// How many may.
    pub max_backlog: Option<u64>,
    /// Datagrams dropped, or connections turned away.
    pub drops: Option<u64>,
    /// Time there and back.
    pub rtt_ns: Option<u64>,
    /// Segments sent again, in all.
    pub total_retransmits: Option<u64>,
    /// Segments under way.
    pub unacked: Option<u64>,
    /// Bytes that are written and not sent yet.
    pub unsent_bytes: Option<u64>,
    /// Of a socket or pipe, as in `ss -e` and `lsof`.
    pub inode: Option<u64>,
    /// The process on the other end, of a Unix socket.
    pub peer_pid: Option<u32>,
    /// Who waits on it, in the order in which they came; known of wrappers only.
    pub waiting: Vec<IoWait>,
}

/// A wait.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoWait {
    /// The id of the task.
    pub task: Option<String>,
    /// In words: `conn #88`.
    pub who: Option<String>,
    /// What it waits in: `read`, `TcpListener::accept`.
    pub op: Option<String>,
    /// For so long.
    pub for_ns: u64,
    /// Where it waits: `file:line:column`.
    pub place: Option<String>,
}

/// A signal that the program listens for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// `SIGTERM`
    pub name: String,
    /// Its number on Linux; `null`: unknown.
    pub number: Option<u32>,
    /// Deliveries that its listeners saw: of several, the one that saw most.
    pub received: u64,
    /// Time since the last one; `null`: none came.
    pub last_ns: Option<u64>,
    /// The ids of the listeners' resources.
    pub listeners: Vec<String>,
    /// Who waits for it.
    pub waiting: Vec<IoWait>,
}

/// A child process.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The id of its resource: `r` and the slot.
    pub id: String,
    /// `ffmpeg (pid 4242)`
    pub program: Option<String>,
    /// `running`, or how it ended: `exit status: 0`.
    pub state: Option<String>,
    /// Where it was started: `file:line:column`.
    pub place: Option<String>,
    /// Who waits for its end.
    pub waiting: Vec<IoWait>,
}

/// The descriptors of the process as a whole.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptors {
    /// How many are open.
    pub open: Option<u64>,
    /// How many may be.
    pub limit: Option<u64>,
    /// Descriptors that are not in `io`, for want of room.
    pub more: u64,
    /// Time since they were read.
    pub read_ns: u64,
    /// How long reading them took the process.
    pub reading_ns: u64,
    /// Why there is nothing or not all; `null`: all is there.
    pub problem: Option<String>,
}
