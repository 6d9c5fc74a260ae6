//! The future of a `block_on`: no task holds it, it lies on the stack of its thread, or boxed where that stack points to.
//!
//! Which type it has is known by the code of `block_on::<F>` that the thread is in; where it is, by its bytes alone: an address at which a future of that type is
//! parked, down to a leaf, and nothing in it is wrong.

use crate::{
    Frame, Options, Program, Snapshot, Step, Task, TaskState, Tree, task::TaskKind, tree::FrameState,
    types::TypeId, walk::Walk,
};

impl Program {
    /// The future that the code at an address of the file blocks on; `None`: it is no code of a `block_on`. Of code that was inlined into other such code the
    /// innermost.
    #[must_use]
    pub fn blocks_on(&self, address: u64) -> Option<TypeId> {
        let found = self.index.block_ons.iter().filter(|(from, to, _)| (*from..=*to).contains(&address));
        found.min_by_key(|(from, to, _)| to - from).map(|(_, _, ty)| *ty)
    }

    /// The future of a `block_on`, if one of this type is parked at this address.
    #[must_use]
    pub fn root(
        &self,
        ty: TypeId,
        address: u64,
        snapshot: &Snapshot,
        options: Options,
    ) -> Step<Option<Task>> {
        let mut walk = Walk::new(self, snapshot, options);
        walk.value(ty, address, 0);
        let tree = match walk.finish() {
            Step::Missing(missing) => return Step::Missing(missing),
            Step::Done(tree) => tree,
        };
        Step::Done(is_parked(&tree).then(|| self.root_task(ty, address, tree)))
    }

    fn root_task(&self, ty: TypeId, address: u64, tree: Tree) -> Task {
        // `LocalSet::run_until` is a function as well: the program's own names it.
        let is_own = |frame: &&Frame| frame.kind.is_function() && !frame.name.starts_with("tokio::");
        let own = tree.frames.iter().find(is_own).or(tree.frames.first());
        let own = own.map(|frame| (frame.name.clone(), frame.declared.clone()));
        let (name, declared) = own.unwrap_or_default();
        Task {
            header: address,
            state: TaskState::Idle,
            kind: TaskKind::Root,
            name,
            declared,
            size_bytes: Some(self.index.ty(ty).size).filter(|size| *size > 0),
            tree,
            ..Task::default()
        }
    }
}

/// Bytes that are no future of the type look like one that has not begun, has ended, or leads to what can't be. What a parked future awaits has been polled.
fn is_parked(tree: &Tree) -> bool {
    let mut polled = tree.frames.iter().filter(|frame| frame.not_polled.is_none());
    tree.problems.is_empty()
        && tree.frames.len() > 1
        && tree.frames.first().is_some_and(|first| first.kind.is_function())
        && polled.all(|frame| frame.state == FrameState::Parked)
}
