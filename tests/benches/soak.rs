//! Healthy servers, watched for minutes by `taskscope --once --fail-on`: none of them may be accused. `just soak`.
//!
//! `just soak [SECONDS [PHASE…]]`; the phases are `load`, `idle`, `load+loops` and `idle+loops` (two busy loops beside the servers, so
//! that the machine has more work than cores). In each phase every server runs at once. `SOAK_SERVERS=FOLDER` adds the executables
//! `grpc` and `dns` of that folder; they take `server` or `load` as their argument, and `PORT`, `SECS`, `TS` from the environment.
//!
//! Invariant: a server passes when the console leaves with 0, so that no finding at warning or above stood in any round, and the load had answers.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use taskscope_tests::program::Program;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SECONDS: u64 = 600;
const PHASES: [&str; 4] = ["load", "idle", "load+loops", "idle+loops"];

/// Connections of a load that is made here.
const CLIENTS: usize = 8;
/// Busy loops: as many as the small machines have cores.
const LOOPS: usize = 2;
/// Room for a start and an end, in which the servers of others live on.
const MARGIN_S: u64 = 60;
/// How long a server may take to listen.
const START: Duration = Duration::from_secs(30);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // `cargo test` runs benches too; this one takes minutes.
        ["--test"] => Ok(()),
        ["loop"] => loop {
            std::hint::spin_loop();
        },
        [] => soak(SECONDS, &PHASES),
        [seconds] => soak(seconds.parse()?, &PHASES),
        [seconds, ref phases @ ..] => soak(seconds.parse()?, phases),
    }
}

fn soak(seconds: u64, phases: &[&str]) -> Outcome<()> {
    let mut accused = 0;
    println!("| phase | server | watched | answers | exit code |\n|---|---|---:|---:|---:|");
    for phase in phases {
        if !PHASES.contains(phase) {
            return Err(format!("no phase {phase}; there are {PHASES:?}").into());
        }
        let loops = if phase.ends_with("+loops") { LOOPS } else { 0 };
        let _loops: Vec<Killed> = (0..loops).map(|_| busy_loop()).collect::<Outcome<_>>()?;
        accused += run(phase, seconds, phase.starts_with("load"))?;
    }
    if accused > 0 {
        return Err(format!("{accused} of the watched servers were accused, or did not answer").into());
    }
    Ok(())
}

/// Watches all servers at once; returns how many did not pass.
fn run(phase: &str, seconds: u64, loaded: bool) -> Outcome<usize> {
    let servers = start_all(seconds, loaded)?;
    let watches = servers.iter().map(|server| watch(&server.address, seconds));
    let watches: Vec<Child> = watches.collect::<Outcome<_>>()?;
    let mut failures = 0;
    for (mut server, watch) in servers.into_iter().zip(watches) {
        let output = watch.wait_with_output()?;
        let answers = server.answers()?;
        let code = output.status.code();
        println!(
            "| {phase} | {} | {seconds} s | {} | {} |",
            server.name,
            answers.map_or_else(|| "–".to_owned(), |answers| answers.to_string()),
            code.map_or_else(|| "killed".to_owned(), |code| code.to_string())
        );
        if code != Some(0) || answers.is_some_and(|answers| answers == 0) {
            failures += 1;
            println!(
                "{}\n{}",
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&output.stdout)
            );
        }
    }
    Ok(failures)
}

fn start_all(seconds: u64, loaded: bool) -> Outcome<Vec<Server>> {
    let mut servers = Vec::new();
    for (name, question) in [("mini-redis", REDIS), ("axum", HTTP)] {
        servers.push(Server::ours(name, question, loaded)?);
    }
    if let Some(folder) = std::env::var_os("SOAK_SERVERS") {
        for name in ["grpc", "dns"] {
            servers.push(Server::of_others(&Path::new(&folder).join(name), name, seconds, loaded)?);
        }
    }
    Ok(servers)
}

/// One command and the answer's first bytes.
type Question = (&'static [u8], &'static [u8]);

