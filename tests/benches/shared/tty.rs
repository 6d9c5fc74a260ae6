//! The console as people run it: the `taskscope` binary in a pseudo-terminal.

use std::{
    io::{Read as _, Write},
    num::NonZero,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::Outcome;

pub(crate) const ROWS: u16 = 60;
pub(crate) const COLUMNS: u16 = 200;

/// Longest wait for something on the screen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The console in a terminal of 200x60.
pub(crate) struct Tty {
    pub(crate) child: Box<dyn Child + Send + Sync>,
    /// Open as long as the console runs: its end is the console's end.
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    pub(crate) parser: vt100::Parser,
}

impl Tty {
    pub(crate) fn start(address: &str) -> Outcome<Self> {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(binary()?);
        command.args(["--theme", "dark", address]);
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nowhere");
        command.env("LC_ALL", "C.UTF-8");
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader()?;
        let keys = pair.master.take_writer()?;
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send((Instant::now(), bytes[..n].to_vec())).is_err() {
                    return;
                }
            }
        });
        let cells = |n| NonZero::new(n).ok_or("a terminal without cells");
        let parser = vt100::Parser::new(cells(ROWS)?, cells(COLUMNS)?, 0);
        Ok(Self { child, _master: pair.master, keys, output, parser })
    }

    pub(crate) fn press(&mut self, keys: &str) -> Outcome<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Takes output until the screen is as wanted; returns when the last of it came.
    pub(crate) fn wait(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Outcome<Instant> {
        let started = Instant::now();
        let mut last = started;
        while !holds(self) {
            if started.elapsed() > PATIENCE {
                return Err(format!("waited in vain for {what}; the screen is\n{}", self.text()).into());
            }
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok((at, bytes)) => {
                    self.parser.process(&bytes);
                    last = at;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("the console has ended".into()),
            }
        }
        Ok(last)
    }

    /// Waits until the tasks are on the screen, which shows only a whole snapshot.
    pub(crate) fn wait_for_tasks(&mut self) -> Outcome<Instant> {
        self.wait("the tasks", |tty| tty.text().contains("SPAWNED AT"))
    }

    /// Takes what comes for a while.
    pub(crate) fn watch(&mut self, time: Duration) -> Outcome<()> {
        let end = Instant::now() + time;
        self.wait("the time to pass", |_| Instant::now() >= end)?;
        Ok(())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // Already dead is dead as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Beside the folder of this benchmark, where cargo puts executables.
fn binary() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.parent().and_then(|deps| deps.parent()).map(|folder| folder.join("taskscope"));
    binary.filter(|path| path.exists()).ok_or_else(|| {
        "there is no `taskscope` beside this benchmark: cargo build --release -p taskscope-console".into()
    })
}
