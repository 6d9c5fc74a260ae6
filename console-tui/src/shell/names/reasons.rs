//! Why functions of a stack have no names, in sentences, each with what to do.

use taskscope_proto::v1;

use super::FileState;

/// Sentences about single files that stand in one stack; the program's own file first.
const MAX_REASONS: usize = 2;

const CURE: &str = "Build the program with taskscope's feature `symbols`.";
pub(super) const FAR: &str = "Functions have no names: the program is reached over the network, and its files are where it runs. Build it with taskscope's \
     feature `symbols`, or start the console there.";
const UNDER_WAY: &str = "The names of its functions are being looked up.";

/// What was met in one stack.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    of_program: Vec<String>,
    of_libraries: Vec<String>,
    /// Without lines.
    problems: Vec<String>,
    is_under_way: bool,
}

impl Reasons {
    /// A file of the stack, and what is known of it.
    pub(super) fn add(&mut self, file: &v1::CodeFile, state: Option<&FileState>) {
        let refused = state.and_then(|state| state.refused.as_ref());
        let (list, said) = match (refused, state.and_then(|state| state.problem.as_ref())) {
            (Some(why), _) => {
                let list = if file.is_program { &mut self.of_program } else { &mut self.of_libraries };
                (list, format!("{} has no names here: {why}.", shown(&file.path)))
            }
            (None, Some(problem)) => (&mut self.problems, format!("{problem}.")),
            (None, None) => {
                self.is_under_way |= state.is_none_or(|state| state.frames.is_empty());
                return;
            }
        };
        if !list.contains(&said) {
            list.push(said);
        }
    }

    pub(super) fn sentences(self) -> String {
        let is_refused = !self.of_program.is_empty() || !self.of_libraries.is_empty();
        let refused = self.of_program.into_iter().chain(self.of_libraries).take(MAX_REASONS);
        let cure = is_refused.then(|| CURE.to_owned());
        let under_way = self.is_under_way.then(|| UNDER_WAY.to_owned());
        let all = refused.chain(cure).chain(self.problems.into_iter().take(MAX_REASONS)).chain(under_way);
        all.collect::<Vec<_>>().join(" ")
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "A file with a long path" } else { path }
}
