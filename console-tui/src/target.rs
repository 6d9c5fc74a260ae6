//! Where to look: the one argument of the console, parsed, or the process that it is attached to.
//!
//! Invariant: a [`Target`] can be dialled as it is; every mistake in the text is a
//! [`TargetError`]. Limits: no TLS; `https://` is an error, and so is a Unix socket where tokio has none.

use std::path::PathBuf;
use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use taskscope_proto::limits::DEFAULT_BIND;

#[cfg(target_os = "linux")]
use crate::attach::Watched;

/// An address of a program with taskscope in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `host:port`, not resolved yet.
    Tcp(String),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
    /// A process that is read from outside; not from a text.
    #[cfg(target_os = "linux")]
    Process(Watched),
}

/// Why a text is no target.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TargetError {
    /// Nothing between the quotes.
    #[error("the target is empty; use host:port, http://host:port or unix:/path")]
    Empty,
    /// A scheme that taskscope does not know.
    #[error("`{0}` is not a scheme that taskscope knows; use http://host:port, host:port or unix:/path")]
    Scheme(String),
    /// No port, or one that is no number from 1 to 65535.
    #[error("`{0}` has no port; use for example {0}:6669")]
    NoPort(String),
    /// The port is no number from 1 to 65535.
    #[error("`{0}` is not a port; ports are numbers from 1 to 65535")]
    BadPort(String),
    /// Characters that are in no host name and in no address.
    #[error("`{0}` is not a host name or an address")]
    BadHost(String),
    /// `unix:` and nothing after it.
    #[error("the path of the socket is missing; use for example unix:/run/app/taskscope.sock")]
    NoPath,
    /// Windows.
    #[error("taskscope can't use Unix sockets on this system; use host:port")]
    NoUnixSockets,
}

impl Default for Target {
    fn default() -> Self {
        Self::Tcp(DEFAULT_BIND.to_owned())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path.strip_prefix("//").unwrap_or(path));
        }
        if let Some(path) = text.strip_prefix("file://") {
            return unix(path.strip_prefix("localhost").unwrap_or(path));
        }
        match text.split_once("://") {
            Some(("http", rest)) => tcp(rest.trim_end_matches('/')),
            Some((scheme, _)) => Err(TargetError::Scheme(scheme.to_owned())),
            None => tcp(text),
        }
    }
}

impl Target {
    /// The program may run on this machine: a Unix socket, or an address that leads back here. A tunnel from elsewhere looks the same.
    pub fn is_near(&self) -> bool {
        match self {
            Self::Tcp(authority) => {
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
                host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_here)
            }
            #[cfg(unix)]
            Self::Unix(_) => true,
            #[cfg(target_os = "linux")]
            Self::Process(_) => true,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => f.write_str(authority),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            #[cfg(target_os = "linux")]
            Self::Process(watched) => write!(f, "{}", watched.memory),
        }
    }
}

fn unix(path: &str) -> Result<Target, TargetError> {
    if path.is_empty() {
        return Err(TargetError::NoPath);
    }
    #[cfg(unix)]
    return Ok(Target::Unix(PathBuf::from(path)));
    #[cfg(not(unix))]
    Err(TargetError::NoUnixSockets)
}

fn tcp(authority: &str) -> Result<Target, TargetError> {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of a bare IPv6 address are not those of a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => return Err(TargetError::NoPort(authority.to_owned())),
    };
    if port.parse::<u16>().ok().is_none_or(|port| port == 0) {
        return Err(TargetError::BadPort(port.to_owned()));
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if bare.is_empty() || !bare.chars().all(known) {
        return Err(TargetError::BadHost(host.to_owned()));
    }
    Ok(Target::Tcp(authority.to_owned()))
}

/// How the memory of a program is read, for await trees, and its files, for names.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The file with the debug information, where it is not in the program.
    pub debug_file: Option<PathBuf>,
    /// The texts of variables are shown.
    pub strings: bool,
    /// How long a frame waits for the names of functions in it.
    pub names: Patience,
}

/// How long a frame waits for the names in it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all: a screen shows them a round later.
    #[default]
    None,
    /// For as long as a report can wait.
    OfAReport,
}

impl Patience {
    /// As a time.
    pub fn length(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::OfAReport => Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, TargetError> {
        text.parse::<Target>().map(|target| target.to_string())
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse("http://localhost:6669").unwrap(), "localhost:6669");
        assert_eq!(parse("http://localhost:6669/").unwrap(), "localhost:6669");
        assert_eq!(parse("127.0.0.1:6669").unwrap(), "127.0.0.1:6669");
        assert_eq!(parse("[::1]:6669").unwrap(), "[::1]:6669");
        assert_eq!(Target::default().to_string(), DEFAULT_BIND);
    }

    #[test]
    fn what_leads_back_to_this_machine_is_near() {
        for (said, is_near) in [
            ("localhost:6669", true),
            ("127.0.0.2:6669", true),
            ("[::1]:6669", true),
            ("0.0.0.0:6669", true),
            ("10.0.0.7:6669", false),
            ("[fe80::1]:6669", false),
            ("localhost.example.org:6669", false),
            ("api:6669", false),
        ] {
            assert_eq!(said.parse::<Target>().unwrap().is_near(), is_near, "{said}");
        }
    }

    #[test]
    fn unix_sockets_are_read_where_there_are_some() {
        for (said, meant) in [
            ("unix:/run/a b.sock", "unix:/run/a b.sock"),
            ("unix:///run/a.sock", "unix:/run/a.sock"),
            ("unix:a.sock", "unix:a.sock"),
            ("file:///run/a.sock", "unix:/run/a.sock"),
            ("file://localhost/run/a.sock", "unix:/run/a.sock"),
        ] {
            let expected = if cfg!(unix) { Ok(meant.to_owned()) } else { Err(TargetError::NoUnixSockets) };
            assert_eq!(parse(said), expected);
        }
    }

    #[test]
    fn each_mistake_has_its_error() {
        assert_eq!(parse(" "), Err(TargetError::Empty));
        assert_eq!(parse("https://a:1"), Err(TargetError::Scheme("https".into())));
        assert_eq!(parse("localhost"), Err(TargetError::NoPort("localhost".into())));
        assert_eq!(parse("::1"), Err(TargetError::NoPort("::1".into())));
        assert_eq!(parse("localhost:0"), Err(TargetError::BadPort("0".into())));
        assert_eq!(parse("localhost:http"), Err(TargetError::BadPort("http".into())));
        assert_eq!(parse("a\u{1b}[2J:1"), Err(TargetError::BadHost("a\u{1b}[2J".into())));
        assert_eq!(parse("unix:"), Err(TargetError::NoPath));
    }
}
