//! What `ss` of iproute2 says of a TCP socket: a reading of the kernel's facts that is not ours.

use std::{collections::HashMap, process::Command};

/// A socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Socket {
    /// `ESTAB`, `LISTEN`.
    pub state: String,
    /// Bytes not read; of a listener, connections not accepted.
    pub recv_queue: u64,
    /// Bytes not acknowledged; of a listener, how many connections may wait.
    pub send_queue: u64,
    /// `rtt`, `bytes_acked`, `retrans`: as written.
    facts: HashMap<String, String>,
}

impl Socket {
    /// A fact that is a number; of two with a `/` between them, the last.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.facts.get(name)?.rsplit('/').next()?.parse().ok()
    }

    /// Of two numbers with a `/` between them, the first.
    pub fn first(&self, name: &str) -> Option<f64> {
        self.facts.get(name)?.split('/').next()?.parse().ok()
    }
}

/// The socket with this local address, as seen through a command like `ip netns exec NAME`. `None`: there is none, or there is no `ss`,
/// which is said.
pub fn socket(command: &[&str], local: &str) -> Option<Socket> {
    let filter = format!("src {local}");
    let words = [command, &["ss", "-tainOH", &filter]].concat();
    let output = match Command::new(words[0]).args(&words[1..]).output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            println!("ss: {}: not compared", String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        Err(error) => {
            println!("there is no ss ({error}): not compared");
            return None;
        }
    };
    String::from_utf8_lossy(&output.stdout).lines().find_map(|line| parse(line, local))
}

/// Whether `ss` can be asked.
pub fn exists() -> bool {
    Command::new("ss").arg("-V").output().is_ok_and(|output| output.status.success())
}

fn parse(line: &str, local: &str) -> Option<Socket> {
    let mut words = line.split_whitespace();
    let state = words.next()?.to_owned();
    // Of a connection that is over and had the same address: no process has it.
    if state == "TIME-WAIT" {
        return None;
    }
    let (recv_queue, send_queue) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    if words.next()? != local {
        return None;
    }
    let facts = words.filter_map(|word| word.split_once(':'));
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Some(Socket { state, recv_queue, send_queue, facts })
}
