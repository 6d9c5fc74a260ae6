//! Names of types and functions, as people read them.

/// Characters of a name that is shown.
const MAX_NAME_CHARS: usize = 96;

/// The name without generic arguments: `a::B<C>::d` is `a::B::d`. A name that is a tuple or reference stays as it is.
pub(crate) fn base(full: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(full.len());
    for (at, c) in full.char_indices() {
        match c {
            '<' if at > 0 => depth += 1,
            '>' if depth > 0 => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Each path in it is its last part: `a::B<c::D>` is `B<D>`.
pub(crate) fn short(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut part = String::new();
    let close = |part: &mut String, out: &mut String| {
        out.push_str(part.rsplit("::").next().unwrap_or_default());
        part.clear();
    };
    for c in name.chars() {
        if c.is_alphanumeric() || "_#{}:".contains(c) {
            part.push(c);
        } else {
            close(&mut part, &mut out);
            out.push(c);
        }
    }
    close(&mut part, &mut out);
    cut(out)
}

/// The function whose future a coroutine is, by the path that it is in: without the parts that the compiler made up.
pub(crate) fn function(path: &str) -> String {
    let made_up =
        |part: &&str| !part.starts_with("{impl#") && !part.starts_with("{async_") && *part != "{closure#0}";
    cut(path.split("::").filter(made_up).collect::<Vec<_>>().join("::"))
}

/// The name of a method with its type before the last part: `app::db::query` of `Pool` is `app::db::Pool::query`.
pub(crate) fn method(function: &str, of: &str) -> String {
    cut(match function.rsplit_once("::") {
        Some((path, name)) => format!("{path}::{of}::{name}"),
        None => format!("{of}::{function}"),
    })
}

/// As long as is shown.
pub(crate) fn cut(mut name: String) -> String {
    if let Some((end, _)) = name.char_indices().nth(MAX_NAME_CHARS) {
        name.truncate(end);
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_what_people_read() {
        assert_eq!(base("tokio::sync::Mutex<alloc::vec::Vec<u8>>::lock"), "tokio::sync::Mutex::lock");
        assert_eq!(base("<T as A>::b"), "<T as A>::b");
        assert_eq!(
            short("Pin<alloc::boxed::Box<dyn core::future::Future<Output=()>>>"),
            "Pin<Box<dyn Future<Output=()>>>"
        );
        assert_eq!(function("app::db::{impl#3}::query"), "app::db::query");
        assert_eq!(function("app::main::{async_fn#0}"), "app::main");
        assert_eq!(cut("é".repeat(200)).chars().count(), MAX_NAME_CHARS + 1);
    }
}
