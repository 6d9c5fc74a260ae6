//! Options from the environment: `TASKSCOPE_*`, and after them the `TOKIO_CONSOLE_*` of programs that had console-subscriber.
//!
//! Invariant: a value that can't be used changes nothing. Its option keeps what it had, the other variables count, and a sentence says so:
//! once on stderr, and in the console's list of problems. An empty variable counts as unset.

use std::{ffi::OsString, time::Duration};

use taskscope_recorder::MAX_SLOTS;

use super::{Builder, Stacks, span::parse as span};
use crate::Recording;

const SPAN: &str = "a duration such as 10s or 500ms";
const SWITCH: &str = "1, true, 0 or false";

/// Of a bad value, characters that are repeated in the sentence about it.
const MAX_SHOWN_CHARS: usize = 64;

/// An option's variables, the first that is set counts.
struct Variable {
    names: &'static [&'static str],
    expected: &'static str,
    /// `None`: the value can't be used.
    set: fn(&mut Builder, &str) -> Option<()>,
}

const VARIABLES: &[Variable] = &[
    Variable {
        names: &["TASKSCOPE"],
        expected: "on, off or lazy",
        set: |builder, text| {
            builder.recording = match text {
                "on" => Recording::On,
                "off" => Recording::Off,
                "lazy" => Recording::Lazy,
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_LINGER"],
        expected: SPAN,
        set: |builder, text| span(text).map(|length| builder.linger = length),
    },
    #[cfg(all(feature = "signal", feature = "server", unix))]
    Variable {
        names: &["TASKSCOPE_SIGNAL"],
        expected: "USR1 or USR2",
        set: |builder, text| {
            builder.signal = match text.strip_prefix("SIG").unwrap_or(text) {
                "USR1" => Some(libc::SIGUSR1),
                "USR2" => Some(libc::SIGUSR2),
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_BIND", "TOKIO_CONSOLE_BIND"],
        expected: "an address such as 127.0.0.1:6669 or unix:/path",
        set: |builder, text| address(text).map(|address| address.clone_into(&mut builder.bind)),
    },
    Variable {
        names: &["TASKSCOPE_NAME"],
        expected: "a name",
        set: |builder, text| {
            builder.name = Some(text.to_owned());
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_RETENTION", "TOKIO_CONSOLE_RETENTION"],
        expected: SPAN,
        set: |builder, text| span(text).map(|retention| builder.limits.retention = retention),
    },
    #[cfg(feature = "console-api")]
    Variable {
        names: &["TASKSCOPE_PUBLISH_INTERVAL", "TOKIO_CONSOLE_PUBLISH_INTERVAL"],
        expected: "a duration from 50ms to 10s",
        set: |builder, text| {
            use taskscope_proto::limits::{MAX_INTERVAL, MIN_INTERVAL};
            let interval = span(text).filter(|interval| (MIN_INTERVAL..=MAX_INTERVAL).contains(interval))?;
            builder.publish_interval = interval;
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_STUCK_AFTER"],
        expected: "a duration of 1ms or more",
        set: |builder, text| {
            let length = span(text).filter(|length| *length >= Duration::from_millis(1))?;
            builder.stuck_after = length;
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_LOG_STUCK"],
        expected: SWITCH,
        set: |builder, text| switch(text).map(|log| builder.log_stuck = log),
    },
    Variable {
        names: &["TASKSCOPE_STACKS"],
        expected: "never, sleepers or always",
        set: |builder, text| {
            builder.stacks = match text {
                "never" => Stacks::Never,
                "sleepers" => Stacks::OfSleepers,
                "always" => Stacks::Always,
                _ => return None,
            };
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_RETAINED_TASKS"],
        expected: "a number of tasks from 1 to 16777215",
        set: |builder, text| {
            let tasks = text.parse().ok().filter(|tasks| (1..=MAX_SLOTS as usize).contains(tasks))?;
            builder.limits.retained_tasks = tasks;
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_MAX_TASKS"],
        expected: "a number of tasks from 1 to 16777215",
        set: |builder, text| {
            let tasks = text.parse().ok().filter(|tasks| (1..=MAX_SLOTS).contains(tasks))?;
            builder.limits.max_tasks = tasks;
            Some(())
        },
    },
    Variable {
        names: &["TASKSCOPE_SHOW_OWN_TASKS"],
        expected: SWITCH,
        set: |builder, text| switch(text).map(|show| builder.show_own_tasks = show),
    },
    #[cfg(feature = "server")]
    Variable {
        names: &["TASKSCOPE_MEMORY_READERS"],
        expected: SWITCH,
        set: |builder, text| switch(text).map(|allow| builder.memory_readers = allow),
    },
    #[cfg(feature = "await-index")]
    Variable {
        names: &["TASKSCOPE_INDEX"],
        expected: "a file made by `taskscope index`",
        set: |builder, text| {
            builder.await_index = Some(text.into());
            Some(())
        },
    },
    #[cfg(all(feature = "fmt", feature = "server"))]
    Variable {
        names: &["TASKSCOPE_PRINT_EVENTS"],
        expected: SWITCH,
        set: |builder, text| switch(text).map(|print| builder.print_events = print),
    },
];

/// Variables that have nothing to set here, with the reason.
const WITHOUT_MEANING: &[(&str, &str)] = &[
    #[cfg(not(all(feature = "signal", feature = "server", unix)))]
    ("TASKSCOPE_SIGNAL", "taskscope is built without its feature `signal`, or for a system without signals"),
    ("TOKIO_CONSOLE_RECORD_PATH", "taskscope records to no file"),
    ("TOKIO_CONSOLE_BUFFER_CAPACITY", "taskscope has no event buffer that could overflow"),
];

impl Builder {
    /// Replaces options whose variable is set in the environment: `TASKSCOPE_…`, else the `TOKIO_CONSOLE_…` of the same meaning (`BIND`,
    /// `RETENTION`, `PUBLISH_INTERVAL`).
    ///
    /// A value that can't be used leaves its option as it was. That is said once on stderr, and in the console's list of problems.
    pub fn with_default_env(self) -> Self {
        let known = self.problems.len();
        let builder = self.with_variables(|name| std::env::var_os(name));
        for problem in &builder.problems[known..] {
            crate::say::say_once(problem);
        }
        builder
    }

    fn with_variables(mut self, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        for (name, reason) in WITHOUT_MEANING {
            if value(name).is_some() {
                self.problem(format!("{name} has no effect: {reason}."));
            }
        }
        for option in VARIABLES {
            let set = option.names.iter().find_map(|name| Some((name, value(name)?)));
            let Some((name, value)) = set else { continue };
            let used = value.to_str().and_then(|text| (option.set)(&mut self, text));
            if used.is_none() {
                let expected = option.expected;
                let value = shown(&value);
                self.problem(format!(
                    "{name}={value} can't be used: expected {expected}. The default stays."
                ));
            }
        }
        self
    }
}

/// A value as a sentence repeats it: short, and with no byte that a terminal would obey.
pub(super) fn shown(value: &std::ffi::OsStr) -> String {
    let text = value.to_string_lossy();
    let mut shown: String = text.chars().take(MAX_SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// An address to listen on, checked by its text. Whether its host's name resolves is checked when it is bound.
fn address(text: &str) -> Option<&str> {
    let (host, rest) = text.rsplit_once(':')?;
    let usable = match text.strip_prefix("unix:") {
        Some(path) => !path.is_empty(),
        None => !host.is_empty() && rest.parse::<u16>().is_ok(),
    };
    usable.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Builder {
        Builder::default().with_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_variables_of_console_subscriber_count_after_our_own() {
        let builder =
            with(&[("TOKIO_CONSOLE_BIND", "localhost:4321"), ("TOKIO_CONSOLE_RETENTION", "1h 30s")]);
        assert_eq!(builder.bind, "localhost:4321");
        assert_eq!(builder.limits.retention, Duration::from_secs(3630));
        let both = [("TOKIO_CONSOLE_BIND", "localhost:1"), ("TASKSCOPE_BIND", "localhost:2")];
        let builder = with(&both);
        assert_eq!(builder.bind, "localhost:2");
        assert_eq!(builder.problems, Vec::<String>::new());
    }

    #[cfg(feature = "console-api")]
    #[test]
    fn the_publish_interval_of_console_subscriber_counts() {
        let builder = with(&[("TOKIO_CONSOLE_PUBLISH_INTERVAL", "250ms")]);
        assert_eq!(builder.publish_interval, Duration::from_millis(250));
    }

    /// All options as text, to compare: two builders that differ in one option differ here.
    fn options(builder: &Builder) -> String {
        format!("{:?}", Builder { problems: Vec::new(), ..builder.clone() })
    }

    #[test]
    fn an_invalid_value_changes_nothing_and_its_variable_is_named_while_the_others_count() {
        let invalid = ["abc", "-1", "99999999999999999999s", "\u{1b}[31mred", "10 parsecs"];
        // Any text is a name, and may be a file's path.
        let takes_any =
            |option: &&Variable| option.expected == "a name" || option.expected.starts_with("a file");
        for option in VARIABLES.iter().filter(|option| !takes_any(option)) {
            for name in option.names {
                for value in invalid {
                    // Beside it a good one, of another option.
                    let (good, other) = match *name {
                        "TASKSCOPE_NAME" => ("TASKSCOPE_BIND", "localhost:1"),
                        _ => ("TASKSCOPE_NAME", "prod"),
                    };
                    let builder = with(&[(name, value), (good, other)]);
                    assert_eq!(options(&builder), options(&with(&[(good, other)])), "{name}={value}");
                    let [problem] = builder.problems.as_slice() else {
                        panic!("{name}={value}: {:?}", builder.problems)
                    };
                    assert!(problem.starts_with(&format!("{name}=\"")), "{problem}");
                    assert!(!problem.contains('\u{1b}'), "{problem}");
                }
            }
        }
    }

    #[test]
    fn values_out_of_range_and_addresses_without_a_port_are_invalid_too() {
        for (name, value) in [
            ("TASKSCOPE_MAX_TASKS", "0"),
            ("TASKSCOPE_MAX_TASKS", "16777216"),
            ("TASKSCOPE_RETAINED_TASKS", "0"),
            ("TASKSCOPE_STUCK_AFTER", "0s"),
            ("TASKSCOPE_BIND", "localhost"),
            ("TASKSCOPE_BIND", ":6669"),
            ("TASKSCOPE_BIND", "localhost:70000"),
            ("TASKSCOPE_BIND", "unix:"),
            #[cfg(feature = "console-api")]
            ("TASKSCOPE_PUBLISH_INTERVAL", "49ms"),
            #[cfg(feature = "console-api")]
            ("TOKIO_CONSOLE_PUBLISH_INTERVAL", "1h"),
        ] {
            let builder = with(&[(name, value)]);
            assert_eq!(options(&builder), options(&Builder::default()), "{name}={value}");
            assert_eq!(builder.problems.len(), 1, "{name}={value}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_no_text_are_invalid() {
        use std::os::unix::ffi::OsStringExt as _;
        let builder = Builder::default()
            .with_variables(|name| (name == "TASKSCOPE_NAME").then(|| OsString::from_vec(vec![0xff, b'a'])));
        assert_eq!(builder.name, None);
        assert_eq!(builder.problems.len(), 1);
    }

    #[test]
    fn good_values_count_and_say_nothing() {
        let builder = with(&[
            ("TASKSCOPE_BIND", "unix:/run/a.sock"),
            ("TASKSCOPE_NAME", "api"),
            ("TASKSCOPE_RETENTION", "0s"),
            ("TASKSCOPE_STUCK_AFTER", "5ms"),
            ("TASKSCOPE_LOG_STUCK", "1"),
            ("TASKSCOPE_RETAINED_TASKS", "7"),
            ("TASKSCOPE_MAX_TASKS", "9"),
            ("TASKSCOPE_SHOW_OWN_TASKS", "true"),
        ]);
        assert_eq!(builder.problems, Vec::<String>::new());
        assert_eq!((builder.bind.as_str(), builder.name.as_deref()), ("unix:/run/a.sock", Some("api")));
        assert_eq!(builder.limits.retention, Duration::ZERO);
        assert_eq!(builder.stuck_after, Duration::from_millis(5));
        assert!(builder.log_stuck && builder.show_own_tasks);
        assert_eq!((builder.limits.retained_tasks, builder.limits.max_tasks), (7, 9));
    }

    #[test]
    fn an_empty_variable_is_unset() {
        let builder = with(&[("TASKSCOPE_RETENTION", ""), ("TOKIO_CONSOLE_RETENTION", "7s")]);
        assert_eq!(builder.limits.retention, Duration::from_secs(7));
        assert_eq!(builder.problems, Vec::<String>::new());
    }

    #[test]
    fn what_has_no_meaning_here_is_said_and_a_problem_is_listed_once() {
        let variables = [("TOKIO_CONSOLE_RECORD_PATH", "/tmp/file"), ("TASKSCOPE_MAX_TASKS", "many")];
        let once = with(&variables);
        assert_eq!(once.problems.len(), 2);
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        assert_eq!(once.clone().with_variables(find).problems, once.problems);
    }

    #[test]
    fn a_long_value_is_cut_in_its_sentence() {
        let builder = with(&[("TASKSCOPE_RETENTION", &"x".repeat(10_000))]);
        assert!(builder.problems[0].len() < 300, "{}", builder.problems[0]);
    }
}
