//! A writer in a process of its own that is stopped (SIGSTOP) between its append and its commit: whoever follows the log
//! goes on after a bounded time, and nothing of the stopped append appears.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::{EventStore, ExpectedVersion, Filter, StartFrom};
use event_postgres::PgOptions;
use sqlx::{Connection as _, PgConnection};

use crate::{after, events, exact, one, pg};

/// Environment of the process: the URL of its store.
const URL: &str = "EVENTS_STOPPED_URL";
const APPENDED: &str = "stopped-appended";
/// How long a transaction may wait for its program.
const LIMIT: Duration = Duration::from_secs(1);
/// Far above the limit, and far below what a stopped program would block for otherwise.
const SOON: Duration = Duration::from_secs(20);

struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stopped::writer_process", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn wait_for_append(&mut self) {
        let line = self.lines.by_ref().map_while(Result::ok).find(|line| line == APPENDED);
        assert!(line.is_some(), "the process ended before its append");
    }

    fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Stops the process, and waits until the system says that it is.
    fn stop(&self) {
        self.signal("STOP");
        let state = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
            stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
        };
        while state() != Some('T') {
            std::thread::yield_now();
        }
    }
}

impl Drop for Process {
    /// Kills the process with `SIGKILL`.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Entry point of the process: appends, and does not commit. Does nothing as an ordinary test.
#[tokio::test]
async fn writer_process() {
    let Ok(url) = std::env::var(URL) else { return };
    let options: PgOptions = url.parse().unwrap();
    let adapter = options.idle_transaction_timeout(LIMIT).connect().await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    adapter.append_in(&mut transaction, &one("stopped", exact(0), events(2))).await.unwrap();
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\n{APPENDED}").unwrap();
    stdout.flush().unwrap();
    std::future::pending::<()>().await;
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_go_on_when_a_writer_process_is_stopped_between_append_and_commit() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    adapter.commit(&one("s", exact(0), events(1))).await.unwrap();
    let mut process = Process::start(&database.url);
    process.wait_for_append();
    process.stop();
    let began = Instant::now();
    for version in 1..=3 {
        adapter.commit(&one("s", exact(version), events(1))).await.unwrap();
    }
    assert_eq!(after(&adapter, 0).await.len(), 1, "the stopped append may still be committed");

    let fresh = database.adapter().await;
    let mut plain = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let follower = async {
        for _ in 0..4 {
            plain.next().await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(SOON, follower).await.expect("a follower goes on");
    while after(&fresh, 0).await.len() < 4 {
        assert!(began.elapsed() < SOON, "readers are still blocked");
    }
    println!("followers waited {:?}", began.elapsed());
    let stopped = ExpectedVersion::NoStream;
    adapter.commit(&one("stopped", stopped, events(1))).await.unwrap();
    // What it resumes to do comes to nothing.
    process.signal("CONT");
    drop(process);
    assert_eq!(after(&adapter, 0).await.len(), 5);
}
