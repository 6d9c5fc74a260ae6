//! A source path as it is shown: short, and with the crate before a file that is not the program's own.
//!
//! Invariant: a path of the program's own crates is shown by its end and nothing is added to it. Limit: whose a file is follows from
//! where cargo and rustup keep sources (registry, git checkouts, vendored, standard library); any other place counts as the program's.

use std::ops::Range;

use taskscope_proto::limits::MAX_PATH_BYTES;

/// Last parts of a path that are shown.
const KEPT_PARTS: usize = 3;

/// Bytes of a character, less one: a cut path may be so much shorter than its limit.
const MOST_LOST_IN_A_CUT: usize = 3;

/// `deadpool::src/unmanaged/mod.rs` for a file of another crate, `src/main.rs` for one of the program's own.
pub(crate) fn short_path(path: &str) -> String {
    let parts = Parts::of(path);
    match parts.foreign() {
        Some(Foreign { name, rest }) => format!("{name}::{}", parts.end(rest)),
        None => parts.end(0..parts.0.len()).to_owned(),
    }
}

/// Whether a file is one of tokio's own, as it lies in a registry or a vendored folder.
pub(crate) fn is_of_tokio(file: &str) -> bool {
    let is_tokio = |part: &str| {
        part.strip_prefix("tokio-").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
    };
    file.split(['/', '\\']).any(is_tokio)
}

/// Whose file it is, and which parts of the path lie in that crate.
struct Foreign<'a> {
    name: &'a str,
    rest: Range<usize>,
}

/// The parts of a path, the separators of every system taken as such.
struct Parts<'a>(Vec<&'a str>, &'a str);

impl<'a> Parts<'a> {
    fn of(path: &'a str) -> Self {
        Self(path.split(['/', '\\']).collect(), path)
    }

    /// The last of these parts, as they stand in the path.
    fn end(&self, of: Range<usize>) -> &'a str {
        let from = of.start.max(of.end.saturating_sub(KEPT_PARTS));
        let bytes: usize = self.0[..from].iter().map(|part| part.len() + 1).sum();
        self.1.get(bytes..).unwrap_or(self.1)
    }

    fn foreign(&self) -> Option<Foreign<'a>> {
        self.registry()
            .or_else(|| self.standard_library())
            .or_else(|| self.checkout())
            .or_else(|| self.loose())
    }

    /// The place behind these parts in a row.
    fn behind(&self, row: &[&str]) -> Option<usize> {
        self.0.windows(row.len()).rposition(|window| window == row).map(|at| at + row.len())
    }

    /// The crate whose folder is at `at`, with or without a version in its name.
    fn crate_at(&self, at: usize) -> Option<Foreign<'a>> {
        let folder = *self.0.get(at)?;
        // A file has to lie in it.
        if folder.is_empty() || at + 1 >= self.0.len() {
            return None;
        }
        let name = versioned(folder).unwrap_or(folder);
        Some(Foreign { name, rest: at + 1..self.0.len() })
    }

    /// `…/registry/src/<index>/deadpool-0.12.1/src/lib.rs`; a vendored one is `vendor/deadpool/src/lib.rs`.
    fn registry(&self) -> Option<Foreign<'a>> {
        match self.behind(&["registry", "src"]) {
            Some(index) => self.crate_at(index + 1),
            None if self.0.first() == Some(&"vendor") => self.crate_at(1),
            None => None,
        }
    }

    /// `/rustc/<hash>/library/std/src/…`, `…/rustlib/src/rust/library/…`, and what it is made of: `/rust/deps/hashbrown-0.15.2/…`.
    fn standard_library(&self) -> Option<Foreign<'a>> {
        if let Some(at) = self.behind(&["", "rust", "deps"]) {
            return self.crate_at(at);
        }
        let library = match self.behind(&["", "rustc"]) {
            Some(hash) => hash + 1,
            None => self.behind(&["rustlib", "src", "rust"])?,
        };
        if self.0.get(library) == Some(&"library") { self.crate_at(library + 1) } else { None }
    }

    /// `…/git/checkouts/<repository>-<hash>/<commit>/…`: the crate is the folder that has the sources.
    fn checkout(&self) -> Option<Foreign<'a>> {
        let repository = self.behind(&["git", "checkouts"])?;
        let root = repository + 2;
        let in_it = self.0.get(root..)?;
        if in_it.is_empty() {
            return None;
        }
        match in_it.iter().position(|part| *part == "src") {
            Some(sources) if sources > 0 => self.crate_at(root + sources - 1),
            _ => {
                let folder = self.0[repository];
                let name = folder.rsplit_once('-').map_or(folder, |(name, _)| name);
                Some(Foreign { name, rest: root..self.0.len() })
            }
        }
    }

    /// Where the start of the path is missing: cut off at the limit, or trimmed by the compiler to `deadpool-0.12.1/src/lib.rs`.
    fn loose(&self) -> Option<Foreign<'a>> {
        let was_cut = self.1.len() + MOST_LOST_IN_A_CUT >= MAX_PATH_BYTES;
        let candidates = if was_cut { self.0.len() } else { 1 };
        let at = self.0[..candidates].iter().rposition(|part| versioned(part).is_some())?;
        self.crate_at(at)
    }
}

