//! The configuration file: TOML, under the XDG configuration folder, in `taskscope/config.toml`.
//!
//! Invariant: what is not in the file has its default; an unknown name in it is an error that suggests the nearest known
//! name; a flag beats the file. Limit: [`MAX_CONFIG_BYTES`].

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy as _;
use serde::Deserialize;
use taskscope_model::{self as model, ColumnId, LintConfig, LintKind, TableConfig, TableId};

use crate::{
    keymap::{self, Keymap, KeymapError},
    nearest::nearest,
    target::{Target, TargetError},
    theme::capabilities::{ColorChoice, ThemeChoice},
};

/// A configuration is written by hand; a larger file is another file.
pub const MAX_CONFIG_BYTES: u64 = 256 * 1024;

/// The file as it is written.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// What to watch when the command line has no target.
    pub target: Option<String>,
    /// Looks.
    pub screen: Screen,
    /// The tasks.
    pub tasks: Tasks,
    /// The other tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// Thresholds.
    pub lints: LintConfig,
    /// Actions and their keys.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// `[screen]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Screen {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// When to use colour.
    pub color: ColorChoice,
    /// Keep to ASCII.
    pub ascii: bool,
    /// Capture the mouse.
    pub mouse: bool,
    /// From how many columns on the detail stands beside the table.
    pub side_pane_width: u16,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            color: ColorChoice::default(),
            ascii: false,
            mouse: true,
            side_pane_width: DEFAULT_SIDE_PANE_WIDTH,
        }
    }
}

/// Narrower than this, the table alone needs the room.
pub const DEFAULT_SIDE_PANE_WIDTH: u16 = 160;

/// `[tasks]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tasks {
    /// Columns, in order; `None`: those that are shown by default.
    pub columns: Option<Vec<String>>,
    /// The filter to start with.
    pub filter: String,
    /// The column that sorts at first; `None`: by suspicion.
    pub sort: Option<String>,
    /// How long a finished task stays in the list.
    pub retention_ms: u64,
    /// A spawn site with at least this many tasks folds by itself.
    pub fold_at: usize,
    /// Tasks held.
    pub max_tasks: usize,
}

impl Default for Tasks {
    fn default() -> Self {
        let model = model::Config::default();
        Self {
            columns: None,
            filter: String::new(),
            sort: None,
            retention_ms: u64::try_from(model.retention.as_millis()).unwrap_or(u64::MAX),
            fold_at: model.fold_at,
            max_tasks: model.max_tasks,
        }
    }
}

/// `[tables.locks]`, and so on for each table.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Table {
    /// Columns, in order; `None`: those that are shown by default.
    pub columns: Option<Vec<String>>,
    /// The filter to start with.
    pub filter: String,
    /// The column that sorts at first; `None`: by suspicion, where there is one.
    pub sort: Option<String>,
}

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is far too long.
    #[error("{} is longer than {MAX_CONFIG_BYTES} bytes, the limit of a configuration", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// It is no TOML, or has an unknown name or a wrong value.
    #[error("{}: {sentence}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        sentence: String,
    },
    /// Its keys are invalid.
    #[error("[keys]")]
    Keys(#[from] KeymapError),
    /// Its target is invalid.
    #[error("target")]
    Target(#[from] TargetError),
}

impl File {
    /// Reads `path`, or the file where configurations are kept. None there: the defaults.
    ///
    /// # Errors
    /// When there is a file that can't be read or understood, or when `path` is given and there is none.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (path, asked) = match path {
            Some(path) => (path.to_owned(), true),
            None => match default_path() {
                Some(path) => (path, false),
                None => return Ok(Self::default()),
            },
        };
        let mut text = String::new();
        let read =
            fs::File::open(&path).and_then(|file| file.take(MAX_CONFIG_BYTES + 1).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !asked => return Ok(Self::default()),
            Err(source) => return Err(ConfigError::Read { path, source }),
            Ok(_) if text.len() as u64 > MAX_CONFIG_BYTES => return Err(ConfigError::TooLong { path }),
            Ok(_) => {}
        }
        Self::parse(&text).map_err(|sentence| ConfigError::Parse { path, sentence })
    }

    /// Reads a text.
    ///
    /// # Errors
    /// A sentence with its place, when the text is no configuration.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let hint = suggestion(error.message());
            format!("{}{hint}", error.to_string().trim_end())
        })?;
        file.table_configs()?;
        Ok(file)
    }

    /// How each table starts, or what can't be.
    fn table_configs(&self) -> Result<BTreeMap<TableId, TableConfig>, String> {
        let tasks = Table {
            columns: self.tasks.columns.clone(),
            filter: self.tasks.filter.clone(),
            sort: self.tasks.sort.clone(),
        };
        let mut configs = BTreeMap::from([(TableId::Tasks, table_config("tasks", TableId::Tasks, &tasks)?)]);
        for (name, table) in &self.tables {
            let others = TableId::ALL.iter().filter(|id| **id != TableId::Tasks);
            let id = others.clone().find(|id| id.name() == name);
            let Some(id) = id else {
                return Err(unknown("tables", "table", name, others.map(|id| id.name())));
            };
            configs.insert(*id, table_config(&format!("tables.{name}"), *id, table)?);
        }
        Ok(configs)
    }

    /// What the model reads.
    pub fn model(&self, target: &Target) -> model::Config {
        model::Config {
            target: target.to_string(),
            retention: Duration::from_millis(self.tasks.retention_ms),
            max_tasks: self.tasks.max_tasks,
            fold_at: self.tasks.fold_at,
            // Reading the file has reported what is wrong with them.
            tables: self.table_configs().unwrap_or_default(),
            mouse: self.screen.mouse,
            side_pane_width: self.screen.side_pane_width,
            lints: self.lints.clone(),
            ..model::Config::default()
        }
    }

    /// The keys.
    ///
    /// # Errors
    /// When an action or a key doesn't exist, or two actions want the same.
    pub fn keymap(&self) -> Result<Keymap, ConfigError> {
        Ok(Keymap::with(&self.keys)?)
    }

    /// What to watch.
    ///
    /// # Errors
    /// When the text is no target.
    pub fn target(&self) -> Result<Target, ConfigError> {
        Ok(self.target.as_deref().map(str::parse).transpose()?.unwrap_or_default())
    }
}

