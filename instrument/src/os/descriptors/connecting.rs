//! Where TCP sockets connect to that are not connected yet: `getpeername` fails for them, but the kernel's table of sockets has their peers.
//!
//! The table has the sockets of the whole network namespace, some 1 µs each, so it is read only while something connects.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use taskscope_proto::v1;

/// Bytes that are read of a table at most, of 150 or so a socket. What comes later keeps an unknown peer.
const MAX_TABLE_BYTES: u64 = 8 << 20;
/// `TCP_SYN_SENT` of `net/tcp_states.h`, as the table writes it.
const SYN_SENT: &str = "02";

/// Fills in the peers of those that connect.
pub(super) fn peers(descriptors: &mut [v1::Descriptor]) {
    let connects = |of: &&mut v1::Descriptor| of.state == "syn-sent" && of.peer.is_empty() && of.inode != 0;
    // Two numbers of one file have one inode.
    let mut asked: HashMap<u64, Vec<&mut v1::Descriptor>> = HashMap::new();
    for descriptor in descriptors.iter_mut().filter(connects) {
        asked.entry(descriptor.inode).or_default().push(descriptor);
    }
    for table in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        if asked.is_empty() {
            return;
        }
        // Without a table, as in a sandbox, the peers stay unknown.
        let Ok(file) = File::open(table) else { continue };
        let lines = BufReader::new(file.take(MAX_TABLE_BYTES)).lines();
        for (inode, peer) in lines.map_while(Result::ok).filter_map(|line| connecting(&line)) {
            for descriptor in asked.remove(&inode).into_iter().flatten() {
                descriptor.peer = peer.to_string();
            }
        }
    }
}

/// A line of the table, as Linux's `tcp4_seq_show` writes it: number, local, peer, state, queues, timer, retransmits, uid, timeout, inode.
/// `None`: its socket does not connect.
fn connecting(line: &str) -> Option<(u64, SocketAddr)> {
    let mut words = line.split_ascii_whitespace();
    let peer = words.nth(2)?;
    if words.next()? != SYN_SENT {
        return None;
    }
    Some((words.nth(5)?.parse().ok()?, address(peer)?))
}

/// `0100007F:1F90`: each 32 bits of the address as a number of this machine, whose bytes are in the network's order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| {
        let word = ip.get(8 * at..8 * at + 8)?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_kernels_is_read() {
        let line = "  44: 0100007F:D432 0100007F:1F90 02 00000001:00000000 01:00000092 00000003     0        0 30117 2 0000000000000000 800 0 0 1 7";
        assert_eq!(connecting(line), Some((30_117, "127.0.0.1:8080".parse().unwrap())));
        let six = line.replace(" 0100007F:1F90", " B80D0120000000000000000001000000:01BB");
        assert_eq!(connecting(&six), Some((30_117, "[2001:db8::1]:443".parse().unwrap())));
        for other in [
            line.replace(" 02 ", " 01 "),
            line.replace("1F90", "1F90F"),
            line.replace(" 0100007F:1F90", " 0100007é:1F90"),
            line.replace(" 30117 ", " x "),
            "  sl  local_address rem_address   st tx_queue".to_owned(),
            String::new(),
        ] {
            assert_eq!(connecting(&other), None, "{other}");
        }
    }
}
