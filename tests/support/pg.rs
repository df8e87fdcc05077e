//! A PostgreSQL server for tests: that of `DATABASE_URL`, or a private one that runs exactly as long as the test process.
//!
//! The shared server starts with the first test that needs it; each test gets a fresh database. A watchdog process waits
//! for the end of a pipe, so it stops the server and removes its folder however the test process ends. A missing program
//! is a panic that says what to install; tests are never skipped.

#![allow(dead_code, unused_imports, reason = "each test binary uses some of it")]

#[path = "server.rs"]
mod server;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use event_postgres::{PgAdapter, PgOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use self::server::Private;
pub(crate) use self::server::{as_server_user, chown_to_server, free_port};

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
        self.standby_with("")
    }

    /// Starts a hot standby with additional settings, as `-c name=value`.
    pub(crate) fn standby_with(&self, settings: &str) -> Self {
        Self::of(self.private().standby(settings))
    }

    /// Copies the data of a private server as they are now; the copy is started later, as a server of its own.
    pub(crate) fn copy(&self) -> DataCopy {
        DataCopy(self.private().copy())
    }

    /// The URL of a database on this server.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.base, self.query)
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

/// A copy of a server's data, from the time when it was made.
#[derive(Debug)]
pub(crate) struct DataCopy(Private);

impl DataCopy {
    /// Starts the copy.
    pub(crate) fn start(self) -> Cluster {
        Cluster::of(self.0.run())
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
        psql(&program("psql"), &copy.url, &dump.stdout);
        copy
    }

    /// Runs a script by `psql`.
    pub(crate) fn psql(&self, script: &str) {
        let program = match &self.cluster.private {
            Some(private) => private.programs.join("psql"),
            None => "psql".into(),
        };
        psql(&program, &self.url, script.as_bytes());
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

fn psql(program: &Path, url: &str, script: &[u8]) {
    let mut run = as_server_user(program)
        .args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"])
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("psql runs");
    run.stdin.take().expect("stdin is piped").write_all(script).expect("psql reads");
    assert!(run.wait().is_ok_and(|status| status.success()), "the script succeeds");
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
