//! Errors of the connection as sentences: what answered, and what to do about it.
//!
//! Invariant: one line, at most [`MAX_FOREIGN_CHARS`] characters of it from the other side, none of them a control.
//! Limit: hyper and h2 do not export their kinds of error, so some are recognised by their text.

use std::{error::Error, io, time::Duration};

use tonic::{Code, Status};

use crate::target::Target;

/// Characters kept of a message that the other side wrote.
const MAX_FOREIGN_CHARS: usize = 200;

/// Links of a chain of errors that are looked at.
const MAX_CHAIN: usize = 16;

/// Why nothing could be dialled.
pub(super) fn of_dial(target: &Target, error: &tonic::transport::Error) -> String {
    let Some(io) = io_error(error) else {
        return format!(
            "can't connect to {target}: {}",
            texts(error).last().map_or("no reason given", String::as_str)
        );
    };
    match io.kind() {
        io::ErrorKind::ConnectionRefused => format!("nothing listens at {target}"),
        io::ErrorKind::NotFound => format!("there is no socket {target}"),
        io::ErrorKind::PermissionDenied => format!("not allowed to open {target}"),
        io::ErrorKind::TimedOut => of_silence(target, super::DIAL_TIMEOUT),
        _ => format!("can't connect to {target}: {}", foreign(&io.to_string())),
    }
}

/// No answer came.
pub(super) fn of_silence(target: &Target, after: Duration) -> String {
    format!("{target} did not answer within {} s", after.as_secs())
}

/// The stream was closed in good order.
pub(super) fn of_end(target: &Target) -> String {
    format!("the program at {target} closed the stream")
}

/// Why a call or a stream broke, after so many frames.
pub(super) fn of_status(target: &Target, status: &Status, frames: u64) -> String {
    let chain = texts(status).join(": ").to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| chain.contains(word));
    let message = foreign(status.message());
    if says(&["keep-alive timed out"]) {
        return format!("{target} has stopped answering");
    }
    if frames > 0
        && says(&[
            "broken pipe",
            "connection reset",
            "unexpected eof",
            "stream closed",
            "not a result of an error",
        ])
    {
        return format!("the connection to {target} broke: the program ended or was stopped");
    }
    match status.code() {
        Code::Unimplemented if frames == 0 => {
            format!(
                "a server answers at {target}, but it has no taskscope in it; is this the program's own port?"
            )
        }
        Code::ResourceExhausted => format!("the program at {target} refuses: {message}"),
        Code::Internal | Code::Unknown | Code::Unavailable | Code::Cancelled
            if frames == 0
                && says(&[
                    "http2",
                    "h2 protocol",
                    "frame",
                    "broken pipe",
                    "connection reset",
                    "stream closed",
                ]) =>
        {
            format!(
                "something answers at {target}, but it does not speak gRPC; is this the program's own port?"
            )
        }
        _ if message.is_empty() => format!("the stream from {target} broke ({:?})", status.code()),
        _ => format!("the stream from {target} broke: {message}"),
    }
}

/// Text from outside, fit for the terminal.
fn foreign(text: &str) -> String {
    let fit = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(fit).take(MAX_FOREIGN_CHARS).collect()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source()).take(MAX_CHAIN)
}

fn texts(error: &(dyn Error + 'static)) -> Vec<String> {
    chain(error).map(|error| foreign(&error.to_string())).collect()
}

fn io_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    chain(error).find_map(<dyn Error>::downcast_ref)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_writes_is_cut_and_cleaned() {
        let status = Status::resource_exhausted(format!("\x1b[2Jtoo many\u{202e}{}", "x".repeat(10_000)));
        let reason = of_status(&Target::default(), &status, 0);
        assert!(reason.starts_with("the program at 127.0.0.1:6669 refuses: [2Jtoo manyxxx"), "{reason}");
        assert!(reason.chars().count() < 300 && !reason.chars().any(char::is_control));
    }

    #[test]
    fn a_server_without_taskscope_differs_from_a_broken_stream() {
        let status = Status::unimplemented("");
        assert!(of_status(&Target::default(), &status, 0).contains("no taskscope in it"));
        assert!(of_status(&Target::default(), &Status::internal("odd"), 3).ends_with("broke: odd"));
    }
}
