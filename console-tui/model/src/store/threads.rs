//! What threads are called. Threads of one runtime have one name: the system's number distinguishes them.
//!
//! Limit: the caller checks numbers against `MAX_THREADS`.

use std::collections::HashMap;

/// All threads of the process that the server reported.
#[derive(Debug, Default, Clone)]
pub(crate) struct Threads {
    known: Vec<Thread>,
    /// By the same index: the name, and before it the number where another thread has the name, too: a narrow column cuts the end.
    shown: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Thread {
    name: String,
    /// The operating system's number of it, as in `top -H`; 0: unknown.
    os_id: u32,
}

impl Threads {
    /// A thread by its number, from 1 on. The names in words are made by [`Threads::distinguish`].
    pub(crate) fn set(&mut self, number: u32, name: String, os_id: u32) {
        let number = number as usize;
        if self.known.len() < number {
            self.known.resize(number, Thread::default());
        }
        self.known[number - 1] = Thread { name, os_id };
    }

    /// To be called when all of a frame's threads are set: one that was alone with its name may have company now.
    pub(crate) fn distinguish(&mut self) {
        let mut bearers: HashMap<&str, u32> = HashMap::new();
        for thread in &self.known {
            *bearers.entry(&thread.name).or_default() += 1;
        }
        let words = self.known.iter().zip(1_u32..).map(|(thread, number)| {
            let alone = bearers.get(thread.name.as_str()) == Some(&1);
            match (alone || thread.name.is_empty(), thread.os_id) {
                (true, _) => thread.name.clone(),
                (false, 0) => format!("[thread {number}] {}", thread.name),
                (false, os_id) => format!("[{os_id}] {}", thread.name),
            }
        });
        self.shown = words.collect();
    }

    /// `None`: unknown.
    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        let name = self.shown.get((number as usize).checked_sub(1)?)?;
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_with_one_name_are_distinguished_and_others_keep_theirs() {
        let mut threads = Threads::default();
        let set = |threads: &mut Threads, of: &[(u32, &str, u32)]| {
            for (number, name, os_id) in of {
                threads.set(*number, (*name).to_owned(), *os_id);
            }
            threads.distinguish();
        };
        set(&mut threads, &[(1, "main", 40), (2, "worker", 41), (4, "unnumbered", 0)]);
        let names =
            |threads: &Threads| (0..6).map(|n| threads.name(n).map(str::to_owned)).collect::<Vec<_>>();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(names(&threads), [None, some("main"), some("worker"), None, some("unnumbered"), None]);
        // Others come, with names that are taken.
        set(&mut threads, &[(3, "worker", 42), (5, "unnumbered", 0)]);
        assert_eq!(
            names(&threads),
            [
                None,
                some("main"),
                some("[41] worker"),
                some("[42] worker"),
                some("[thread 4] unnumbered"),
                some("[thread 5] unnumbered"),
            ]
        );
        // A number is given to another thread: the one that is left has its name for itself.
        set(&mut threads, &[(3, "blocking", 43)]);
        assert_eq!((threads.name(2), threads.name(3)), (Some("worker"), Some("blocking")));
    }
}
