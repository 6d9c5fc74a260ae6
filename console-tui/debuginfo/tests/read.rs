//! Reads a real program of tokio's, built with each kind of debug information, and files that are damaged.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::Path,
    process::Command,
};

use taskscope_await::types::{Kind, Type, TypeId, Variant};
use taskscope_debuginfo::{Cached, DebugInfoError, Index, Progress, Read, Sources, cached, read};

use self::programs::{FULL, Program, built, source_line, without_sections};

#[path = "read/damage.rs"]
mod damage;
#[path = "read/programs.rs"]
mod programs;

const SPLIT: Program = Program { environment: &[("SPLIT_DEBUGINFO", "packed")], ..Program::named("split") };

fn sources(binary: &Path) -> Sources {
    Sources { binary: binary.to_owned(), debug_file: None }
}

fn read_quietly(binary: &Path) -> Result<Read, DebugInfoError> {
    read(&sources(binary), &mut |_| ())
}

fn index_of(program: &Program) -> Index {
    let read = read_quietly(&built(program)).expect("it has debug information");
    assert_eq!(read.problem, None);
    assert_eq!((read.stats.damaged_units, read.stats.refused), (0, 0));
    read.index
}

/// A type by its full name.
fn find<'i>(index: &'i Index, name: &str) -> Option<(TypeId, &'i Type)> {
    let mut ids = (0..index.types.len() as u32).map(TypeId);
    ids.find(|id| index.full_name(*id) == name).map(|id| (id, index.ty(id)))
}

fn state<'i>(index: &'i Index, coroutine: &'i Type, name: &str) -> &'i Variant {
    let states = &coroutine.variants.as_ref().expect("it is a coroutine").list;
    states.iter().find(|it| index.text(it.name) == name).expect("it has that state")
}

/// What each walk of this program needs.
fn check(index: &Index) {
    let (outer, coroutine) = find(index, "small::outer::{async_fn_env#0}").expect("the task's future");
    let task = index.tasks.iter().find(|task| task.future == outer).expect("the function that polls it");
    assert!(
        index.text(task.name).starts_with("small::outer::{async_fn_env#0}, "),
        "{}",
        index.text(task.name)
    );
    let cell = index.full_name(task.cell);
    assert_eq!(cell, format!("tokio::runtime::task::core::Cell<{}>", index.text(task.name)));
    let members: Vec<_> = index.ty(task.cell).members.iter().map(|it| index.text(it.name)).collect();
    assert_eq!(members.len(), 3, "{members:?}");

    let parked = state(index, coroutine, "Suspend0");
    assert!(index.text(parked.file).ends_with("small/src/main.rs"), "{}", index.text(parked.file));
    assert_eq!(parked.line, source_line("inner(depth, notify).await\n"));
    assert_eq!(parked.value, Some(3));
    let frame = index.ty(parked.ty);
    let local = |name: &str| frame.members.iter().find(|it| index.text(it.name) == name);
    let depth = local("depth").expect("a local");
    assert_eq!((index.ty(depth.ty).kind, index.ty(depth.ty).size), (Kind::Unsigned, 4));
    let awaitee = local("__awaitee").expect("what it awaits");
    let boxed = "Pin<alloc::boxed::Box<(dyn core::future::future::Future<Output=u32> + core::marker::Send), alloc::alloc::Global>>";
    assert_eq!(index.full_name(awaitee.ty), format!("core::pin::{boxed}"));

    let (inner, block) = find(index, "small::inner::{async_block_env#0}").expect("the boxed future");
    assert!(index.vtables.iter().any(|(_, ty)| *ty == inner), "its vtable");
    assert_eq!(state(index, block, "Suspend0").line, source_line("notify.notified().await;"));
    assert_eq!(state(index, block, "Suspend1").line, source_line("inner(depth - 1, notify).await"));
    check_tokio(index);
}

