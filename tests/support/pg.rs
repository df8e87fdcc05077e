//! A PostgreSQL server for tests: that of `DATABASE_URL`, or a private one that runs exactly as long as the test process.
//!
//! The shared server starts with the first test that needs it; each test gets a fresh database. A watchdog process waits
//! for the end of a pipe, so it stops the server and removes its folder however the test process ends. A missing program
//! is a panic that says what to install; tests are never skipped.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use event_postgres::{PgAdapter, PgOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const HINT: &str = "PostgreSQL is missing: install it (`apt-get install postgresql`), or set DATABASE_URL to a \
                    server on which databases may be created";

/// Whether a commit waits for the disk: off for most tests, on for benches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fsync {
    Off,
    On,
}

/// A server to create databases on.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The URL before the name of a database, without the slash.
    base: String,
    /// The database to connect to for administration.
    maintenance: String,
    /// The URL's parameters after the name of a database, with the question mark.
    query: String,
    private: Option<Private>,
}

/// The server that the tests of this process share.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) => Cluster::at(&url),
        Err(_) => Cluster::start(Fsync::Off),
    })
}

impl Cluster {
    /// A server that is running already.
    fn at(url: &str) -> Self {
        let (location, query) =
            url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
        let (base, name) = location.rsplit_once('/').expect("DATABASE_URL names a database");
        Self { base: base.into(), maintenance: name.into(), query, private: None }
    }

    /// Starts a private server.
    pub(crate) fn start(fsync: Fsync) -> Self {
        Self::start_with(fsync, "")
    }

    /// Starts a private server with additional settings, as `-c name=value`.
    pub(crate) fn start_with(fsync: Fsync, settings: &str) -> Self {
        Self::of(Private::create(fsync, settings))
    }

    /// Starts a hot standby of a private server. It has the databases of the primary.
    pub(crate) fn standby(&self) -> Self {
        Self::of(self.private().standby())
    }

    fn of(private: Private) -> Self {
        Self {
            base: format!("postgres://postgres@127.0.0.1:{}", private.port),
            maintenance: "postgres".into(),
            query: String::new(),
            private: Some(private),
        }
    }

    /// The URL on this standby of a database of its primary.
    pub(crate) fn url_of(&self, database: &Database<'_>) -> String {
        format!("{}/{}", self.base, database.name)
    }

    /// A fresh, empty database.
    pub(crate) async fn database(&self) -> Database<'_> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("event_test_{}_{number}", std::process::id());
        let mut admin = self.admin().await;
        run(&mut admin, &format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))
            .await;
        Database { url: format!("{}/{name}{}", self.base, self.query), name, cluster: self }
    }

    /// A connection for administration.
    pub(crate) async fn admin(&self) -> PgConnection {
        connect(&format!("{}/{}{}", self.base, self.maintenance, self.query)).await
    }

    /// Host and port of a private server.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.private().port)
    }

    /// Stops a private server without a shutdown, as a crash does.
    pub(crate) fn crash(&self) {
        self.private().control(&["-m", "immediate", "stop"]);
    }

    /// Makes a primary of a private standby.
    pub(crate) fn promote(&self) {
        assert!(self.private().control(&["promote"]), "the standby is promoted");
    }

    /// Restarts a private server on the same port.
    pub(crate) fn restart(&self) {
        assert!(self.private().run_server(), "the server restarts");
    }

    fn private(&self) -> &Private {
        self.private.as_ref().expect("a private server, not that of DATABASE_URL")
    }
}

/// A database of one test.
#[derive(Debug)]
pub(crate) struct Database<'c> {
    pub(crate) url: String,
    name: String,
    cluster: &'c Cluster,
}

impl Database<'_> {
    /// The name, unique among all running tests.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the adapter and leaves the database behind: for suites that take nothing but adapters.
    pub(crate) async fn into_adapter(self) -> PgAdapter {
        let adapter = self.adapter().await;
        std::mem::forget(self);
        adapter
    }

    /// A plain connection, to inspect and change tables without the adapter.
    pub(crate) async fn connection(&self) -> PgConnection {
        connect(&self.url).await
    }

    /// Opens the adapter on this database.
    pub(crate) async fn adapter(&self) -> PgAdapter {
        self.options().connect().await.expect("the store opens")
    }

    /// The adapter's options for this database.
    pub(crate) fn options(&self) -> PgOptions {
        self.url.parse().expect("the URL is valid")
    }

    /// Dumps this database and restores it on another private server.
    pub(crate) async fn restored_into<'o>(&self, other: &'o Cluster) -> Database<'o> {
        let copy = other.database().await;
        let program = |name| self.cluster.private().programs.join(name);
        let dump =
            as_server_user(&program("pg_dump")).arg(&self.url).output().expect("pg_dump runs");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let mut restore = as_server_user(&program("psql"))
            .args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"])
            .arg(&copy.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("psql runs");
        restore.stdin.take().expect("stdin is piped").write_all(&dump.stdout).expect("psql reads");
        assert!(restore.wait().is_ok_and(|status| status.success()), "the dump is restored");
        copy
    }

    /// Host and port of the server.
    pub(crate) fn address(&self) -> String {
        let rest = self.url.split("://").nth(1).expect("a URL has a scheme");
        let authority = rest.split('/').next().expect("a URL has an authority");
        authority.rsplit('@').next().expect("split yields at least one item").to_owned()
    }
}

impl Drop for Database<'_> {
    /// Drops the database, unless its private server is removed as a whole.
    fn drop(&mut self) {
        if self.cluster.private.is_some() {
            return;
        }
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async { run(&mut self.cluster.admin().await, &drop).await });
            });
        });
    }
}

/// Connects; panics with a message without the password.
pub(crate) async fn connect(url: &str) -> PgConnection {
    match PgConnection::connect(url).await {
        Ok(connection) => connection,
        Err(error) => {
            panic!("cannot connect to {}: {error}", event_core::store::without_password(url))
        }
    }
}

/// Runs statements; panics with their text if one fails.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await {
        panic!("{sql}: {error}");
    }
}

/// The single number that a query returns.
pub(crate) async fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    match sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await {
        Ok(number) => number,
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// A private server and its folder.
#[derive(Debug)]
struct Private {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// Additional settings, without port and addresses.
    extra_settings: String,
    /// All options of the server process.
    options: String,
    watchdog: Child,
}

impl Private {
    fn create(fsync: Fsync, extra_settings: &str) -> Self {
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

    fn standby(&self) -> Self {
        let private = Self::folder(self.extra_settings.clone());
        expect_success(
            as_server_user(&private.programs.join("pg_basebackup"))
                .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()])
                .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
                .arg("--pgdata")
                .arg(private.folder.join("data")),
        );
        private.run()
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
    fn run(mut self) -> Self {
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

    fn run_server(&self) -> bool {
        self.control(&[
            "-o",
            &self.options,
            "-l",
            &self.folder.join("log").to_string_lossy(),
            "start",
        ])
    }

    fn control(&self, arguments: &[&str]) -> bool {
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
