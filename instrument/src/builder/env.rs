//! Options from the environment: `TASKSCOPE_*`, and after them the `TOKIO_CONSOLE_*` of programs that had console-subscriber.

use std::{ffi::OsString, str::FromStr, sync::Once};

use super::Builder;
use crate::error::InitError;

const SPAN: &str = "a duration such as 10s or 500ms";

/// Variables of console-subscriber that have nothing to set here, with the reason.
const WITHOUT_MEANING: [(&str, &str); 2] = [
    ("TOKIO_CONSOLE_RECORD_PATH", "there is no recording to a file"),
    ("TOKIO_CONSOLE_BUFFER_CAPACITY", "there is no event buffer that could overflow"),
];

impl Builder {
    /// Replaces options whose variable is set in the environment: `TASKSCOPE_…`, else the `TOKIO_CONSOLE_…` of the same meaning (`BIND`,
    /// `RETENTION`, `PUBLISH_INTERVAL`).
    ///
    /// # Errors
    /// A variable holds something else than its option takes.
    pub fn from_env(self) -> Result<Self, InitError> {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            for (name, reason) in WITHOUT_MEANING {
                if std::env::var_os(name).is_some() {
                    eprintln!("taskscope: {name} has no effect: {reason}");
                }
            }
        });
        self.with_variables(&Variables(|name: &str| std::env::var_os(name)))
    }

    /// [`Builder::from_env`] under the name that `console_subscriber` has for it. What can't be used is said on stderr, and no variable
    /// counts then.
    pub fn with_default_env(self) -> Self {
        self.clone().from_env().unwrap_or_else(|error| {
            eprintln!("taskscope: {error}; the environment is not used");
            self
        })
    }

    fn with_variables(
        mut self,
        variables: &Variables<impl Fn(&str) -> Option<OsString>>,
    ) -> Result<Self, InitError> {
        let bind = "an address such as 127.0.0.1:6669 or unix:/path";
        if let Some(bind) = variables.read::<String>(&["TASKSCOPE_BIND", "TOKIO_CONSOLE_BIND"], bind)? {
            self.bind = bind;
        }
        if let Some(name) = variables.read(&["TASKSCOPE_NAME"], "a name")? {
            self.name = Some(name);
        }
        let retention = ["TASKSCOPE_RETENTION", "TOKIO_CONSOLE_RETENTION"];
        if let Some(retention) = variables.read::<humantime::Duration>(&retention, SPAN)? {
            self.limits.retention = retention.into();
        }
        #[cfg(feature = "console-api")]
        {
            let interval = ["TASKSCOPE_PUBLISH_INTERVAL", "TOKIO_CONSOLE_PUBLISH_INTERVAL"];
            if let Some(interval) = variables.read::<humantime::Duration>(&interval, SPAN)? {
                self.publish_interval = interval.into();
            }
        }
        if let Some(length) = variables.read::<humantime::Duration>(&["TASKSCOPE_STUCK_AFTER"], SPAN)? {
            self.stuck_after = length.into();
        }
        if let Some(Switch(log)) = variables.read(&["TASKSCOPE_LOG_STUCK"], "1, true, 0 or false")? {
            self.log_stuck = log;
        }
        if let Some(tasks) = variables.read(&["TASKSCOPE_RETAINED_TASKS"], "a number of tasks")? {
            self.limits.retained_tasks = tasks;
        }
        if let Some(tasks) = variables.read(&["TASKSCOPE_MAX_TASKS"], "a number of tasks")? {
            self.limits.max_tasks = tasks;
        }
        if let Some(Switch(show)) = variables.read(&["TASKSCOPE_SHOW_OWN_TASKS"], "1, true, 0 or false")? {
            self.show_own_tasks = show;
        }
        Ok(self)
    }
}

/// The environment, or what stands for it in a test.
struct Variables<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    /// The first of these variables that is set.
    fn read<T: FromStr>(
        &self,
        names: &[&'static str],
        expected: &'static str,
    ) -> Result<Option<T>, InitError> {
        let set = names.iter().find_map(|name| Some((*name, self.0(name)?)));
        let Some((name, value)) = set else { return Ok(None) };
        let value = value.to_string_lossy().into_owned();
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(InitError::Environment { name, value, expected }),
        }
    }
}

struct Switch(bool);

impl FromStr for Switch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "1" | "true" => Ok(Self(true)),
            "0" | "false" | "" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Builder, InitError> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Builder::default().with_variables(&Variables(find))
    }

    #[test]
    fn the_variables_of_console_subscriber_count_after_our_own() {
        let builder =
            with(&[("TOKIO_CONSOLE_BIND", "localhost:4321"), ("TOKIO_CONSOLE_RETENTION", "1h 30s")]).unwrap();
        assert_eq!(builder.bind, "localhost:4321");
        assert_eq!(builder.limits.retention, Duration::from_secs(3630));
        let both = [("TOKIO_CONSOLE_BIND", "localhost:1"), ("TASKSCOPE_BIND", "localhost:2")];
        assert_eq!(with(&both).unwrap().bind, "localhost:2");
    }

    #[cfg(feature = "console-api")]
    #[test]
    fn the_publish_interval_of_console_subscriber_counts() {
        let builder = with(&[("TOKIO_CONSOLE_PUBLISH_INTERVAL", "250ms")]).unwrap();
        assert_eq!(builder.publish_interval, Duration::from_millis(250));
    }

    #[test]
    fn nonsense_is_an_error_that_names_its_variable() {
        for nonsense in ["", "10", "s", "-1s", "99999999999999999999s", "soon"] {
            let error = with(&[("TOKIO_CONSOLE_RETENTION", nonsense)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("TOKIO_CONSOLE_RETENTION={nonsense} ")), "{error}");
        }
        assert!(with(&[("TASKSCOPE_SHOW_OWN_TASKS", "perhaps")]).is_err());
        assert!(with(&[("TASKSCOPE_SHOW_OWN_TASKS", "true")]).unwrap().show_own_tasks);
    }
}
