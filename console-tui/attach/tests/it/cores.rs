//! Core files: the same tasks and trees as in the process, and errors for those that are damaged.

use std::{fs, path::Path, sync::OnceLock};

use proptest::{prelude::*, sample::Index};
use taskscope_observe::{AttachError, Core, Observed, Observer, Process, Source};
use tempfile::TempDir;

use crate::{
    corefile,
    looking::{observer, settled},
    programs::{Built, Profile, Running, built},
    trees,
};

/// A core file of a program, and what was seen of that while it ran.
fn core_of(built: &Built, arguments: &[&str]) -> (TempDir, Observed) {
    let running = Running::start(&built.path, arguments);
    let live = settled(&mut observer(built, &running));
    let folder = tempfile::tempdir().expect("a folder");
    let process = Process::open(running.pid()).expect("it runs");
    corefile::write(&process, &folder.path().join("core"));
    (folder, live)
}

fn look(built: &Built, path: &Path) -> Result<Observed, AttachError> {
    Observer::new(Source::Core(Core::open(path, None)?), built.program.clone(), false)?.look()
}

fn trees_of(observed: &Observed) -> Vec<String> {
    let mut trees: Vec<String> = observed.tasks.iter().map(trees::text).collect();
    trees.sort_unstable();
    trees
}

#[test]
fn a_core_file_shows_what_its_process_showed() {
    let built = built("shapes", Profile::Dev);
    let (folder, live) = core_of(&built, &[]);
    let core = look(&built, &folder.path().join("core")).expect("it is a core file");
    assert!(live.tasks.len() > 50);
    let (of_core, of_live) = (trees_of(&core), trees_of(&live));
    // Tree by tree: all of them together are too much to read.
    of_core.iter().zip(&of_live).for_each(|(of_core, of_live)| assert_eq!(of_core, of_live));
    assert_eq!(of_core.len(), of_live.len());
    let ids = |observed: &Observed| {
        observed.tasks.iter().map(|seen| (seen.task.header, seen.task.id)).collect::<Vec<_>>()
    };
    assert_eq!(ids(&core), ids(&live));
    let runtimes =
        |observed: &Observed| observed.runtimes.iter().map(|seen| seen.of.address).collect::<Vec<_>>();
    assert_eq!(runtimes(&core), runtimes(&live));
    let threads = |observed: &Observed| {
        observed.threads.iter().map(|seen| (seen.thread.os_id, seen.runtime)).collect::<Vec<_>>()
    };
    assert_eq!(threads(&core), threads(&live));
}

#[test]
fn what_is_no_core_file_is_refused_with_a_sentence() {
    let built = built("small", Profile::Dev);
    for path in
        [built.path.as_path(), Path::new("/proc/self/status"), Path::new("/"), Path::new("/no/such/file")]
    {
        let error = Core::open(path, None).expect_err("it is no core file");
        assert!(
            matches!(&error, AttachError::NoCore { path: named, .. } if Path::new(named) == path),
            "{error}"
        );
    }
}

/// What may be wrong with a file.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    /// Of its headers and notes, where each byte matters.
    Front(Vec<(u16, u8)>),
    Anywhere(Vec<(Index, u8)>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        prop::collection::vec((0..8192_u16, any::<u8>()), 1..20).prop_map(Damage::Front),
        prop::collection::vec(any::<(Index, u8)>(), 1..2000).prop_map(Damage::Anywhere),
    ]
}

/// The core file of a small program, and the program.
fn whole() -> &'static (Built, Vec<u8>) {
    static WHOLE: OnceLock<(Built, Vec<u8>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let built = built("small", Profile::Dev);
        let (folder, _) = core_of(&built, &[]);
        let bytes = fs::read(folder.path().join("core")).expect("it was written");
        (built, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_core_files_are_errors_or_show_less(damage in damage()) {
        let (built, whole) = whole();
        let mut bytes = whole.clone();
        match damage {
            Damage::Cut(at) => bytes.truncate(at.index(whole.len())),
            Damage::Front(changes) => changes.into_iter().for_each(|(at, value)| bytes[usize::from(at)] = value),
            Damage::Anywhere(changes) => changes.into_iter().for_each(|(at, value)| bytes[at.index(whole.len())] = value),
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("core");
        fs::write(&path, bytes).expect("there is room for it");
        if let Ok(observed) = look(built, &path) {
            prop_assert!(observed.tasks.len() <= 10_000);
        }
    }
}
