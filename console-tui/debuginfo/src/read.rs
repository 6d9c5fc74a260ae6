//! Reading an index: sections into memory, units scanned by all cores, and the rest by one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gimli::{DwarfPackageSections, DwarfSections, EndianSlice, LittleEndian, Section, UnitHeader};
use rustc_hash::FxHashMap;
use taskscope_await::{Index, TaskFn, types::Text};

use crate::{
    DebugInfoError, assemble,
    elf::Elf,
    emit::cut,
    error::CURE,
    functions::Functions,
    parallel,
    scan::{self, Found},
    sources::{Files, Sources},
    symbols,
    units::{Place, Slice, Source, Unit},
};

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of debug information that are scanned.
    pub done_bytes: u64,
    /// Of so many.
    pub all_bytes: u64,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// For walks.
    pub index: Index,
    /// What the index lacks, why, and what to do about it.
    pub problem: Option<String>,
    /// What it took.
    pub stats: Stats,
}

/// What it took to read an index.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stats {
    /// Bytes of `.debug_info`, split units included.
    pub debug_info_bytes: u64,
    /// Units of compilation.
    pub units: u64,
    /// Units that could not be read to their end.
    pub damaged_units: u64,
    /// Entries of all units.
    pub entries: u64,
    /// Types that the roots lead to, each once.
    pub types_read: u64,
    /// Those in the index.
    pub types_kept: u64,
    /// Types and texts past the limits.
    pub refused: u64,
    /// Reading the sections into memory.
    pub loading: Duration,
    /// The pass over all entries.
    pub scanning: Duration,
    /// Types and index.
    pub assembling: Duration,
}

/// The index of a program.
///
/// Takes a second for each 200 MB of debug information and core, and as much memory as the sections have. `progress` is called after each unit.
///
/// # Errors
/// The files can't be read, or have nothing that an index could be made of; each error says what to do.
pub fn read(sources: &Sources, progress: &mut dyn FnMut(Progress)) -> Result<Read, DebugInfoError> {
    let files = Files::open(sources)?;
    let mut stats = Stats::default();
    let started = Instant::now();
    let mut wanted = files.debug().wanted()?;
    let sections = DwarfSections::load(|id| Ok::<_, DebugInfoError>(wanted.remove(&id).unwrap_or_default()))?;
    let package = match &files.package {
        Some(file) => Some(package_sections(file)?),
        None => None,
    };
    stats.loading = started.elapsed();
    let source = Arc::new(source(&files, &sections, package.as_ref())?);
    let started = Instant::now();
    let (units, found) = scan(&files, &source, &mut stats, progress)?;
    let functions = Functions::new(&found);
    let inlined = inlined(&units, &found, &functions);
    stats.scanning = started.elapsed();
    let started = Instant::now();
    let (mut index, counts) = assemble::index(&units, &found, &functions, &inlined, files.binary.tls_bytes);
    index.build_id.clone_from(&files.binary.build_id);
    index.producer = producer(&found);
    index.tls_bytes = files.binary.tls_bytes;
    index.segments.clone_from(&files.binary.segments);
    stats.assembling = started.elapsed();
    (stats.types_read, stats.types_kept, stats.refused) = (counts.read, counts.kept, counts.refused);
    if index.tasks.is_empty() {
        add_names(&mut index, &symbols::poll_functions(files.debug()), &found);
    }
    let problem = problem(&files, &index, &found, &stats)?;
    Ok(Read { index, problem, stats })
}

fn package_sections(file: &Elf) -> Result<DwarfPackageSections<Vec<u8>>, DebugInfoError> {
    let mut failed = None;
    let sections = DwarfPackageSections::load(|id| {
        // All of them: a unit's share of a section that is not there is an error.
        let bytes = id.dwo_name().map_or(Ok(Vec::new()), |name| file.section(name));
        Ok::<_, gimli::Error>(bytes.unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        }))
    });
    match failed {
        Some(error) => Err(error),
        None => sections.map_err(|error| file.damaged(error.to_string())),
    }
}

fn slice(bytes: &[u8]) -> Slice<'_> {
    EndianSlice::new(bytes, LittleEndian)
}

fn source<'a>(
    files: &Files,
    sections: &'a DwarfSections<Vec<u8>>,
    package: Option<&'a DwarfPackageSections<Vec<u8>>>,
) -> Result<Source<'a>, DebugInfoError> {
    let empty = EndianSlice::new(&[], LittleEndian);
    let damaged = |error: gimli::Error| files.debug().damaged(error.to_string());
    let info = package.map_or(empty, |package| *package.debug_info.borrow(|bytes| slice(bytes)).reader());
    let package =
        package.map(|package| package.borrow(|bytes| slice(bytes), empty)).transpose().map_err(damaged)?;
    Ok(Source { dwarf: Arc::new(sections.borrow(|bytes| slice(bytes))), package, package_info: info })
}

/// All units, and of each what was found in it; ascending by place.
type Scanned<'a> = (Vec<Unit<'a>>, Vec<Found<'a>>);

