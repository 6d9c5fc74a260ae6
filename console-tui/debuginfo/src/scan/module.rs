//! The few modules of tokio's that the pass asks about, so that it compares no paths.

/// Where a namespace is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    /// None of the others.
    Other,
    /// A block of implementations, or a closure: `{impl#3}`.
    Braced,
    /// `tokio`.
    Tokio,
    /// `tokio::runtime`, and what is in it and not named below.
    Runtime,
    /// A `{impl#3}` in `tokio::runtime`.
    RuntimeBraced,
    /// `tokio::runtime::task`.
    Task,
    /// `tokio::runtime::task::raw`.
    TaskRaw,
    /// `tokio::runtime::task::core` or `list`.
    TaskTypes,
    /// `tokio::runtime::context`.
    Context,
    /// `tokio::runtime::context::CONTEXT`, with all in it.
    ContextStatic,
}

impl Module {
    /// The namespace `name` in another one; `None`: in none.
    pub(super) fn enter(parent: Option<Self>, name: &[u8]) -> Self {
        let is_braced = name.ends_with(b"}");
        match (parent, name) {
            (None, b"tokio") => Self::Tokio,
            (Some(Self::Tokio), b"runtime") => Self::Runtime,
            (Some(Self::Runtime), b"task") => Self::Task,
            (Some(Self::Runtime), b"context") => Self::Context,
            (Some(Self::Task), b"raw") => Self::TaskRaw,
            (Some(Self::Task), b"core" | b"list") => Self::TaskTypes,
            (Some(Self::ContextStatic), _) => Self::ContextStatic,
            (Some(Self::Context), name) if name.starts_with(b"CONTEXT") => Self::ContextStatic,
            (Some(parent), _) if parent.is_runtime() && is_braced => Self::RuntimeBraced,
            (Some(parent), _) if parent.is_runtime() => Self::Runtime,
            _ if is_braced => Self::Braced,
            _ => Self::Other,
        }
    }

    /// In `tokio::runtime`, where `block_on` is.
    pub(super) fn is_runtime(self) -> bool {
        matches!(
            self,
            Self::Runtime
                | Self::RuntimeBraced
                | Self::Task
                | Self::TaskRaw
                | Self::TaskTypes
                | Self::Context
                | Self::ContextStatic
        )
    }

    /// Functions in it may implement a trait.
    pub(super) fn is_braced(self) -> bool {
        matches!(self, Self::Braced | Self::RuntimeBraced)
    }

    /// Types in it are wanted by name.
    pub(super) fn has_named_types(self) -> bool {
        matches!(self, Self::TaskRaw | Self::TaskTypes)
    }
}

#[cfg(test)]
mod tests {
    use super::Module;

    fn at(path: &[&str]) -> Option<Module> {
        path.iter().fold(None, |parent, name| Some(Module::enter(parent, name.as_bytes())))
    }

    #[test]
    fn paths_lead_to_their_modules() {
        assert_eq!(at(&["tokio", "runtime", "task", "raw"]), Some(Module::TaskRaw));
        assert_eq!(at(&["mine", "tokio", "runtime", "task", "raw"]), Some(Module::Other));
        assert_eq!(at(&["tokio", "runtime", "task", "core"]), Some(Module::TaskTypes));
        assert_eq!(at(&["tokio", "runtime", "scheduler", "{impl#2}"]), Some(Module::RuntimeBraced));
        assert_eq!(
            at(&["tokio", "runtime", "context", "CONTEXT", "{closure#0}"]),
            Some(Module::ContextStatic)
        );
        assert_eq!(at(&["mine", "{impl#2}"]), Some(Module::Braced));
    }
}
