//! Spawn sites: where in the program's source tasks are made, with the exact totals of the tasks that ended.
//!
//! Invariant: a site's number never changes and its totals only rise. Limit: [`MAX_SITES`]; further places fold into site 0, which
//! also stands for "no place known", and are counted. Looked up once a spawn (about 30 ns), never on the poll path.

mod sums;

use std::{
    cell::Cell,
    hash::{Hash, Hasher},
    panic::Location,
    sync::{
        OnceLock, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use rustc_hash::{FxHashMap, FxHasher};

pub(crate) use self::sums::Ended;
use self::sums::{Sums, ThreadSums, Writers};
use crate::thread::{self, slots::ThreadSlots};

/// Places that get a number of their own, 0 included.
pub const MAX_SITES: usize = 4096;
/// Bytes of a path that are kept.
pub const MAX_PATH_BYTES: usize = 512;

/// Sites made room for at a time.
const CHUNK: usize = 64;
type Chunk = Box<[OnceLock<Site>]>;

/// A place in the program's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    /// Path as the compiler gives it.
    pub file: &'a str,
    /// 1-based.
    pub line: u32,
    /// 1-based.
    pub column: u32,
}

/// A spawn site.
#[derive(Debug, Default)]
pub struct Site {
    file: Box<str>,
    line: u32,
    column: u32,
    /// Of threads without a number of their own.
    sums: Sums,
}

/// Sums over the finished tasks of a site; times in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each is the sum of the task counter of the same name")]
pub struct SiteTotals {
    pub spawned: u64,
    pub finished: u64,
    pub polls: u64,
    pub busy: u64,
    pub scheduled: u64,
    pub wakes: u64,
    pub self_wakes: u64,
}

impl Site {
    /// Where it is.
    pub fn place(&self) -> Place<'_> {
        Place { file: &self.file, line: self.line, column: self.column }
    }
}

/// Places that a thread knows the numbers of. A power of two.
const KNOWN_PLACES: usize = 64;

thread_local! {
    static PLACES: [Cell<KnownPlace>; KNOWN_PLACES] = const { [const { Cell::new(KnownPlace { key: PlaceKey::NONE, recorder: 0, number: 0 }) }; KNOWN_PLACES] };
}

/// 48 bytes.
#[derive(Clone, Copy)]
struct KnownPlace {
    key: PlaceKey,
    recorder: u64,
    number: u32,
}

/// What a place is recognised by without looking at its text: where the file's name lies in memory, and what it ends in. Of a [`Location`], its own address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaceKey {
    /// 0: none.
    address: usize,
    bytes: usize,
    /// The last bytes of the text: at this address may lie another one later.
    end: u64,
    /// 1-based.
    pub line: u32,
    /// 1-based.
    pub column: u32,
}

impl PlaceKey {
    const NONE: Self = Self { address: 0, bytes: 0, end: 0, line: 0, column: 0 };

    /// The file's name.
    #[inline]
    pub fn set_file(&mut self, file: &str) {
        self.address = file.as_ptr() as usize;
        self.bytes = file.len();
        self.end = file.as_bytes().last_chunk().map_or(0, |end| u64::from_le_bytes(*end));
    }

    /// Whether there is no file.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    #[inline]
    fn index(&self) -> usize {
        // Locations lie their size apart, lines are small: the upper bits of a product spread them.
        let word = self.address as u64 ^ u64::from(self.line) << 32 ^ u64::from(self.column) << 48;
        (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % KNOWN_PLACES
    }
}

/// All sites of a recorder.
#[derive(Debug)]
pub struct Sites {
    /// The recorder's, for what threads remember.
    unique: u64,
    chunks: Box<[OnceLock<Chunk>]>,
    sums: ThreadSlots<ThreadSums>,
    /// Hash of a place to the sites that have it; more than one only when hashes collide.
    numbers: RwLock<(FxHashMap<u64, Vec<u32>>, u32)>,
    folded: AtomicU64,
    paths_bytes: AtomicUsize,
}

impl Sites {
    pub(crate) fn new(unique: u64) -> Self {
        let sites = Self {
            unique,
            chunks: (0..MAX_SITES / CHUNK).map(|_| OnceLock::new()).collect(),
            sums: ThreadSlots::new(),
            numbers: RwLock::new((FxHashMap::default(), 1)),
            folded: AtomicU64::new(0),
            paths_bytes: AtomicUsize::new(0),
        };
        sites.cell(0).get_or_init(Site::default);
        sites
    }

    /// The number of a place, made at its first use; 0 past the limit.
    pub(crate) fn number(&self, place: Place<'_>) -> u32 {
        let place = Place { file: crate::text::cut_start(place.file, MAX_PATH_BYTES), ..place };
        let mut hasher = FxHasher::default();
        place.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = self.find(known.0.get(&hash), place) {
            return number;
        }
        drop(known);
        self.add(hash, place)
    }