/// `at`: the section, for errors.
fn table_config(at: &str, id: TableId, table: &Table) -> Result<TableConfig, String> {
    let column = |name: &String| -> Result<ColumnId, String> {
        let all = id.columns();
        let known = all.iter().map(|spec| spec.id);
        known.clone().find(|known| known == name).ok_or_else(|| unknown(at, "column", name, known))
    };
    if let Some(error) = id.filter_error(&table.filter) {
        return Err(format!("{at}.filter: {}", error.message));
    }
    Ok(TableConfig {
        columns: table.columns.as_ref().map(|names| names.iter().map(column).collect()).transpose()?,
        filter: table.filter.clone(),
        sort: table.sort.as_ref().map(column).transpose()?,
    })
}

fn unknown<'a>(at: &str, what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let hint = nearest(name, known.clone());
    let hint = hint.map_or_else(String::new, |known| format!("; did you mean `{known}`?"));
    let all = known.collect::<Vec<_>>().join(" ");
    format!("[{at}] there is no {what} `{name}`{hint}\navailable: {all}")
}

/// Where the configuration is kept.
pub fn default_path() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("taskscope").join("config.toml"))
}

/// The whole configuration with its defaults, to edit.
pub fn template() -> String {
    let screen = Screen::default();
    let tasks = Tasks::default();
    let columns = |id: TableId| {
        let on = id.columns().into_iter().filter(|spec| spec.on).map(|spec| format!("\"{}\"", spec.id));
        on.collect::<Vec<_>>().join(", ")
    };
    let all = |id: TableId| id.columns().iter().map(|spec| spec.id).collect::<Vec<_>>().join(" ");
    let mut out = format!(
        "# The configuration of taskscope with its defaults. taskscope reads it from\n# {}\n\n\
         # the program to watch: host:port, http://host:port or unix:/path\ntarget = \"{}\"\n\n\
         [screen]\n# background of the terminal: auto (ask it), dark or light\ntheme = \"auto\"\n\
         # auto (unless NO_COLOR is set), always or never\ncolor = \"auto\"\n\
         # draw with ASCII only\nascii = {}\n\
         # capture the mouse; the key m switches it\nmouse = {}\n\
         # a terminal of at least this width shows the selected task beside the table\nside-pane-width = {}\n\n\
         [tasks]\n# available: {}\ncolumns = [{}]\nfilter = \"\"\n\
         # milliseconds that a finished task stays in the list\nretention-ms = {}\n\
         # fold the tasks of one place into one row when there are at least this many\nfold-at = {}\n\
         # keep at most this many tasks and count the others as lost\nmax-tasks = {}\n\n",
        default_path().map_or_else(|| "taskscope/config.toml".to_owned(), |path| path.display().to_string()),
        Target::default(),
        screen.ascii,
        screen.mouse,
        screen.side_pane_width,
        all(TableId::Tasks),
        columns(TableId::Tasks),
        tasks.retention_ms,
        tasks.fold_at,
        tasks.max_tasks,
    );
    out.push_str("# Every other table has columns, a filter and a sort column (sort = \"column\"), too:\n");
    for id in TableId::ALL.iter().filter(|id| **id != TableId::Tasks) {
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "# available: {}\n# [tables.{}]\n# columns = [{}]\n# filter = \"\"\n",
            all(*id),
            id.name(),
            columns(*id)
        );
    }
    out.push_str(&lints());
    out.push_str("# Each action and its keys. \"g g\" means: press g, then g again.\n[keys]\n");
    for (action, keys) in keymap::defaults() {
        let keys: Vec<String> = keys.iter().map(|key| format!("\"{key}\"")).collect();
        // Writing to a String does not fail.
        let _ = writeln!(out, "{} = [{}]", action.name(), keys.join(", "));
    }
    out
}

