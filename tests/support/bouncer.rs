//! A pgbouncer for tests, in transaction mode, that runs as long as the test process; see `pg.rs` for the server behind it.
//!
//! A missing program is a panic that says what to install; tests are never skipped.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::pg;

/// A pooler in front of a server.
#[derive(Debug)]
pub(crate) struct Bouncer {
    address: String,
    watchdog: Child,
}

impl Bouncer {
    /// Starts a pooler in front of a server; `extra` are additional lines of its configuration.
    pub(crate) fn start(server: &str, extra: &str) -> Self {
        let (host, port) = server.split_once(':').expect("an address has a port");
        let folder = tempfile::Builder::new().prefix("event-bouncer-").tempdir();
        let folder = folder.expect("a temporary folder").keep();
        for _ in 0..5 {
            // Another process may take the port in between: try the next one.
            let listen_port = pg::free_port();
            let config = folder.join("pgbouncer.ini");
            let text = format!(
                "[databases]\n* = host={host} port={port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {listen_port}\n\
                 unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 1000\n\
                 server_idle_timeout = 5\nlogfile = {}\n{extra}\n",
                folder.join("log").display()
            );
            // With `auth_type = any` the entry must name the user of the server's connections.
            let text = text.replace("* = host", "* = user=postgres host");
            std::fs::write(&config, text).expect("the configuration is written");
            pg::chown_to_server(&folder);
            let mut started =
                Self { address: format!("127.0.0.1:{listen_port}"), watchdog: watchdog(&config) };
            if started.accepts_connections() {
                return started;
            }
        }
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        panic!("pgbouncer does not start: {log}");
    }

    /// The URL of a database through this pooler.
    pub(crate) fn url(&self, database: &pg::Database<'_>) -> String {
        self.through(&database.url, &database.address())
    }

    /// Replaces the server's address in a URL by the pooler's. The result has a `?`, so that `&key=value` can be appended.
    pub(crate) fn through(&self, url: &str, server: &str) -> String {
        let url = url.replace(server, &self.address);
        format!("{url}{}", if url.contains('?') { "" } else { "?" })
    }

    /// Ends the pooler and its connections, as a restart of its machine does; `start_again` brings it back at its address.
    pub(crate) fn stop(&mut self) {
        self.tell("stop");
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(&self.address).is_ok() {
            assert!(Instant::now() < deadline, "the pooler ends");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the pooler that was stopped.
    pub(crate) fn start_again(&mut self) {
        self.tell("start");
        assert!(self.accepts_connections(), "the pooler starts again");
    }

    fn tell(&mut self, word: &str) {
        let pipe = self.watchdog.stdin.as_mut().expect("the watchdog reads");
        writeln!(pipe, "{word}").expect("the watchdog reads");
    }

    fn accepts_connections(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if TcpStream::connect(&self.address).is_ok() {
                return true;
            }
            if matches!(self.watchdog.try_wait(), Ok(Some(_))) {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// Starts a process that runs the pooler until this process has ended. It has its own process group, so that Ctrl-C does
/// not reach it.
fn watchdog(config: &std::path::Path) -> Child {
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
        .into_iter()
        .find(|path| std::path::Path::new(path).is_file())
        .expect("pgbouncer is missing: install it (`apt-get install pgbouncer`)");
    let script = r#"config="$0"
        "$@" "$config" >/dev/null 2>&1 &
        pooler=$!
        (sleep 1; kill -0 $pooler 2>/dev/null || kill $$ 2>/dev/null) &
        while read -r word; do
            case $word in
            stop) kill $pooler; wait $pooler ;;
            start) "$@" "$config" >/dev/null 2>&1 & pooler=$! ;;
            esac
        done
        kill $pooler; wait $pooler; rm -rf "$(dirname "$config")""#;
    let run = pg::as_server_user(std::path::Path::new(program));
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(config).arg(run.get_program()).args(run.get_args());
    command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().expect("sh runs")
}
