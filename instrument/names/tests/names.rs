//! Names of this test's own functions, from its own file; and files that make no sense.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

use std::{env, fs, fs::File, hint::black_box, io::Write as _};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use taskscope_names::{Looked, Origin, build_id, build_id_of_bytes, in_bytes, in_file};

const LINE: u32 = line!() + 4;
#[inline(never)]
fn is_looked_for(number: u64) -> u64 {
    // Its first line with code.
    number.rotate_left(black_box(3))
}

/// Where it is, as the file counts.
fn address(bytes: &[u8]) -> u64 {
    let object = object::File::parse(bytes).unwrap();
    let symbol =
        object.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains("is_looked_for")));
    symbol.unwrap().address()
}

fn own_file() -> (File, Vec<u8>) {
    black_box(is_looked_for(black_box(1)));
    let path = env::current_exe().unwrap();
    (File::open(&path).unwrap(), fs::read(path).unwrap())
}

#[test]
fn a_function_is_named_with_its_file_and_line() {
    let (file, bytes) = own_file();
    let Looked { frames, problem } = in_file(&file, "/here/app", &[address(&bytes) + 1, u64::MAX]).unwrap();
    assert_eq!((frames.len(), problem), (2, None));
    let outermost = frames[0].last().unwrap();
    assert!(outermost.function.ends_with("names::is_looked_for"), "{frames:#?}");
    assert!(outermost.file.ends_with("instrument/names/tests/names.rs"), "{frames:#?}");
    assert!((LINE - 2..=LINE).contains(&outermost.line), "{frames:#?}");
    assert!(outermost.is_own(), "{frames:#?}");
    // There is no code at the end of all addresses.
    assert_eq!((frames[1].len(), frames[1][0].origin), (1, Origin::Unknown), "{frames:#?}");
}

/// The program's own way and the console's lead to the same names.
#[cfg(feature = "mapped")]
#[test]
fn mapped_and_read_are_the_same() {
    let (file, bytes) = own_file();
    let text = object::File::parse(&*bytes).unwrap();
    let text = text.section_by_name(".text").unwrap();
    let addresses: Vec<u64> = (0..500).map(|step| text.address() + text.size() / 500 * step).collect();
    let path = env::current_exe().unwrap();
    let mapped = taskscope_names::in_mapped(path.to_str().unwrap(), "/here/app", &addresses).unwrap();
    let read = in_file(&file, "/here/app", &addresses).unwrap();
    assert!(read.frames.iter().any(|frames| frames.len() > 1), "some functions were inlined");
    assert_eq!(mapped, read);
}

#[test]
fn a_build_is_known_by_its_file_and_by_its_bytes() {
    let (file, bytes) = own_file();
    assert_eq!(build_id(&file), build_id_of_bytes(&bytes));
    assert_eq!(build_id_of_bytes(&bytes[..200]), None);
    assert_eq!(build_id(&File::open("/proc/self/status").unwrap()), None);
}

#[test]
fn what_is_no_file_of_code_has_no_names() {
    let text = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let error = in_file(&text, "/here/app", &[1]).unwrap_err();
    assert!(error.starts_with("/here/app has no names: "), "{error}");
    assert_eq!(
        in_bytes(vec![0xff; 4096], &[1, 2]).frames,
        [vec![Default::default()], vec![Default::default()]]
    );
}

/// Bytes changed in headers, tables and debug information, and files cut short: fewer names, or an error.
#[test]
fn a_damaged_file_ends_nothing() {
    let (_, whole) = own_file();
    let at = address(&whole);
    let object = object::File::parse(&*whole).unwrap();
    let mut parts: Vec<(u64, u64)> = vec![(0, 64 * 16)];
    parts.extend(object.sections().filter_map(|section| section.file_range()));
    let headers = u64::from_le_bytes(whole[40..48].try_into().unwrap());
    parts.push((headers, whole.len() as u64 - headers));
    let (mut seed, mut named) = (1_u64, 0);
    let mut random = move |below: u64| {
        // xorshift: the same damage in every run.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below.max(1)
    };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&whole).unwrap();
    for round in 0..150 {
        let mut damaged = Vec::new();
        for _ in 0..=random(8) {
            let (from, length) = parts[random(parts.len() as u64) as usize];
            damaged.push((from + random(length), random(256) as u8));
        }
        put(&file, damaged.iter().copied());
        if round % 10 == 9 {
            file.set_len(random(whole.len() as u64)).unwrap();
        }
        let _ = build_id(&file);
        let found = in_file(&file, "app", &[at + 1, random(u64::MAX), u64::MAX]);
        named += usize::from(found.is_ok_and(|found| !found.frames[0][0].function.is_empty()));
        if round % 10 == 9 {
            file = tempfile::tempfile().unwrap();
            file.write_all(&whole).unwrap();
        } else {
            put(&file, damaged.iter().map(|(at, _)| (*at, whole[*at as usize])));
        }
    }
    assert!(named > 0, "some damage was elsewhere");
}

fn put(file: &File, bytes: impl Iterator<Item = (u64, u8)>) {
    use std::os::unix::fs::FileExt as _;
    for (at, byte) in bytes {
        file.write_all_at(&[byte], at).unwrap();
    }
}
