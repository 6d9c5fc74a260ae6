//! The terminal while the console owns it: raw mode, the other screen, the mouse; and everything given back.
//!
//! Invariant: every way out (return, error, panic, signal) goes through [`restore`], which is safe to call any
//! number of times. Limit: SIGKILL can't be answered; `reset` is the cure there.

use std::{
    io::{self, Stdout, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute,
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};
use ratatui::{Terminal, backend::CrosstermBackend};

use super::clipboard;

/// Whether there is anything to give back. A static, because the panic hook has no other way to know.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal, taken; given back when it is dropped.
#[derive(Debug)]
pub struct Screen {
    /// Draws frames.
    pub terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When standard output is no terminal or refuses raw mode.
    pub fn take(mouse: bool) -> io::Result<Self> {
        hook_panics();
        enter(mouse)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self { terminal, mouse })
    }

    /// Switches the capture of the mouse, so that the terminal's own selection works again.
    ///
    /// # Errors
    /// When the terminal can't be written.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        if self.mouse == on {
            return Ok(());
        }
        self.mouse = on;
        if on {
            execute!(io::stdout(), EnableMouseCapture)
        } else {
            execute!(io::stdout(), DisableMouseCapture)
        }
    }

    /// Takes the terminal again after it was given back for a while (Ctrl-Z), and forgets what was on it.
    ///
    /// # Errors
    /// When the terminal can't be written.
    pub fn take_again(&mut self) -> io::Result<()> {
        enter(self.mouse)?;
        execute!(io::stdout(), Clear(ClearType::All))?;
        // `Terminal::clear` would ask the terminal for its cursor, and the reader of the keys would get the answer.
        self.terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }

    /// Asks the terminal to put `text` on the clipboard; false when it is too long for that.
    ///
    /// # Errors
    /// When the terminal can't be written.
    pub fn copy(&mut self, text: &str) -> io::Result<bool> {
        let Some(sequence) = clipboard::sequence(text) else {
            return Ok(false);
        };
        let mut out = io::stdout();
        out.write_all(sequence.as_bytes())?;
        out.flush()?;
        Ok(true)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was. Does nothing when it isn't taken.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is no place to report an error: the terminal itself failed.
    let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back before a panic is printed, so that its message can be read.
fn hook_panics() {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    if HOOKED.swap(true, Ordering::SeqCst) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // A file that makes no sense is no end of the console: its reader says so.
        if std::thread::current().name() != Some(super::names::THREAD) {
            restore();
            before(info);
        }
    }));
}
