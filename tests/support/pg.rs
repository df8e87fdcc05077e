//! A PostgreSQL for tests: `DATABASE_URL`, or a private cluster that lives exactly as long as the test process.
//!
//! The shared cluster starts with the first test that needs it; each test gets a fresh database. A watchdog process
//! waits for the end of a pipe, so it stops the server and removes its folder however the test process ends. Missing
//! programs are a panic that says what to install, never a silent skip.

#![allow(dead_code, reason = "each test binary uses a part")]

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

/// Whether a commit waits for the disk: off for tests, on for benches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fsync {
    Off,
    On,
}

/// A server to create databases on.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Up to and without the database's name.
    base: String,
    /// The database to connect to for administration.
    maintenance: String,
    /// What comes after the database's name.
    query: String,
    private: Option<Private>,
}

/// The cluster of this process.
pub(crate) fn shared() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) => Cluster::at(&url),
        Err(_) => Cluster::start(Fsync::Off),
    })
}

impl Cluster {
    /// A server that runs already.
    fn at(url: &str) -> Self {
        let (place, query) =
            url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
        let (base, name) = place.rsplit_once('/').expect("DATABASE_URL names a database");
        Self { base: base.into(), maintenance: name.into(), query, private: None }
    }

    /// A new private server.
    pub(crate) fn start(fsync: Fsync) -> Self {
        Self::start_with(fsync, "")
    }

    /// A new private server with settings of its own, as `-c name=value`.
    pub(crate) fn start_with(fsync: Fsync, settings: &str) -> Self {
        Self::of(Private::create(fsync, settings))
    }

    /// A hot standby of a private server, which follows it from now on. Its databases are those of the primary.
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

    /// The URL of a database that was made on the primary of this standby.
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

    /// Where a private server listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.private().port)
    }

    /// Stops a private server as a crash would.
    pub(crate) fn crash(&self) {
        self.private().control(&["-m", "immediate", "stop"]);
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&self) {
        assert!(self.private().run_server(), "the server starts again");
    }

    fn private(&self) -> &Private {
        self.private.as_ref().expect("only a private cluster is stopped")
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
    /// Its name, unique among all tests that run.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The adapter on this database, which then stays: for a suite that is handed nothing but adapters.
    pub(crate) async fn into_adapter(self) -> PgAdapter {
        let adapter = self.adapter().await;
        std::mem::forget(self);
        adapter
    }

    /// A plain connection, to look behind the adapter.
    pub(crate) async fn connection(&self) -> PgConnection {
        connect(&self.url).await
    }

    /// The adapter on this database.
    pub(crate) async fn adapter(&self) -> PgAdapter {
        self.options().connect().await.expect("the store opens")
    }

    /// The adapter's options for this database.
    pub(crate) fn options(&self) -> PgOptions {
        self.url.parse().expect("the URL is right")
    }

    /// A copy on another private server, by way of a dump.
    pub(crate) async fn restored_into<'o>(&self, other: &'o Cluster) -> Database<'o> {
        let copy = other.database().await;
        let program = |name| self.cluster.private().programs.join(name);
        let dump = as_server(&program("pg_dump")).arg(&self.url).output().expect("pg_dump runs");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let mut restore = as_server(&program("psql"))
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
        let place = self.url.split("://").nth(1).expect("a URL has a scheme");
        let authority = place.split('/').next().expect("a URL has an authority");
        authority.rsplit('@').next().expect("split gives one part").to_owned()
    }
}

impl Drop for Database<'_> {
    /// A private server goes as a whole; elsewhere nothing is left behind.
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

/// A connection, or a panic that names no password.
pub(crate) async fn connect(url: &str) -> PgConnection {
    match PgConnection::connect(url).await {
        Ok(connection) => connection,
        Err(error) => {
            panic!("cannot connect to {}: {error}", event_core::store::without_password(url))
        }
    }
}

/// Runs statements whose text the test makes up.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    if let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await {
        panic!("{sql}: {error}");
    }
}

/// A single number that a statement gives.
pub(crate) async fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    match sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(connection).await {
        Ok(number) => number,
        Err(error) => panic!("{sql}: {error}"),
    }
}

#[derive(Debug)]
struct Private {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// The settings of its own, without those that name its place.
    more: String,
    settings: String,
    watchdog: Child,
}

impl Private {
    fn create(fsync: Fsync, more: &str) -> Self {
        let durable = match fsync {
            Fsync::On => "",
            Fsync::Off => "-c fsync=off -c full_page_writes=off",
        };
        let private = Self::folder(format!("{durable} {more}"));
        must(
            as_server(&private.programs.join("initdb"))
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
        let private = Self::folder(self.more.clone());
        must(
            as_server(&private.programs.join("pg_basebackup"))
                .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()])
                .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
                .arg("--pgdata")
                .arg(private.folder.join("data")),
        );
        private.run()
    }

    /// A server without data yet, and without a port.
    fn folder(more: String) -> Self {
        let programs = programs().unwrap_or_else(|| panic!("{HINT}"));
        let folder = tempfile::Builder::new()
            .prefix("event-pg-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        give_to_server(&folder);
        let watchdog = watchdog(&programs, &folder);
        Self { programs, folder, port: 0, more, settings: String::new(), watchdog }
    }

    /// Runs it on a port that is free.
    fn run(mut self) -> Self {
        for _ in 0..5 {
            // Somebody may take the port in between; then there is another one.
            self.port = free_port();
            self.settings = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 {}",
                self.port, self.more
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
            &self.settings,
            "-l",
            &self.folder.join("log").to_string_lossy(),
            "start",
        ])
    }

    fn control(&self, arguments: &[&str]) -> bool {
        quiet(
            as_server(&self.programs.join("pg_ctl"))
                .args(["-w", "-D"])
                .arg(self.folder.join("data"))
                .args(arguments),
        )
    }
}

impl Drop for Private {
    /// Ends the watchdog's wait, and waits for it in turn.
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Stops the server and removes its folder once this process is gone. Of its own group, so that Ctrl-C spares it.
fn watchdog(programs: &Path, folder: &Path) -> Child {
    let script = r#"while read -r _; do :; done
        "$@" -w -m immediate -D "$0/data" stop >/dev/null 2>&1
        rm -rf "$0" || { sleep 1; rm -rf "$0"; }"#;
    let stop = as_server(&programs.join("pg_ctl"));
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

/// The server refuses to run as root; then it runs as the user that its package made.
pub(crate) fn as_server(program: &Path) -> Command {
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

/// Lets the user that the server runs as write in a folder.
pub(crate) fn give_to_server(folder: &Path) {
    if is_root() {
        must(Command::new("chown").arg("-R").arg("postgres").arg(folder));
    }
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| {
        Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
    })
}

/// What is used of a server's package.
const PROGRAMS: [&str; 5] = ["initdb", "pg_ctl", "pg_basebackup", "pg_dump", "psql"];

/// The folder of those: what `EVENTS_PG_BIN` names, which may lack some; in the path, else where packages put it, the newest first.
fn programs() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("EVENTS_PG_BIN").map(PathBuf::from) {
        let there = chosen.join("initdb").is_file();
        assert!(there, "EVENTS_PG_BIN: there is no initdb in {}", chosen.display());
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

fn quiet(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn must(command: &mut Command) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not run ({error}); {HINT}"));
    let mut said = String::new();
    let _ = child.stderr.take().expect("stderr is piped").read_to_string(&mut said);
    assert!(child.wait().is_ok_and(|status| status.success()), "{command:?}: {said}");
}