/// The lints with their defaults, each with what it looks for and what its settings mean.
fn lints() -> String {
    // Plain numbers and booleans in named tables: there is nothing in them that TOML can't write.
    let defaults = toml::Table::try_from(LintConfig::default()).unwrap_or_default();
    let mut out = String::new();
    for lint in LintKind::ALL {
        // Writing to a String does not fail.
        let _ = write!(out, "# {}\n[lints.{}]\nenabled = true\n", lint.help(), lint.name());
        for threshold in lint.thresholds() {
            let name = threshold.name();
            let default = defaults.get(lint.name()).and_then(|lint| lint.get(&name));
            let default = default.map(toml::Value::to_string).unwrap_or_default();
            let _ = writeln!(out, "# {}\n{name} = {default}", threshold.help());
        }
        out.push('\n');
    }
    out
}

/// serde's messages name what is wrong, then all that would be right, each between back-ticks.
fn suggestion(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    let known = names.next().and_then(|wrong| nearest(wrong, names));
    known.map_or_else(String::new, |name| format!("\ndid you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_the_default() {
        let read = File::parse(&template()).unwrap();
        let on = TableId::Tasks.columns().into_iter().filter(|spec| spec.on);
        let columns = Some(on.map(|spec| spec.id.to_owned()).collect());
        let expected = File {
            target: Some(Target::default().to_string()),
            keys: read.keys.clone(),
            tasks: Tasks { columns, ..Tasks::default() },
            ..File::default()
        };
        assert_eq!(read, expected);
        let keymap = read.keymap().unwrap();
        for (action, keys) in keymap::defaults() {
            assert_eq!(keymap.keys(action).count(), keys.len(), "{}", action.name());
        }
    }

    #[test]
    fn mistakes_name_their_place_and_the_nearest_name() {
        let error = File::parse("[screen]\nthem = \"dark\"\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("did you mean `theme`?"), "{error}");
        let error = File::parse("[lints.long-pol]\n").unwrap_err();
        assert!(error.contains("did you mean `long-poll`?"), "{error}");
        let error = File::parse("[tasks]\ncolumns = [\"buzy\"]\n").unwrap_err();
        assert!(error.contains("[tasks]") && error.contains("did you mean `busy`?"), "{error}");
        let error = File::parse("[tables.lock]\n").unwrap_err();
        assert!(error.contains("did you mean `locks`?"), "{error}");
        let error = File::parse("[tables.locks]\nsort = \"hold\"\n").unwrap_err();
        assert!(error.contains("[tables.locks]") && error.contains("did you mean `holder`?"), "{error}");
        let error = File::parse("[tables.sockets]\nfilter = \"sendq>x\"\n").unwrap_err();
        assert!(error.contains("`x` is no size"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_error_only_when_asked_for() {
        let missing = Path::new("no/such/file.toml");
        assert!(matches!(File::load(Some(missing)), Err(ConfigError::Read { .. })));
    }

    #[test]
    fn an_error_names_its_cause_once() {
        let error = File::load(Some(Path::new("no/such/file.toml"))).unwrap_err();
        let shown = format!("{:#}", color_eyre::eyre::Report::new(error));
        assert_eq!(shown.matches("No such file").count(), 1, "{shown}");
        let file = File { target: Some("https://a:1".to_owned()), ..File::default() };
        let shown = format!("{:#}", color_eyre::eyre::Report::new(file.target().unwrap_err()));
        assert_eq!(shown.matches("is not a scheme").count(), 1, "{shown}");
    }

    #[test]
    fn settings_reach_the_model() {
        let file =
            File::parse("[tasks]\nretention-ms = 5\ncolumns = [\"busy\"]\n[lints.long-poll]\npoll-ms = 7\n")
                .unwrap();
        let model = file.model(&Target::default());
        assert_eq!(model.retention, Duration::from_millis(5));
        assert_eq!(model.tables[&TableId::Tasks].columns.as_deref(), Some(&["busy"][..]));
        assert_eq!(model.lints.long_poll.poll_ms, 7);
    }
}
