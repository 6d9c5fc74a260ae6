//! Which callsites are tokio's own.
//!
//! Names and targets as tokio 1.54.1 emits them (`tokio/src/util/trace.rs`, `tokio/src/runtime/task/waker.rs`, `tokio/src/sync`); the
//! older target `runtime::waker` is of tokio before 1.13.

use std::sync::{
    OnceLock,
    atomic::{
        AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use tracing_core::Metadata;

/// What a callsite is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum CallsiteKind {
    /// Not tokio's.
    Other,
    /// The span of a task.
    Task,
    /// An event about a task's waker.
    Waker,
    /// The span of a lock, a timer, …
    Resource,
    /// The span of an operation on one.
    Op,
    /// The span of such an operation's polls.
    OpPoll,
    /// An event about an attribute of a resource.
    ResourceUpdate,
    /// An event about an attribute of an operation.
    OpUpdate,
    /// Tokio's, and of no use to us: whether a poll of an operation was ready shows in its end.
    Unused,
}

impl CallsiteKind {
    /// From its number plus one.
    #[inline]
    fn from_plus1(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Other,
            2 => Self::Task,
            3 => Self::Waker,
            4 => Self::Resource,
            5 => Self::Op,
            6 => Self::OpPoll,
            7 => Self::ResourceUpdate,
            8 => Self::OpUpdate,
            9 => Self::Unused,
            _ => return None,
        })
    }

    /// Whether it is an event about an attribute.
    fn is_update(self) -> bool {
        matches!(self, Self::ResourceUpdate | Self::OpUpdate)
    }

    /// Whether we record it.
    pub(crate) fn is_recorded(self) -> bool {
        !matches!(self, Self::Other | Self::Unused)
    }
}

/// The kind of a callsite, by its text. For callsites that register; events and spans go by [`Callsites`].
pub(crate) fn kind(metadata: &Metadata<'_>) -> CallsiteKind {
    if metadata.is_event() {
        return match metadata.target() {
            "tokio::task::waker" | "runtime::waker" => CallsiteKind::Waker,
            "runtime::resource::state_update" => CallsiteKind::ResourceUpdate,
            "runtime::resource::async_op::state_update" => CallsiteKind::OpUpdate,
            "runtime::resource::poll_op" => CallsiteKind::Unused,
            _ => CallsiteKind::Other,
        };
    }
    match metadata.name() {
        "runtime.spawn" => CallsiteKind::Task,
        "runtime.resource" => CallsiteKind::Resource,
        "runtime.resource.async_op" => CallsiteKind::Op,
        "runtime.resource.async_op.poll" => CallsiteKind::OpPoll,
        _ => CallsiteKind::Other,
    }
}

/// Tokio's version, once a callsite of it has shown it.
static TOKIO_VERSION: OnceLock<&'static str> = OnceLock::new();

/// Tokio has no function for its version, but a callsite of it says in which file it is: that of a release lies in a folder `tokio-1.54.1`. Of a
/// tokio from elsewhere (a path, a git checkout, a vendored one) the version stays unknown.
fn note_tokio_version(file: Option<&'static str>) {
    if TOKIO_VERSION.get().is_none()
        && let Some(version) = file.and_then(version_in)
    {
        let _another_thread_was_first = TOKIO_VERSION.set(version);
    }
}

/// `1.54.1` of `…/tokio-1.54.1/src/…`, with either separator.
fn version_in(file: &str) -> Option<&str> {
    let mut folders = file.split(['/', '\\']).rev().skip_while(|folder| *folder != "src").skip(1);
    let version = folders.next()?.strip_prefix("tokio-")?;
    version.starts_with(|first: char| first.is_ascii_digit()).then_some(version)
}

/// Tokio's version; `None`: unknown.
#[cfg(feature = "server")]
pub(crate) fn tokio_version() -> Option<&'static str> {
    TOKIO_VERSION.get().copied()
}

/// Callsites kept by address; tokio has about seventy. A power of two.
const BUCKETS: usize = 1024;
/// Buckets tried for a callsite.
const WINDOW: usize = 8;

/// The kinds of callsites by their address, so that the hottest events are distinguished without comparing text: about 1 ns.
#[derive(Debug)]
pub(crate) struct Callsites {
    buckets: Box<[Bucket; BUCKETS]>,
    /// The line of the event about the permits that an acquisition wants; 0: not met yet.
    requested_line: AtomicU32,
}

/// 24 bytes.
#[derive(Debug, Default)]
struct Bucket {
    address: AtomicUsize,
    /// [`FieldRoles`].
    fields: AtomicU64,
    /// 0: not known yet.
    kind_plus1: AtomicU8,
}