/// What the search for tasks needs.
fn check_tokio(index: &Index) {
    for name in ["core::Header", "core::Trailer", "raw::Vtable", "list::OwnedTasks"] {
        let id = index.named(&format!("tokio::runtime::task::{name}")).expect(name);
        assert!(!index.ty(id).members.is_empty(), "{name}");
    }
    let context = index.context.expect("tokio's thread-local");
    let bytes = context.offset + index.ty(context.ty).size;
    assert!(bytes <= index.tls_bytes, "{bytes} of {}", index.tls_bytes);
    // The way from it to the lists of tasks.
    for name in [
        "tokio::runtime::context::Context",
        "tokio::runtime::scheduler::Handle",
        "tokio::runtime::scheduler::current_thread::Handle",
        "tokio::util::linked_list::PointersInner<tokio::runtime::task::core::Header>",
    ] {
        let (_, ty) = find(index, name).expect(name);
        assert!(!ty.members.is_empty() || ty.variants.is_some(), "{name}");
    }
    let (notified, _) = find(index, "tokio::sync::notify::Notified").expect("what the task waits for");
    assert!(!index.ty(notified).members.is_empty());
    let roots = index.block_ons.iter().map(|(_, _, ty)| index.full_name(*ty));
    assert!(roots.into_iter().any(|name| name == "small::main::{async_block_env#0}"), "the root's code");
    assert!(index.producer.contains("rustc"), "{}", index.producer);
    assert_eq!(Index::read(&index.write()).as_ref(), Ok(index));
}

#[test]
fn whole_debug_information_has_all_that_a_walk_needs() {
    let index = index_of(&FULL);
    check(&index);
    assert_eq!(index_of(&FULL), index, "the same program gives the same index");
}

#[test]
fn each_kind_of_debug_information_has_it_too() {
    let release = Program { arguments: &["--release"], ..Program::named("release") };
    let fifth = Program { flags: "-Cdwarf-version=5", ..Program::named("fifth") };
    let split_fifth = Program { flags: fifth.flags, name: "split-fifth", ..SPLIT };
    let flags = "-Clink-arg=-Wl,--compress-debug-sections=zlib";
    let packed = Program { flags, ..Program::named("packed") };
    for program in [release, SPLIT, packed, fifth, split_fifth] {
        check(&index_of(&program));
    }
}

#[test]
fn a_stripped_program_needs_its_debug_file() {
    let full = built(&FULL);
    let folder = tempfile::tempdir().expect("a folder");
    let stripped = folder.path().join("small");
    fs::write(&stripped, without_sections(&fs::read(&full).expect("the program"))).expect("a file");
    let error = read_quietly(&stripped).expect_err("it has no sections");
    assert!(matches!(error, DebugInfoError::Stripped(_)), "{error}");
    let both = |debug_file| Sources { binary: stripped.clone(), debug_file: Some(debug_file) };
    let mut with_file = read(&both(full), &mut |_| ()).expect("the debug file has it").index;
    check(&with_file);
    with_file.segments.clone_from(&index_of(&FULL).segments);
    assert_eq!(with_file, index_of(&FULL));
    let other = built(&Program { arguments: &["--release"], ..Program::named("release") });
    let error = read(&both(other), &mut |_| ()).expect_err("it is of another build");
    assert!(matches!(error, DebugInfoError::OtherBuild { .. }), "{error}");
}

