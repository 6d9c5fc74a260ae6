//! Which process: by its number, by a part of its name, or by a choice among those with tokio in them.
//!
//! Limit: a program counts as one with tokio when it names one of tokio's source files, of [`MAX_SEARCH_BYTES`] that are searched.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
};

use color_eyre::eyre;

/// Bytes of a program that are searched.
const MAX_SEARCH_BYTES: u64 = 256 << 20;
/// Bytes searched at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Processes that are listed.
const MAX_LISTED: usize = 20;
/// A file of tokio's, as debug information and panics name it.
const TOKIO: &[u8] = b"/tokio-1.";

/// A process that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    pid: u32,
    name: String,
    path: String,
}

/// The process that is meant.
pub(super) fn process(wanted: Option<&str>) -> eyre::Result<u32> {
    if let Some(pid) = wanted.and_then(|wanted| wanted.parse().ok()) {
        return Ok(pid);
    }
    let all = candidates();
    let found: Vec<Candidate> = match wanted {
        Some(name) => named(all, name),
        None => all.into_iter().filter(|candidate| has_tokio(candidate.pid)).collect(),
    };
    match (found.as_slice(), wanted) {
        ([one], _) => Ok(one.pid),
        ([], Some(name)) => eyre::bail!(
            "no process of yours has `{name}` in its name; `taskscope attach` without a name lists those with tokio in them"
        ),
        ([], None) => eyre::bail!(
            "no process that you may read has tokio in it; start the program, or run taskscope as its user"
        ),
        (several, _) => choice(several),
    }
}

/// All processes that this one may look at, but itself.
fn candidates() -> Vec<Candidate> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut all: Vec<Candidate> =
        pids.filter(|pid| *pid != std::process::id()).filter_map(candidate).collect();
    // Another console is none that is meant.
    all.retain(|candidate| candidate.name != "taskscope");
    all.sort_unstable_by_key(|candidate| candidate.pid);
    all
}

fn candidate(pid: u32) -> Option<Candidate> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?.to_string_lossy().into_owned();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned();
    Some(Candidate { pid, name, path })
}

/// Those with exactly this name, else those with it in their name.
fn named(all: Vec<Candidate>, name: &str) -> Vec<Candidate> {
    // The kernel's name is cut at 15 bytes; that of the file is not.
    let file = |candidate: &Candidate| {
        let file = candidate.path.rsplit('/').next().unwrap_or_default();
        file.trim_end_matches(" (deleted)").to_owned()
    };
    let exact: Vec<Candidate> =
        all.iter().filter(|it| it.name == name || file(it) == name).cloned().collect();
    if exact.is_empty() { all.into_iter().filter(|it| file(it).contains(name)).collect() } else { exact }
}

/// Whether its program names a file of tokio's.
fn has_tokio(pid: u32) -> bool {
    let Ok(file) = File::open(format!("/proc/{pid}/exe")) else { return false };
    let mut file = file.take(MAX_SEARCH_BYTES);
    let mut buffer = vec![0; CHUNK_BYTES + TOKIO.len()];
    let mut kept = 0;
    loop {
        let Ok(read) = file.read(&mut buffer[kept..]) else { return false };
        if read == 0 {
            return false;
        }
        let filled = kept + read;
        if buffer[..filled].windows(TOKIO.len()).any(|part| part == TOKIO) {
            return true;
        }
        kept = filled.min(TOKIO.len() - 1);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// Asks which, on a terminal; else it is an error that lists them.
fn choice(several: &[Candidate]) -> eyre::Result<u32> {
    let line = |(number, it): (usize, &Candidate)| {
        format!("  {:>2}  {:>7}  {:<15}  {}", number + 1, it.pid, it.name, it.path)
    };
    let mut lines: Vec<String> = several.iter().take(MAX_LISTED).enumerate().map(line).collect();
    if several.len() > MAX_LISTED {
        lines.push(format!("  and {} more", several.len() - MAX_LISTED));
    }
    let list = lines.join("\n");
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        eyre::bail!("{} processes fit; name one by its number:\n{list}", several.len());
    }
    write!(
        io::stderr(),
        "{} processes fit:\n{list}\nwhich one (1 to {})? ",
        several.len(),
        several.len().min(MAX_LISTED)
    )?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let chosen = answer.trim().parse::<usize>().ok().and_then(|number| several.get(number.checked_sub(1)?));
    match chosen {
        Some(candidate) => Ok(candidate.pid),
        None => eyre::bail!("`{}` is none of them", answer.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(pid: u32, name: &str, path: &str) -> Candidate {
        Candidate { pid, name: name.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn a_whole_name_goes_before_a_part() {
        let all = vec![
            candidate(1, "mini-redis-serv", "/bin/mini-redis-server"),
            candidate(2, "redis", "/bin/redis"),
            candidate(3, "mini-redis-cli", "/bin/mini-redis-cli (deleted)"),
        ];
        let pids = |name| named(all.clone(), name).iter().map(|it| it.pid).collect::<Vec<_>>();
        assert_eq!(pids("mini-redis-server"), [1]);
        assert_eq!(pids("redis"), [2]);
        assert_eq!(pids("mini-redis"), [1, 3]);
        assert_eq!(pids("mini-redis-cli"), [3]);
        assert_eq!(pids("nginx"), [0_u32; 0]);
    }
}