/// What the first fields of an event about an attribute are, by their place: so an event is read without comparing text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldRoles(u64);

/// See [`FieldRoles`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldRole {
    /// The value of the attribute with this number of the recorder's names.
    Value(u32),
    /// `permits.op`: what happens to it.
    Change,
    /// `duration.unit`.
    Unit,
    /// Past the fields that are looked at, or past the recorder's names.
    None,
}

impl FieldRoles {
    /// Bits of a field. Names have at most 8, and the greatest is never given.
    const BITS: usize = 16;
    /// Fields that are looked at; tokio's events have three.
    const FIELDS: usize = 4;
    const CHANGE: u64 = 0xffff;
    const UNIT: u64 = 0xfffe;

    fn of(metadata: &Metadata<'_>, name_number: impl Fn(&str) -> u32) -> Self {
        let mut roles = 0;
        for (at, field) in metadata.fields().iter().enumerate().take(Self::FIELDS) {
            let role = match field.name().rsplit('.').next() {
                Some("op") => Self::CHANGE,
                Some("unit") => Self::UNIT,
                _ => u64::from(name_number(field.name())),
            };
            roles |= role << (at * Self::BITS);
        }
        Self(roles)
    }

    /// Of the field at this place.
    #[inline]
    pub(crate) fn role(self, at: usize) -> FieldRole {
        if at >= Self::FIELDS {
            return FieldRole::None;
        }
        match self.0 >> (at * Self::BITS) & 0xffff {
            Self::CHANGE => FieldRole::Change,
            Self::UNIT => FieldRole::Unit,
            0 => FieldRole::None,
            name => FieldRole::Value(name as u32),
        }
    }
}

impl Callsites {
    pub(crate) fn new() -> Self {
        Self {
            buckets: Box::new(std::array::from_fn(|_| Bucket::default())),
            requested_line: AtomicU32::new(0),
        }
    }

    /// Remembers a callsite of tokio's and returns its kind. `name_number` gives the recorder's number of a name.
    pub(crate) fn register(
        &self,
        metadata: &'static Metadata<'static>,
        name_number: impl Fn(&str) -> u32,
    ) -> CallsiteKind {
        let mut kind = kind(metadata);
        if kind == CallsiteKind::Other {
            return kind;
        }
        if kind == CallsiteKind::OpUpdate && self.is_start_of_acquisition(metadata) {
            kind = CallsiteKind::Unused;
        }
        note_tokio_version(metadata.file());
        let address = address(metadata);
        for bucket in self.window(address) {
            // Threads register at the same time: the bucket is claimed first, and means nothing until it has its kind.
            let claimed = bucket.address.compare_exchange(0, address, Relaxed, Relaxed);
            if claimed.is_ok() || claimed == Err(address) {
                if kind.is_update() {
                    bucket.fields.store(FieldRoles::of(metadata, name_number).0, Relaxed);
                }
                bucket.kind_plus1.store(kind as u8 + 1, Release);
                break;
            }
        }
        kind
    }

    /// Whether an event says that an acquisition has no permits yet, which every new one has not. Tokio has it right after the one about the permits that are
    /// wanted, in the same file; other events about those that were obtained are further away.
    fn is_start_of_acquisition(&self, metadata: &Metadata<'_>) -> bool {
        const NEAR_LINES: u32 = 12;
        let (Some(line), Some(field)) = (metadata.line(), metadata.fields().iter().next()) else {
            return false;
        };
        match field.name() {
            "permits_requested" => {
                self.requested_line.store(line, Relaxed);
                false
            }
            "permits_obtained" => {
                let requested = self.requested_line.load(Relaxed);
                requested != 0 && (1..=NEAR_LINES).contains(&line.wrapping_sub(requested))
            }
            _ => false,
        }
    }

    /// The kind of a callsite.
    #[inline]
    pub(crate) fn kind(&self, metadata: &'static Metadata<'static>) -> CallsiteKind {
        match self.find(metadata) {
            Some((_, kind)) => kind,
            None => kind(metadata),
        }
    }

    /// Whether it is surely tokio's; if not, [`Callsites::kind`] knows.
    #[inline]
    pub(crate) fn has(&self, metadata: &'static Metadata<'static>) -> bool {
        let address = address(metadata);
        self.buckets[first(address) % BUCKETS].address.load(Relaxed) == address
    }

