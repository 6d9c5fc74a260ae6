//! Memory that lies: a core file of a real program in whose memory anything may be. A look ends soon, and never panics.
//!
//! The headers of tasks stay, so that walks begin; what they lead to is changed: random bytes, lengths of 2^60, pointers to themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use taskscope_attach::{About, Frames, Wish};
use taskscope_await::{MAX_FRAMES, MAX_PROBLEMS};
use taskscope_observe::{Core, MAX_TASKS, Observer, Process, Source};
use tempfile::TempDir;

use crate::{
    corefile,
    looking::{observer, settled},
    programs::{Built, Profile, Running, built},
};

/// Far more than any look at 59 tasks takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A core file, and what to change in it.
struct Whole {
    built: Built,
    bytes: Vec<u8>,
    /// Of each word in memory that can be written to its place, its address, and whether it is of a task's header.
    words: Vec<(usize, u64, bool)>,
    /// Addresses of tasks.
    headers: Vec<u64>,
}

fn whole() -> &'static Whole {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let built = built("shapes", Profile::Dev);
        let running = Running::start(&built.path, &[]);
        let live = settled(&mut observer(&built, &running));
        let process = Process::open(running.pid()).expect("it runs");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("core");
        corefile::write(&process, &path);
        let bytes = fs::read(&path).expect("it was written");
        let headers: Vec<u64> = live.tasks.iter().map(|seen| seen.task.header).collect();
        let in_header =
            |address: u64| headers.iter().any(|header| (*header..*header + 32).contains(&address));
        let words = corefile::heap_words(&bytes).into_iter();
        let words = words.map(|(at, address)| (at, address, in_header(address))).collect();
        Whole { built, bytes, words, headers }
    })
}

/// What is written over a word.
#[derive(Debug, Clone, Copy)]
enum Lie {
    Random(u64),
    /// A length, or a pointer into nothing.
    Huge,
    /// A pointer to the word itself: a list that ends nowhere.
    Itself,
    /// A pointer to some task: a list that ends nowhere, or a future in itself.
    Task(prop::sample::Index),
    Small(u8),
}

fn lie() -> impl Strategy<Value = Lie> {
    prop_oneof![
        any::<u64>().prop_map(Lie::Random),
        Just(Lie::Huge),
        Just(Lie::Itself),
        any::<prop::sample::Index>().prop_map(Lie::Task),
        any::<u8>().prop_map(Lie::Small),
    ]
}

/// Which words: one in so many, from the first bytes of tasks on or not.
fn spoil(whole: &Whole, one_in: u32, seed: u32, lies: &[Lie], spare_headers: bool) -> (TempDir, PathBuf) {
    let mut bytes = whole.bytes.clone();
    let mut state = seed | 1;
    for (at, address, in_header) in &whole.words {
        // A generator of Marsaglia's: the same words for the same seed.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        if !state.is_multiple_of(one_in) || (spare_headers && *in_header) {
            continue;
        }
        let word = match lies[state as usize / 7 % lies.len()] {
            Lie::Random(word) => word.wrapping_mul(u64::from(state)),
            Lie::Huge => 1 << 60,
            Lie::Itself => *address,
            Lie::Task(which) => *which.get(&whole.headers),
            Lie::Small(number) => u64::from(number),
        };
        bytes[*at..at + 8].copy_from_slice(&word.to_le_bytes());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("core");
    fs::write(&path, bytes).expect("there is room for it");
    (folder, path)
}

fn look(built: &Built, path: &Path) {
    let core = Core::open(path, None).expect("its headers are whole");
    let started = Instant::now();
    let Ok(mut observer) = Observer::new(Source::Core(core), built.program.clone(), true) else { return };
    let seen = observer.look().expect("a core file does not end");
    assert!(seen.tasks.len() <= MAX_TASKS);
    for task in &seen.tasks {
        assert!(task.task.tree.frames.len() <= MAX_FRAMES);
        assert!(task.task.tree.problems.len() <= MAX_PROBLEMS);
    }
    let wish = Wish { all_trees: true, descriptors: true, ..Wish::default() };
    drop(Frames::new(About::default()).round(&observer, &seen, &wish));
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_may_be_anything(
        one_in in prop::sample::select(vec![2_u32, 5, 20, 100, 1000]),
        seed in any::<u32>(),
        lies in prop::collection::vec(lie(), 1..6),
        spare_headers in any::<bool>(),
    ) {
        let whole = whole();
        let (_folder, path) = spoil(whole, one_in, seed, &lies, spare_headers);
        look(&whole.built, &path);
    }
}

#[test]
fn every_word_is_one_lie() {
    let whole = whole();
    for lie in [Lie::Huge, Lie::Itself, Lie::Random(u64::MAX), Lie::Small(0), Lie::Small(3)] {
        for spare_headers in [false, true] {
            let (_folder, path) = spoil(whole, 1, 1, &[lie], spare_headers);
            look(&whole.built, &path);
        }
    }
}