#[test]
fn a_debug_file_is_found_beside_its_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let (program, debug) = (folder.path().join("small"), folder.path().join("small.debug"));
    let objcopy = |arguments: &[&OsStr]| {
        let status = Command::new("objcopy").args(arguments).status();
        assert!(status.expect("it comes with the linker").success());
    };
    let (full, link) = (built(&FULL), OsString::from(format!("--add-gnu-debuglink={}", debug.display())));
    objcopy(&["--only-keep-debug".as_ref(), full.as_ref(), debug.as_ref()]);
    objcopy(&["--strip-all".as_ref(), &link, full.as_ref(), program.as_ref()]);
    assert_eq!(read_quietly(&program).expect("its debug file is there").index, index_of(&FULL));
    fs::create_dir(folder.path().join(".debug")).expect("a folder");
    fs::rename(&debug, folder.path().join(".debug/small.debug")).expect("it can be moved");
    check(&read_quietly(&program).expect("its debug file is there").index);
    fs::remove_dir_all(folder.path().join(".debug")).expect("it can be removed");
    let error = read_quietly(&program).expect_err("its debug file is gone");
    assert!(matches!(error, DebugInfoError::Stripped(_)), "{error}");
}

#[test]
fn a_split_program_needs_its_package() {
    let split = built(&SPLIT);
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("small");
    fs::copy(&split, &alone).expect("it can be copied");
    let error = read_quietly(&alone).expect_err("its types are not there");
    assert!(matches!(error, DebugInfoError::Split(_)), "{error}");
    fs::copy(split.with_extension("dwp"), alone.with_extension("dwp")).expect("it can be copied");
    check(&read_quietly(&alone).expect("it is whole").index);
}

#[test]
fn without_types_there_are_names_at_most() {
    let one = Program { environment: &[("DEBUG", "1")], ..Program::named("one") };
    let read = read_quietly(&built(&one)).expect("it has names");
    let problem = read.problem.expect("it has no types");
    assert!(problem.contains("debug = \"full\""), "{problem}");
    let names: Vec<_> = read.index.tasks.iter().map(|task| read.index.text(task.name)).collect();
    assert!(names.iter().any(|name| name.starts_with("small::outer::")), "{names:?}");
    // Lines alone have no namespaces, and in an unoptimised program not even the functions that poll: new symbols do.
    let lines = Program { environment: &[("DEBUG", "line-tables-only")], ..Program::named("lines") };
    let error = read_quietly(&built(&lines)).expect_err("it has lines alone");
    assert!(matches!(error, DebugInfoError::LinesOnly(_)), "{error}");
    let flags = "-Csymbol-mangling-version=v0";
    let read = read_quietly(&built(&Program { name: "symbols", flags, ..lines })).expect("it has names");
    let names: Vec<_> = read.index.tasks.iter().map(|task| read.index.text(task.name)).collect();
    assert!(names.iter().any(|name| name.starts_with("small::outer::")), "{names:?}");
    let none = Program { environment: &[("DEBUG", "0")], ..Program::named("none") };
    let error = read_quietly(&built(&none)).expect_err("it has nothing");
    assert!(matches!(error, DebugInfoError::Stripped(_)), "{error}");
}

#[test]
fn progress_reaches_its_end() {
    let mut seen: Vec<Progress> = Vec::new();
    read(&sources(&built(&FULL)), &mut |progress| seen.push(progress)).expect("it has debug information");
    assert!(seen.is_sorted_by_key(|progress| progress.done_bytes));
    let last = seen.last().expect("there are units");
    assert_eq!(last.done_bytes, last.all_bytes);
}

#[test]
fn an_index_is_made_once_for_each_build() {
    let flags = "-Clink-arg=-Wl,--build-id=none";
    for program in [FULL, Program { flags, ..Program::named("no-build-id") }] {
        let folder = tempfile::tempdir().expect("a folder");
        let get = || cached(&sources(&built(&program)), folder.path(), &mut |_| ()).expect("it can be read");
        let made = match get() {
            Cached::Made { read, not_kept: None } => read.index,
            other => panic!("it was made and kept: {other:?}"),
        };
        assert_eq!(made.build_id.is_empty(), program.name == "no-build-id");
        assert!(matches!(get(), Cached::Kept(index) if index == made));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_no_error() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let folder = file.path().join("folder");
    let made = cached(&sources(&built(&FULL)), &folder, &mut |_| ()).expect("it can be read");
    assert!(matches!(made, Cached::Made { not_kept: Some(_), .. }));
}
