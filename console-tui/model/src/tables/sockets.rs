//! Sockets, pipes, files, and the process's other descriptors.

use super::io::{Io, IoList, sum};
use crate::{
    analysis::Analysis,
    columns::Cut,
    format::{UNKNOWN, duration_ns, exact},
    id::IoKey,
    screen::{Tone, table::Cell},
    store::{descriptors::Reading, io::IoKind},
    table::{
        Context,
        column::{Column, columns},
        listing::At,
        value::Value,
    },
    tables::TableId,
};

/// From this share of the limit on, the number of open descriptors is a warning.
const NEAR_LIMIT: f64 = 0.8;
/// A reading that is older says how old it is.
const OLD_NS: u64 = 1_500_000_000;
/// Cells of two addresses of IPv4 with their ports, and the arrow between them, as they mostly are. Whole addresses are worth more
/// than a trend, where there is room at all.
const WHOLE_ADDRESSES: u16 = 35;

/// The list of sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sockets;

type Col = Column<Io<Sockets>>;

type Row<'a> = At<'a, Io<Sockets>>;

fn fd<'a>(row: &Row<'a>) -> Value<'a> {
    match row.thing().map(|thing| thing.fd()) {
        Some(Some(fd)) => Value::Toned(f64::from(fd), Tone::Dim),
        Some(None) => Value::Unknown,
        None => Value::Nothing,
    }
}

fn address<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(thing) = row.thing() else { return row.several() };
    let peer = thing.descriptor.and_then(|of| of.peer_pid).map(|pid| match row.store.hello.pid {
        Some(own) if own == pid => "to this process itself".to_owned(),
        _ => format!("to pid {pid}"),
    });
    let name = row.name().map(std::borrow::Cow::into_owned);
    let addresses = row.store.io_addresses(&thing).or(name).or(peer);
    let words: Vec<String> = addresses.into_iter().chain(thing.backlog_words()).collect();
    (!words.is_empty()).then(|| words.join("  ")).into()
}

fn state<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(thing) = row.thing() else { return Value::Nothing };
    let state = thing.descriptor.map(|of| of.state.as_str()).filter(|state| !state.is_empty());
    match state {
        // Files and pipes have none.
        None if thing.descriptor.is_some_and(|_| thing.kind != IoKind::Tcp) => Value::Nothing,
        state => state.map(str::to_owned).into(),
    }
}

fn moved(row: &Row<'_>) -> Option<f64> {
    sum(row.sum.in_per_s, row.sum.out_per_s, |into, out| into + out)
}

impl IoList for Sockets {
    const ID: TableId = TableId::Sockets;
    const COLUMNS: &'static [Col] = columns! { Io<Self>, row;
        column Col::WARN;
        Number        "fd"          "FD"           4 "Its number in the process" { words: "descriptor", descending: false, priority: 4 } => fd(row);
        column Col::KIND;
        text          "address"     "LOCAL  PEER" 26 "The addresses of both ends, or its name"
            { grows: true, roomy_width: WHOLE_ADDRESSES, cut: Cut::Start } => address(row);
        text          "state"       "STATE"       11 "What the kernel says of it" { cut: Cut::Marked, priority: 3 } => state(row);
        SizePerSecond "in"          "IN/s"         5 "Bytes a second that come in" { words: "bytes in a second", priority: 6 } => row.sum.in_per_s;
        SizePerSecond "out"         "OUT/s"        5 "Bytes a second that go out" { words: "bytes out a second", priority: 7 } => row.sum.out_per_s;
        SizePerSecond "trend"       ""             8 "Bytes over the last seconds" { words: "bytes a second", priority: 10 }
            => moved(row), spark: row.store.io_spark(&row.thing()?);
        Size          "recvq"       "RECVQ"        5 "Bytes received that the program has not read" { words: "bytes not read", priority: 2 }
            => row.sum.recv_queue_bytes;
        Size          "sendq"       "SENDQ"        5 "Bytes written that the peer has not acknowledged"
            { words: "bytes not acknowledged", priority: 1 } => row.sum.send_queue_bytes;
        Time          "rtt"         "RTT"          7 "Time there and back" { words: "time there and back", priority: 8 } => row.sum.rtt_ns;
        Count         "retransmits" "RETR"         5 "Segments sent again, in all" { priority: 9 } => row.sum.retransmits;
        column Col::WAITER;
        // After the rates, before the descriptor.
        column Col::WAITED_FOR.priority(5);
    };

    fn candidates(store: Analysis<'_>) -> Vec<IoKey> {
        store.io_keys()
    }

    fn lists(store: Analysis<'_>, key: IoKey) -> bool {
        store.is_socket(key)
    }

    fn why_empty(at: Context<'_>) -> String {
        match at.store.descriptors.reading() {
            None => "The descriptors have not been read yet.".to_owned(),
            Some(Reading { problem, .. }) if !problem.is_empty() => problem.clone(),
            Some(_) => "No descriptor is open.".to_owned(),
        }
    }
}

/// What is known of the descriptors as a whole.
pub(super) fn head(at: Context<'_>) -> Vec<Cell> {
    let Some(reading) = at.store.descriptors.reading() else { return Vec::new() };
    let mut head = vec![open_words(reading)];
    let age_ns = at.store.now_ns.saturating_sub(reading.at_ns);
    let age = if age_ns > OLD_NS { format!("{} ago ", duration_ns(age_ns)) } else { String::new() };
    head.push(Cell::new(format!("read {age}in {}", duration_ns(reading.took_ns)), Tone::Dim));
    if reading.more > 0 {
        head.push(Cell::new(format!("{} more are not listed", exact(reading.more)), Tone::Warning));
    }
    if !reading.problem.is_empty() {
        head.push(Cell::new(reading.problem.clone(), Tone::Warning));
    }
    head
}

/// `212 of 1,024 descriptors open`
fn open_words(reading: &Reading) -> Cell {
    let open = reading.open.map_or_else(|| UNKNOWN.to_owned(), exact);
    let words = match reading.limit {
        Some(limit) => format!("{open} of {} descriptors open", exact(limit)),
        None => format!("{open} descriptors open"),
    };
    let near = match (reading.open, reading.limit) {
        (Some(open), Some(limit)) => open as f64 >= limit as f64 * NEAR_LIMIT,
        _ => false,
    };
    Cell::new(words, if near { Tone::Warning } else { Tone::Normal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::{ColumnId, ColumnSpec, WARN, fit},
        table::specs,
    };

    fn shown(width: u16) -> Vec<ColumnId> {
        let all: Vec<&'static ColumnSpec> = specs::<Io<Sockets>>().collect();
        fit(&all, Some(WARN), width).into_iter().map(|fitted| fitted.spec.id).collect()
    }

    /// Cells that the screen's edges take.
    const EDGES: u16 = 4;

    #[test]
    fn a_narrow_table_keeps_what_shows_a_stuck_socket() {
        let kept = ["warn", "kind", "address", "state", "recvq", "sendq", "waiting"];
        assert_eq!(shown(80 - EDGES), kept);
        // The next ones to come back, as there is room.
        let after = |width: u16| shown(width).into_iter().filter(|id| !kept.contains(id)).collect::<Vec<_>>();
        assert_eq!(after(81), ["fd"]);
        assert_eq!(after(89), ["fd", "for"]);
        assert_eq!(after(120 - EDGES), ["fd", "in", "out", "for"]);
        assert_eq!(shown(200 - EDGES).len(), Sockets::COLUMNS.len());
    }
}