const REDIS: Question = (b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n", b"+OK");
const HTTP: Question = (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"HTTP/1.1 200");

/// A server and its load; both end when it is dropped.
struct Server {
    name: &'static str,
    address: String,
    /// Kept for its Drop, which ends the process.
    _program: Running,
    load: Option<Load>,
}

enum Running {
    Ours { _program: Program },
    Others { _program: Killed },
}

enum Load {
    Threads(Clients),
    Process(Killed),
}

impl Server {
    /// A scenario of `program`, on its own recorder.
    fn ours(name: &'static str, question: Question, loaded: bool) -> Outcome<Self> {
        let scenario = if name == "axum" { "axum" } else { "redis" };
        let mut program = Program::start_init(&beside("program")?.to_string_lossy(), &[scenario]);
        let port = program.ask("port")["port"].as_u64().ok_or("the program has no port")? as u16;
        let load = loaded.then(|| Load::Threads(Clients::start(port, question)));
        Ok(Self {
            name,
            address: program.address().to_owned(),
            _program: Running::Ours { _program: program },
            load,
        })
    }

    /// A server of `../shared/cases/servers`, with one line of taskscope.
    fn of_others(path: &Path, name: &'static str, seconds: u64, loaded: bool) -> Outcome<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let port = free_port()?;
        let start = |mode: &str, lives_s: u64| {
            let mut command = Command::new(path);
            command.arg(mode).env("PORT", port.to_string()).env("SECS", lives_s.to_string());
            command.env("TASKSCOPE_BIND", &address).stdout(Stdio::piped()).stderr(Stdio::null());
            command
        };
        let program = Killed(start("server", seconds + MARGIN_S).env("TS", "1").spawn()?);
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            if began.elapsed() > START {
                return Err(format!("{name} does not listen on {address}").into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        let load = loaded.then(|| start("load", seconds).spawn()).transpose()?;
        let load = load.map(|child| Load::Process(Killed(child)));
        Ok(Self { name, address, _program: Running::Others { _program: program }, load })
    }

    /// Answers that its load had; `None`: there is no load.
    fn answers(&mut self) -> Outcome<Option<u64>> {
        match &mut self.load {
            None => Ok(None),
            Some(Load::Threads(clients)) => Ok(Some(clients.answers.load(Relaxed))),
            Some(Load::Process(Killed(child))) => {
                // It says so in its last line, and ends by itself: `LOAD grpc ok=421 err=0 …`.
                let mut said = String::new();
                child.stdout.take().ok_or("stdout is a pipe")?.read_to_string(&mut said)?;
                let answers = said.split_whitespace().find_map(|word| word.strip_prefix("ok="));
                Ok(Some(answers.ok_or_else(|| format!("no count of answers in {said:?}"))?.parse()?))
            }
        }
    }
}

/// Threads that ask one question again and again.
struct Clients {
    answers: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
}

impl Clients {
    fn start(port: u16, question: Question) -> Self {
        let clients = Self { answers: Arc::default(), ends: Arc::default() };
        for _ in 0..CLIENTS {
            let (answers, ends) = (Arc::clone(&clients.answers), Arc::clone(&clients.ends));
            thread::spawn(move || {
                while !ends.load(Relaxed) {
                    // A connection that breaks is made anew: what the load had is in `answers`.
                    if ask(port, question, &answers, &ends).is_err() {
                        thread::sleep(Duration::from_millis(50));
                    }
                }
            });
        }
        clients
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
    }
}

fn ask(port: u16, question: Question, answers: &AtomicU64, ends: &AtomicBool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut answer = [0; 1024];
    while !ends.load(Relaxed) {
        stream.write_all(question.0)?;
        let bytes = stream.read(&mut answer)?;
        if !answer[..bytes].starts_with(question.1) {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        answers.fetch_add(1, Relaxed);
    }
    Ok(())
}

/// A process that ends with its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One that was free a moment ago: other servers get their port as an argument.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn busy_loop() -> Outcome<Killed> {
    Ok(Killed(Command::new(std::env::current_exe()?).arg("loop").spawn()?))
}

fn watch(address: &str, seconds: u64) -> Outcome<Child> {
    let mut command = Command::new(beside("taskscope")?);
    command.args(["--once", "--for", &format!("{seconds}s"), "--fail-on", "all", address]);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// An executable of this build: beside this one, or in the folder above it.
fn beside(name: &str) -> Outcome<PathBuf> {
    let here = std::env::current_exe()?;
    let found = here.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| format!("there is no {name} beside {}", here.display()).into())
}
