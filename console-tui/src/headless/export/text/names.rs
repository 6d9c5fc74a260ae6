//! What the tasks of a report are called, as its sentences call them.

use std::collections::HashMap;

use taskscope_model::{format, report::Report};

/// Names by id.
#[derive(Debug)]
pub(super) struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    /// Costs one look at each task.
    pub(super) fn of(report: &'a Report) -> Self {
        let named = report.tasks.iter().filter_map(|task| Some((task.id.as_str(), task.name.as_deref()?)));
        Self(named.collect())
    }

    /// `transfer-in #195`; `#195` where it has no name or has left; `–` for no task.
    pub(super) fn task(&self, id: Option<&str>) -> String {
        let Some(id) = id else { return format::UNKNOWN.to_owned() };
        self.0.get(id).map_or_else(|| format!("#{id}"), |name| format!("{name} #{id}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::Names;

    #[test]
    fn a_task_is_called_by_its_name_where_it_has_one() {
        let names = Names(HashMap::from([("7", "import")]));
        let words = [Some("7"), Some("8"), None].map(|id| names.task(id));
        assert_eq!(words, ["import #7", "#8", "–"]);
    }
}