    /// The number of a place in the source, for holders and operations; 0 past [`crate::MAX_SITES`]. About 3 ns where this thread used it
    /// lately, else 40 ns.
    #[inline]
    pub fn place_number(&self, location: &'static Location<'static>) -> u32 {
        let key = PlaceKey { address: std::ptr::from_ref(location) as usize, ..PlaceKey::NONE };
        self.remembered(key, || self.new_place(location))
    }

    /// The number of a place by its key. `look` is called where this thread doesn't remember it: it calls what it is given with the place itself.
    #[inline]
    pub fn number_of(&self, key: PlaceKey, look: impl FnOnce(&dyn Fn(Place<'_>) -> u32) -> u32) -> u32 {
        self.remembered(key, || look(&|place| self.number(place)))
    }

    #[inline]
    fn remembered(&self, key: PlaceKey, look: impl FnOnce() -> u32) -> u32 {
        let known = PLACES.try_with(|places| places[key.index()].get());
        if let Ok(known) = known
            && known.key == key
            && known.recorder == self.unique
        {
            return known.number;
        }
        let number = look();
        let known = KnownPlace { key, recorder: self.unique, number };
        let _torn_down = PLACES.try_with(|places| places[key.index()].set(known));
        number
    }

    #[cold]
    fn new_place(&self, location: &'static Location<'static>) -> u32 {
        self.number(Place { file: location.file(), line: location.line(), column: location.column() })
    }

    fn add(&self, hash: u64, place: Place<'_>) -> u32 {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = self.find(numbers.0.get(&hash), place) {
            return number;
        }
        let number = numbers.1;
        if number as usize >= MAX_SITES {
            self.folded.fetch_add(1, Relaxed);
            return 0;
        }
        self.cell(number).get_or_init(|| Site {
            file: place.file.into(),
            line: place.line,
            column: place.column,
            ..Site::default()
        });
        self.paths_bytes.fetch_add(place.file.len(), Relaxed);
        numbers.0.entry(hash).or_default().push(number);
        numbers.1 += 1;
        number
    }

    #[inline]
    fn find(&self, candidates: Option<&Vec<u32>>, place: Place<'_>) -> Option<u32> {
        candidates?
            .iter()
            .copied()
            .find(|number| self.site(*number).is_some_and(|site| site.place() == place))
    }

    /// The site of a number; 0 is the unknown place.
    #[inline]
    pub fn site(&self, number: u32) -> Option<&Site> {
        self.chunks.get(number as usize / CHUNK)?.get()?[number as usize % CHUNK].get()
    }

    /// A task was spawned there.
    #[inline]
    pub(crate) fn add_spawned(&self, number: u32) {
        self.add_to(number, Sums::spawned);
    }

    /// One of its tasks ended.
    #[inline]
    pub(crate) fn add_ended(&self, number: u32, ended: &Ended) {
        self.add_to(number, |sums, writers| sums.finished(ended, writers));
    }

    /// One of its tasks past the limit ended.
    pub(crate) fn add_ended_untracked(&self, number: u32) {
        self.add_to(number, Sums::finished_untracked);
    }

    #[inline]
    fn add_to(&self, number: u32, add: impl FnOnce(&Sums, Writers)) {
        if let Some(sums) = self.sums.of(thread::number()).and_then(|sums| sums.of(number)) {
            add(sums, Writers::One);
        } else if let Some(site) = self.site(number) {
            add(&site.sums, Writers::Many);
        }
    }

    /// The sums of a site at this moment. A task that is in one of them has ended for everybody who looks at its slot after this call. About 10 ns
    /// a thread.
    pub fn totals(&self, number: u32) -> SiteTotals {
        let by_threads = self.sums.iter().filter_map(move |sums| sums.get(number));
        let Some(site) = self.site(number) else { return SiteTotals::default() };
        sums::totals(&by_threads.chain([&site.sums]).collect::<Vec<_>>())
    }

    /// Numbers that sites have: below this.
    #[expect(clippy::len_without_is_empty, reason = "it has the unknown place from the start")]
    pub fn len(&self) -> u32 {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Sites by number, 0 (unknown place) first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Site)> {
        (0..self.len()).filter_map(|number| self.site(number).map(|site| (number, site)))
    }

    /// Spawns whose place had no number left.
    pub(crate) fn folded(&self) -> u64 {
        self.folded.load(Relaxed)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        /// Of the map: a hash, a list and its one number.
        const NUMBER_BYTES: usize = 8 + size_of::<Vec<u32>>() + 16;
        let sites = self.len() as usize;
        let chunks = sites.div_ceil(CHUNK) * CHUNK * size_of::<OnceLock<Site>>();
        let paths = self.paths_bytes.load(Relaxed);
        let sums = self.sums.iter().map(ThreadSums::memory_bytes).sum::<usize>() + self.sums.memory_bytes();
        size_of_val(&*self.chunks) + chunks + sites * NUMBER_BYTES + paths + sums
    }

    fn cell(&self, number: u32) -> &OnceLock<Site> {
        let chunk = self.chunks[number as usize / CHUNK]
            .get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        &chunk[number as usize % CHUNK]
    }
}
