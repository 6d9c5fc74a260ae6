//! The binary in a real pseudo-terminal: it starts, draws, obeys keys and signals, and gives the terminal back.

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use taskscope_console::shell::terminal::Screen;

use crate::{
    fixture::{Script, cast},
    server::{Fake, Then},
};

const PATIENCE: Duration = Duration::from_secs(30);

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).unwrap()
}

/// The console in a terminal that remembers everything.
struct Tty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    /// Every byte that the console wrote.
    raw: Vec<u8>,
}

impl Tty {
    fn start(arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_taskscope"));
        command.args(arguments);
        command.args(["--theme", "dark"]);
        Self::run(command)
    }

    fn run(mut command: CommandBuilder) -> Self {
        let size = PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        command.env("TERM", "xterm-256color");
        command.env("XDG_CONFIG_HOME", "/nowhere");
        command.env("LC_ALL", "C.UTF-8");
        let child = pair.slave.spawn_command(command).unwrap();
        // Our own end of it would keep the terminal open after the child.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master: pair.master,
            writer,
            output,
            parser: vt100::Parser::new(cells(24), cells(100), 0),
            raw: Vec::new(),
        }
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < PATIENCE, "{what}: waited in vain; the screen is\n{}", self.screen());
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |tty| tty.screen().contains(text));
    }

    fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end, and that the terminal is as it was.
    fn ends(&mut self) -> ExitStatus {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end; the screen is\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        };
        // Everything it has written, to the last byte.
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.parser.process(&bytes);
            self.raw.extend(bytes);
        }
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        status
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // It has ended already, where all went well.
        let _ = self.child.kill();
    }
}

/// A server, kept by a runtime of its own while the test blocks.
struct Kept {
    address: String,
    _server: Fake,
    _runtime: tokio::runtime::Runtime,
}

fn server() -> Kept {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut script = Script::new(cast());
    let frames = vec![script.snapshot(), script.step(), script.step()];
    let server = runtime.block_on(Fake::tcp(frames, Then::StayOpen));
    Kept { address: server.address.clone(), _server: server, _runtime: runtime }
}

#[test]
fn it_starts_draws_obeys_and_leaves() {
    let server = server();
    let mut tty = Tty::start(&[&server.address]);
    tty.wait_for("checkout-api");
    tty.wait_for("export-report");
    assert!(tty.parser.screen().alternate_screen());
    tty.type_keys("?");
    tty.wait_for("One row down");
    tty.type_keys("\x1b");
    tty.wait_until("the help is closed", |tty| !tty.screen().contains("One row down"));
    tty.master.resize(PtySize { rows: 40, cols: 140, pixel_width: 0, pixel_height: 0 }).unwrap();
    tty.parser.screen_mut().set_size(cells(40), cells(140));
    tty.wait_until("the footer is on the last line", |tty| {
        tty.screen().lines().nth(39).is_some_and(|line| line.contains("quit"))
    });
    tty.type_keys("q");
    assert!(tty.ends().success());
}

#[test]
fn the_mouse_can_be_left_alone() {
    let server = server();
    let mut tty = Tty::start(&[&server.address]);
    tty.wait_for("export-report");
    tty.wait_until("the mouse is captured", |tty| {
        tty.parser.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None
    });
    tty.type_keys("m");
    tty.wait_until("the mouse is free", |tty| {
        tty.parser.screen().mouse_protocol_mode() == vt100::MouseProtocolMode::None
    });
    tty.type_keys("q");
    assert!(tty.ends().success());

    let mut tty = Tty::start(&["--no-mouse", &server.address]);
    tty.wait_for("export-report");
    assert_eq!(tty.parser.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    tty.type_keys("\x03");
    assert!(tty.ends().success());
}

#[test]
fn what_is_copied_travels_as_osc_52() {
    let server = server();
    let mut tty = Tty::start(&[&server.address]);
    tty.wait_for("export-report");
    tty.type_keys("y");
    tty.wait_until("the sequence is sent", |tty| tty.raw.windows(7).any(|bytes| bytes == b"\x1b]52;c;"));
    tty.type_keys("q");
    assert!(tty.ends().success());
}

#[test]
fn signals_end_it_with_the_terminal_restored() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let mut tty = Tty::start(&["127.0.0.1:1"]);
        tty.wait_for("nothing listens");
        tty.signal(signal);
        assert_eq!(tty.ends().exit_code(), code);
    }
}

#[test]
fn it_is_suspended_for_real_and_comes_back() {
    let server = server();
    let mut tty = Tty::start(&[&server.address]);
    tty.wait_for("export-report");
    let pid = tty.child.process_id().unwrap();
    for by_key in [true, false] {
        if by_key {
            tty.type_keys("\x1a");
        } else {
            tty.signal(Signal::TSTP);
        }
        tty.wait_until("it has stopped, its terminal given back", |tty| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            status.contains("State:\tT") && !tty.parser.screen().alternate_screen()
        });
        tty.signal(Signal::CONT);
        tty.wait_until("it is back", |tty| {
            tty.parser.screen().alternate_screen() && tty.screen().contains("export-report")
        });
    }
    tty.type_keys("q");
    assert!(tty.ends().success());
}

#[test]
#[ignore = "run by `a_panic_is_readable`, in a terminal of its own"]
fn panics_with_the_terminal_taken() {
    let _screen = Screen::take(true).unwrap();
    panic!("on purpose");
}

#[test]
fn a_panic_is_readable() {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "pty::panics_with_the_terminal_taken", "--nocapture"]);
    let mut tty = Tty::run(command);
    assert!(!tty.ends().success());
    let written = String::from_utf8_lossy(&tty.raw);
    let given_back = written.find("\x1b[?1049l").expect("the terminal was taken and given back");
    let message = written.find("on purpose").expect("the panic is printed");
    assert!(given_back < message, "the message went down with the screen");
}

#[cfg(feature = "demo")]
#[test]
fn the_demo_runs_and_takes_its_service_with_it() {
    let service_of = |console: u32| {
        std::fs::read_to_string(format!("/proc/{console}/task/{console}/children"))
            .ok()
            .and_then(|children| children.split_whitespace().next()?.parse::<u32>().ok())
    };
    let runs = |pid: u32| {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    for by_key in [true, false] {
        let mut tty = Tty::start(&["demo"]);
        tty.wait_for("checkout-api");
        tty.type_keys("1");
        tty.wait_for("conn");
        let console = tty.child.process_id().unwrap();
        let service = service_of(console).expect("the service is a child of the console");
        if by_key {
            tty.type_keys("q");
            assert!(tty.ends().success());
        } else {
            tty.signal(Signal::KILL);
        }
        tty.wait_until("the service is gone", |_| !runs(service));
    }
}
