//! This program, started again as one of the tools: its time, and its peak memory as it counts it itself.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use event_core::{AllOptions, EventStore, ReadOptions, StreamId};

/// What precedes the peak on standard error.
const PEAK: &str = "peak KiB: ";

/// A run that ended.
pub(crate) struct Ran {
    pub(crate) time: Duration,
    /// Peak memory in KiB.
    pub(crate) peak: u64,
}

/// The command line, and at the end its peak memory.
pub(crate) fn tool() -> ExitCode {
    let arguments = std::env::args_os().skip(2);
    let code = event_cli::run_from([OsString::from("events")].into_iter().chain(arguments));
    report_peak();
    code
}

/// The loop that the tools are compared with: reads everything, or a stream, and does nothing with it.
pub(crate) fn plain(url: &str, stream: Option<&str>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = EventStore::connect(url).await.unwrap();
        let mut events = match stream {
            Some(name) => {
                store.stream_events(&StreamId::new(name).unwrap(), ReadOptions::forward())
            }
            None => store.all_tenants().all_events(AllOptions::new()),
        };
        while let Some(event) = events.next().await {
            std::hint::black_box(event.unwrap());
        }
        store.close().await;
    });
    report_peak();
    ExitCode::SUCCESS
}

#[allow(clippy::print_stderr, reason = "standard output is that of the tool")]
fn report_peak() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.trim().split(' ').next()).unwrap_or("0");
    eprintln!("{PEAK}{peak}");
}

/// This program with these arguments.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdin(Stdio::null());
    for name in ["EVENT_STORE", "EVENT_TENANT", "COLUMNS", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end, and reads what it prints as fast as it comes.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    let started = Instant::now();
    let mut child =
        command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert!(child.wait().unwrap().success(), "{arguments:?}: {stderr}");
    let time = started.elapsed();
    let peak = stderr.lines().find_map(|line| line.strip_prefix(PEAK)).unwrap().parse().unwrap();
    Ran { time, peak }
}

/// A console as a process, which ends with it.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(url: &str) -> Self {
        use std::io::BufRead as _;
        let arguments = ["tool", "--store", url, "serve", "--address", "127.0.0.1:0"];
        let mut child = command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("console at ").unwrap().to_owned();
        Self { child, address }
    }

    /// The peak memory so far, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
