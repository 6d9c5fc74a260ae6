//! What makes sense to press now.

use super::Ui;
use crate::{
    action::Action,
    nav::{OverlayKind, Screen},
    screen::header::Hint,
};

const fn hint(actions: &'static [Action], text: &'static str) -> Hint {
    Hint { actions, text }
}

const MOVE: Hint = hint(&[Action::PrevRow, Action::NextRow], "select");
const OPEN: Hint = hint(&[Action::Open], "open");
const BACK: Hint = hint(&[Action::Back], "back");
const FREEZE: Hint = hint(&[Action::Freeze], "freeze");
const GO_ON: Hint = hint(&[Action::Freeze], "go on");
const FILTER: Hint = hint(&[Action::Filter], "filter");
const SORT: Hint = hint(&[Action::SortNext], "sort");
const FOLD: Hint = hint(&[Action::Fold, Action::Unfold], "fold");
const COLUMNS: Hint = hint(&[Action::Columns], "columns");
const LOOK: Hint = hint(&[Action::OpenTopFinding], "worst finding");
const PARENT: Hint = hint(&[Action::OpenParent], "spawner");
const WAKER: Hint = hint(&[Action::OpenLastWaker], "last waker");
const WAITS: Hint = hint(&[Action::Waits], "who waits for whom");
const PARTS: Hint = hint(&[Action::ToggleParts], "parts");
const TREE: Hint = hint(&[Action::AwaitTree], "traced futures");
const COPY: Hint = hint(&[Action::CopyPlace], "copy place");
const TOGGLE: Hint = hint(&[Action::Open], "show or hide");
const RUN: Hint = hint(&[Action::Open], "run");
const ACCEPT: Hint = hint(&[Action::Open], "keep");
const GIVE_UP: Hint = hint(&[Action::Back], "cancel");
const HELP: Hint = hint(&[Action::Help], "help");
const QUIT: Hint = hint(&[Action::Quit], "quit");

impl Ui {
    /// Most useful first.
    pub(in crate::model) fn hints(&self, is_frozen: bool, has_findings: bool) -> Vec<Hint> {
        match self.overlays.kind() {
            Some(OverlayKind::Help) => return vec![BACK],
            Some(OverlayKind::Palette) => return vec![MOVE, RUN, GIVE_UP],
            Some(OverlayKind::Columns) => return vec![MOVE, TOGGLE, BACK],
            None if self.overlays.is_editing() => return vec![ACCEPT, GIVE_UP],
            None => {}
        }
        let screen = self.nav.screen();
        let mut hints = vec![MOVE, OPEN];
        if let Some(table) = self.table() {
            let next = self.tables.after(screen);
            hints.extend(next.map(|next| hint(&[Action::ToggleChannels], next.things())));
            if screen == Screen::Locks {
                hints.push(WAITS);
            }
            if table.id().folds() {
                hints.push(FOLD);
            }
            hints.extend([SORT, FILTER, COLUMNS]);
        }
        hints.extend_from_slice(match screen {
            Screen::Task(_) => &[WAITS, TREE, PARENT, WAKER, COPY],
            Screen::Resource(_) => &[WAITS, COPY],
            Screen::Resources => &[PARTS],
            _ => &[],
        });
        hints.push(if is_frozen { GO_ON } else { FREEZE });
        if self.nav.len() > 1 {
            hints.insert(0, BACK);
        }
        if has_findings && matches!(screen, Screen::Tasks | Screen::Overview) {
            hints.push(LOOK);
        }
        hints.extend([HELP, QUIT]);
        hints
    }
}