    /// The kind of an event, and of one about an attribute what its fields are.
    #[inline]
    pub(crate) fn event(
        &self,
        metadata: &'static Metadata<'static>,
        name_number: impl Fn(&str) -> u32,
    ) -> (CallsiteKind, FieldRoles) {
        if let Some((bucket, kind)) = self.find(metadata) {
            return (kind, FieldRoles(bucket.fields.load(Relaxed)));
        }
        let kind = kind(metadata);
        let fields = if kind.is_update() { FieldRoles::of(metadata, name_number) } else { FieldRoles(0) };
        (kind, fields)
    }

    /// `None`: not ours; or ours, but another thread is about to register it: its first span must not be lost.
    #[inline]
    fn find(&self, metadata: &'static Metadata<'static>) -> Option<(&Bucket, CallsiteKind)> {
        let address = address(metadata);
        let bucket = &self.buckets[first(address) % BUCKETS];
        // Mostly it is in the first one.
        if bucket.address.load(Relaxed) == address { bucket.known() } else { self.find_further(address) }
    }

    #[inline(never)]
    fn find_further(&self, address: usize) -> Option<(&Bucket, CallsiteKind)> {
        for bucket in self.window(address) {
            match bucket.address.load(Relaxed) {
                0 => return None,
                known if known == address => return bucket.known(),
                _ => {}
            }
        }
        None
    }

    fn window(&self, address: usize) -> impl Iterator<Item = &Bucket> {
        (0..WINDOW).map(move |step| &self.buckets[(first(address) + step) % BUCKETS])
    }
}

impl Bucket {
    /// `None`: it is just being registered.
    #[inline]
    fn known(&self) -> Option<(&Self, CallsiteKind)> {
        Some((self, CallsiteKind::from_plus1(self.kind_plus1.load(Acquire))?))
    }
}

/// Statics lie a metadata's size apart: the upper bits of a product spread them.
#[inline]
fn first(address: usize) -> usize {
    ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize
}

fn address(metadata: &'static Metadata<'static>) -> usize {
    std::ptr::from_ref(metadata) as usize
}

#[cfg(test)]
mod tests {
    use tracing_core::{Callsite, Interest, Level};

    use super::*;

    struct Here;
    static HERE: Here = Here;
    static SPAWN: Metadata<'static> = tracing_core::metadata! {
        name: "runtime.spawn",
        target: "tokio::task",
        level: Level::TRACE,
        fields: &[],
        callsite: &HERE,
        kind: tracing_core::metadata::Kind::SPAN,
    };

    impl Callsite for Here {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            &SPAWN
        }
    }

    #[test]
    fn a_release_of_tokio_names_itself_in_its_files_path() {
        for (file, version) in [
            (
                "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/tokio-1.54.1/src/util/trace.rs",
                Some("1.54.1"),
            ),
            (r"C:\registry\tokio-2.0.0-rc.1\src\runtime\task\waker.rs", Some("2.0.0-rc.1")),
            ("/home/me/tokio-util-0.7.1/src/lib.rs", None),
            ("/home/me/tokio-console/src/main.rs", None),
            ("/checkouts/tokio-1a2b/3c4d/tokio/src/util/trace.rs", None),
            ("src/main.rs", None),
            ("", None),
        ] {
            assert_eq!(version_in(file), version, "{file}");
        }
    }

    #[test]
    fn a_callsite_that_is_just_being_registered_is_known() {
        let callsites = Callsites::new();
        // `tracing` asks `enabled` and goes on while another thread registers.
        assert_eq!(callsites.kind(&SPAWN), CallsiteKind::Task);
        assert_eq!(callsites.register(&SPAWN, |_| 0), CallsiteKind::Task);
        assert_eq!(callsites.kind(&SPAWN), CallsiteKind::Task);
    }

    #[test]
    fn the_fields_of_an_update_are_known_by_their_place() {
        static UPDATE: Metadata<'static> = tracing_core::metadata! {
            name: "event",
            target: "runtime::resource::state_update",
            level: Level::TRACE,
            fields: &["duration", "duration.unit", "duration.op", "more", "too many"],
            callsite: &HERE,
            kind: tracing_core::metadata::Kind::EVENT,
        };
        let number = |name: &str| if name == "duration" { 7 } else { 8 };
        let (known, unknown) = (Callsites::new(), Callsites::new());
        assert_eq!(known.register(&UPDATE, number), CallsiteKind::ResourceUpdate);
        for callsites in [known, unknown] {
            let (kind, roles) = callsites.event(&UPDATE, number);
            assert_eq!(kind, CallsiteKind::ResourceUpdate);
            assert_eq!(
                [0, 1, 2, 3, 4].map(|at| roles.role(at)),
                [
                    FieldRole::Value(7),
                    FieldRole::Unit,
                    FieldRole::Change,
                    FieldRole::Value(8),
                    FieldRole::None
                ]
            );
        }
    }
}