/// The name in `deadpool-0.12.1`; `None`: there is no version behind it.
fn versioned(folder: &str) -> Option<&str> {
    let is_version = |text: &str| {
        let mut numbers = text.split(['.', '-', '+']);
        (0..3).all(|_| numbers.next().is_some_and(|number| number.parse::<u64>().is_ok()))
    };
    let at = folder.match_indices('-').map(|(at, _)| at).find(|at| is_version(&folder[at + 1..]))?;
    (at > 0).then(|| &folder[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_crate_has_its_name_before_it() {
        for (path, shown) in [
            (
                "/home/u/.cargo/registry/src/index.example-1949cf8c6b5b557f/deadpool-0.12.1/src/unmanaged/mod.rs",
                "deadpool::src/unmanaged/mod.rs",
            ),
            ("/c/registry/src/i-1/tokio-util-0.7.0-rc.1+x/src/a/b/c/d.rs", "tokio-util::b/c/d.rs"),
            (r"C:\Users\u\.cargo\registry\src\i-1\h2-0.4.6\src\lib.rs", r"h2::src\lib.rs"),
            ("/c/git/checkouts/bb8-0123456789abcdef/1a2b3c4/bb8/src/inner.rs", "bb8::src/inner.rs"),
            ("/c/git/checkouts/my-pool-0123456789abcdef/1a2b3c4/src/lib.rs", "my-pool::src/lib.rs"),
            ("/c/git/checkouts/repo-0123456789abcdef/1a2b3c4/build.rs", "repo::build.rs"),
            (
                "/rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/thread/mod.rs",
                "std::src/thread/mod.rs",
            ),
            ("/t/lib/rustlib/src/rust/library/core/src/future/poll_fn.rs", "core::src/future/poll_fn.rs"),
            ("/t/lib/rustlib/src/rust/library/core/src/a/b/poll_fn.rs", "core::a/b/poll_fn.rs"),
            ("/rust/deps/hashbrown-0.15.2/src/map.rs", "hashbrown::src/map.rs"),
            ("vendor/deadpool/src/lib.rs", "deadpool::src/lib.rs"),
            ("deadpool-0.12.1/src/lib.rs", "deadpool::src/lib.rs"),
        ] {
            assert_eq!(short_path(path), shown, "{path}");
        }
    }

    #[test]
    fn the_own_files_stay_as_they_are() {
        for (path, shown) in [
            ("src/main.rs", "src/main.rs"),
            ("main.rs", "main.rs"),
            ("", ""),
            ("crates/ledger/src/book.rs", "ledger/src/book.rs"),
            ("/home/u/vendor/src/main.rs", "vendor/src/main.rs"),
            ("/build/app-1.2.3/src/main.rs", "app-1.2.3/src/main.rs"),
            ("registry/src/main.rs", "registry/src/main.rs"),
            ("/home/u/rustc/x/src/main.rs", "x/src/main.rs"),
        ] {
            assert_eq!(short_path(path), shown, "{path}");
        }
    }

    #[test]
    fn the_crate_of_a_path_that_lost_its_start_is_kept() {
        let path = format!("{}/i-1/deadpool-0.12.1/src/unmanaged/mod.rs", "long/".repeat(110));
        let cut = &path[path.len() - MAX_PATH_BYTES..];
        assert_eq!(short_path(cut), "deadpool::src/unmanaged/mod.rs");
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_a_short_path(path in r"[a-z0-9./\\-]{0,60}|(/rustc|registry/src|git/checkouts|vendor)[a-z0-9./\\-]{0,30}|.{0,40}") {
            let shown = short_path(&path);
            proptest::prop_assert!(shown.len() <= path.len() + 2, "{shown}");
        }
    }
}
