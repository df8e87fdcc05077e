//! The process of a private server: its folder, its programs, and the watchdog that ends it.

use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::Fsync;

const HINT: &str = "PostgreSQL is missing: install it (`apt-get install postgresql`), or set DATABASE_URL to a \
                    server on which databases may be created";

/// A private server and its folder.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) programs: PathBuf,
    folder: PathBuf,
    pub(super) port: u16,
    /// Additional settings, without port and addresses.
    extra_settings: String,
    /// All options of the server process.
    options: String,
    watchdog: Child,
}

impl Private {
    pub(super) fn create(fsync: Fsync, extra_settings: &str) -> Self {
        let durable = match fsync {
            Fsync::On => "",
            Fsync::Off => "-c fsync=off -c full_page_writes=off",
        };
        let private = Self::folder(format!("{durable} {extra_settings}"));
        expect_success(
            as_server_user(&private.programs.join("initdb"))
                .args([
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--username=postgres",
                    "--no-sync",
                ])
                .arg("--pgdata")
                .arg(private.folder.join("data")),
        );
        private.run()
    }

    pub(super) fn standby(&self, settings: &str) -> Self {
        self.backup(&["--write-recovery-conf"], settings).run()
    }

    /// A copy of the data as they are now, not started.
    pub(super) fn copy(&self) -> Self {
        self.backup(&[], "")
    }

    fn backup(&self, arguments: &[&str], settings: &str) -> Self {
        let private = Self::folder(format!("{} {settings}", self.extra_settings));
        expect_success(
            as_server_user(&private.programs.join("pg_basebackup"))
                .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()])
                .args(["--checkpoint=fast", "--no-sync"])
                .args(arguments)
                .arg("--pgdata")
                .arg(private.folder.join("data")),
        );
        private
    }

    /// A server without data and without a port.
    fn folder(extra_settings: String) -> Self {
        let programs = programs().unwrap_or_else(|| panic!("{HINT}"));
        let folder = tempfile::Builder::new()
            .prefix("event-pg-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        chown_to_server(&folder);
        let watchdog = watchdog(&programs, &folder);
        Self { programs, folder, port: 0, extra_settings, options: String::new(), watchdog }
    }

    /// Starts the server on a free port.
    pub(super) fn run(mut self) -> Self {
        for _ in 0..5 {
            // Another process may take the port in between: try the next one.
            self.port = free_port();
            self.options = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 {}",
                self.port, self.extra_settings
            );
            if self.run_server() {
                return self;
            }
        }
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }

    pub(super) fn run_server(&self) -> bool {
        self.control(&[
            "-o",
            &self.options,
            "-l",
            &self.folder.join("log").to_string_lossy(),
            "start",
        ])
    }

    pub(super) fn control(&self, arguments: &[&str]) -> bool {
        succeeds(
            as_server_user(&self.programs.join("pg_ctl"))
                .args(["-w", "-D"])
                .arg(self.folder.join("data"))
                .args(arguments),
        )
    }
}

impl Drop for Private {
    /// Closes the pipe to the watchdog and waits until it has stopped the server.
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Starts a process that stops the server and removes its folder once this process has ended. It has its own process group,
/// so that Ctrl-C does not reach it.
fn watchdog(programs: &Path, folder: &Path) -> Child {
    let script = r#"while read -r _; do :; done
        "$@" -w -m immediate -D "$0/data" stop >/dev/null 2>&1
        rm -rf "$0" || { sleep 1; rm -rf "$0"; }"#;
    let stop = as_server_user(&programs.join("pg_ctl"));
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(folder).arg(stop.get_program()).args(stop.get_args());
    command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().expect("sh runs")
}

/// A command that runs as the server's user: as `postgres` if this process is root, since the server refuses to run as root.
pub(crate) fn as_server_user(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

/// Makes the server's user the owner of a folder.
pub(crate) fn chown_to_server(folder: &Path) {
    if is_root() {
        expect_success(Command::new("chown").arg("-R").arg("postgres").arg(folder));
    }
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| {
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    })
}

/// The programs that the tests need of a server's package.
const PROGRAMS: [&str; 5] = ["initdb", "pg_ctl", "pg_basebackup", "pg_dump", "psql"];

/// The folder of these programs: `EVENTS_PG_BIN`, in which only `initdb` is required; else the first that has all of them, in the
/// path, then where packages install them, the newest version first.
fn programs() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("EVENTS_PG_BIN").map(PathBuf::from) {
        let exists = chosen.join("initdb").is_file();
        assert!(exists, "EVENTS_PG_BIN: there is no initdb in {}", chosen.display());
        return Some(chosen);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut packaged: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    packaged.sort();
    folders.extend(packaged.into_iter().rev().map(|(_, folder)| folder));
    folders.push("/usr/local/pgsql/bin".into());
    folders.into_iter().find(|folder| PROGRAMS.iter().all(|program| folder.join(program).is_file()))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

/// Runs a command without output; whether it succeeded.
fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Runs a command; panics with its error output if it fails.
fn expect_success(command: &mut Command) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not run ({error}); {HINT}"));
    let mut errors = String::new();
    let _ = child.stderr.take().expect("stderr is piped").read_to_string(&mut errors);
    assert!(child.wait().is_ok_and(|status| status.success()), "{command:?}: {errors}");
}