fn scan<'a>(
    files: &Files,
    source: &Arc<Source<'a>>,
    stats: &mut Stats,
    progress: &mut dyn FnMut(Progress),
) -> Result<Scanned<'a>, DebugInfoError> {
    let mut headers = Vec::new();
    let mut iterator = source.dwarf.units();
    // A damaged header hides the units behind it, and what is before it still counts.
    while let Some(header) = iterator.next().unwrap_or_else(|_| {
        stats.damaged_units += 1;
        None
    }) {
        headers.push(header);
    }
    if headers.is_empty() {
        return Err(DebugInfoError::Stripped(files.binary.path.clone()));
    }
    let all_bytes = headers.iter().map(|header| header.length_including_self() as u64).sum();
    stats.debug_info_bytes = all_bytes;
    let (mut units, mut done_bytes) = (Vec::new(), 0);
    parallel::each(
        &headers,
        |header| scan_header(source, header),
        |(scanned, bytes, damaged)| {
            done_bytes += bytes;
            stats.damaged_units += u64::from(damaged);
            progress(Progress { done_bytes, all_bytes });
            units.extend(scanned);
        },
    );
    units.sort_by_key(|(unit, _)| unit.start);
    stats.debug_info_bytes += source.package_info.len() as u64;
    stats.units = units.len() as u64;
    stats.entries = units.iter().map(|(_, found)| found.entries).sum();
    Ok(units.into_iter().unzip())
}

/// The unit of a header with what was found in it, the header's bytes, and whether the unit is damaged.
type ScannedHeader<'a> = (Option<(Unit<'a>, Found<'a>)>, u64, bool);

fn scan_header<'a>(source: &Arc<Source<'a>>, header: &UnitHeader<Slice<'a>>) -> ScannedHeader<'a> {
    let bytes = header.length_including_self() as u64;
    let Ok(mut unit) = Unit::open(source, *header) else { return (None, bytes, true) };
    let (found, result) = scan::unit(&mut unit);
    (Some((unit, found)), bytes, result.is_err())
}

/// The copies of `block_on` that are inlined. Only into units that have one, or that have functions of other units inlined.
fn inlined<'a>(units: &[Unit<'a>], found: &[Found<'a>], functions: &Functions<'a>) -> Vec<(u64, u64, Place)> {
    let wanted = units.iter().zip(found).filter(|(_, found)| found.may_inline);
    let wanted: Vec<_> = wanted.map(|(unit, _)| unit).collect();
    let mut inlined = Vec::new();
    // A unit that is damaged was counted as such by the first pass.
    parallel::each(&wanted, |unit| functions.inlined(unit), |found| inlined.extend(found));
    inlined
}

/// The functions that poll tasks, by their symbols, with the names that symbols or lines have. Only if there is any name.
fn add_names(index: &mut Index, functions: &[(u64, Option<String>)], found: &[Found<'_>]) {
    let flat: FxHashMap<u64, &[u8]> =
        found.iter().flat_map(|found| found.flat_polls.iter().copied()).collect();
    let of_lines = |address: u64| {
        let name = flat.get(&address)?.strip_prefix(b"poll<")?.strip_suffix(b">")?;
        Some(String::from_utf8_lossy(name).into_owned())
    };
    let named = functions
        .iter()
        .filter_map(|(address, name)| Some((*address, name.clone().or_else(|| of_lines(*address))?)));
    for (address, name) in named {
        let text = Text(index.texts.len() as u32);
        index.texts.push(cut(&name).to_owned());
        index.tasks.push(TaskFn { address, name: text, ..TaskFn::default() });
    }
}

/// The compiler of the first unit that is Rust's.
fn producer(found: &[Found<'_>]) -> String {
    let rust = found.iter().find(|found| is_rust(found));
    rust.map_or_else(String::new, |found| String::from_utf8_lossy(found.producer).into_owned())
}

/// What the index lacks; an error where it has nothing at all.
fn problem(
    files: &Files,
    index: &Index,
    found: &[Found<'_>],
    stats: &Stats,
) -> Result<Option<String>, DebugInfoError> {
    let has_types = index.tasks.iter().any(|task| task.future.0 != 0);
    if has_types {
        let damaged = (stats.damaged_units > 0).then(|| {
            let (damaged, all) = (stats.damaged_units, stats.units);
            format!("{damaged} of {all} units of debug information are damaged: what they describe shows no await points; build it again")
        });
        let refused = (stats.refused > 0).then(|| {
            format!(
                "{} types and names are over the limits of an index: some futures show no await points",
                stats.refused
            )
        });
        return Ok(damaged.or(refused));
    }
    if !index.tasks.is_empty() {
        return Ok(Some(format!(
            "built with lines as its only debug information (`debug = 1`): the names of some futures, no await points; {CURE}"
        )));
    }
    let path = files.binary.path.clone();
    if files.package.is_none() && found.iter().any(|found| found.is_skeleton) {
        return Err(DebugInfoError::Split(path));
    }
    // The standard library comes with lines, and C's libraries may come with types: neither says how this program was built.
    let is_whole = |found: &Found<'_>| found.structures > 0 && is_rust(found);
    if found.iter().any(is_whole) {
        Err(DebugInfoError::NoTokio(path))
    } else if found.iter().any(|found| found.has_tokio) {
        Err(DebugInfoError::LinesOnly(path))
    } else {
        Err(DebugInfoError::Stripped(path))
    }
}

fn is_rust(found: &Found<'_>) -> bool {
    found.producer.windows(5).any(|window| window == b"rustc")
}
