//! A writer in a process of its own, which can be stopped and killed between its append and its commit.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::{EventId, EventStore, NewEvent};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::{Connection as _, PgConnection};

use super::world::World;
use crate::stream;

/// Environment of the process: the URL of its store.
const URL: &str = "EVENTS_CHAOS_CHILD_URL";
const APPENDED: &str = "chaos-appended";
const COMMITTED: &str = "chaos-committed ";
/// Time between an append and its commit, in which the process may be stopped.
const OPEN: Duration = Duration::from_millis(40);

/// A running process.
#[derive(Debug)]
pub(super) struct WriterProcess {
    child: Child,
    appended: Mutex<Receiver<()>>,
}

impl WriterProcess {
    /// Starts the process; what it commits counts as acknowledged.
    pub(super) fn start(url: &str, world: &Arc<World>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "chaos::child::writer_process", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, appended) = channel();
        let (world, losses) = (Arc::clone(world), world.losses());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if line == APPENDED {
                    let _ = send.send(());
                } else if let Some(id) = line.strip_prefix(COMMITTED) {
                    world.acknowledged(vec![EventId::from_uuid(id.parse().unwrap())], losses);
                }
            }
        });
        Self { child, appended: Mutex::new(appended) }
    }

    /// Waits until the process has appended and not committed yet; whether it did in time.
    pub(super) fn wait_for_append(&self, at_most: Duration) -> bool {
        let appended = self.appended.lock().unwrap();
        while appended.try_recv().is_ok() {}
        appended.recv_timeout(at_most).is_ok()
    }

    /// Sends a signal: `STOP` freezes the process, `CONT` resumes it.
    pub(super) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        kill.args([format!("-{name}"), self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }
}

impl Drop for WriterProcess {
    /// Kills the process with `SIGKILL`.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Entry point of the process: appends until it is killed. Does nothing as an ordinary test.
#[tokio::test]
async fn writer_process() {
    let Ok(url) = std::env::var(URL) else { return };
    loop {
        if let Err(error) = write(&url).await {
            eprintln!("{error}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn write(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let adapter = Arc::new(PgAdapter::connect(url).await?);
    let store = EventStore::builder(Arc::clone(&adapter)).stream_limit(None).build()?;
    // The parameters of the adapter mean nothing to the driver.
    let mut connection = PgConnection::connect(url.split('?').next().unwrap_or(url)).await?;
    loop {
        append(&adapter, &store, &mut connection).await?;
    }
}

/// Appends in a transaction of its own, and says when it may be stopped.
async fn append(
    adapter: &PgAdapter,
    store: &EventStore,
    connection: &mut PgConnection,
) -> Result<(), Box<dyn std::error::Error>> {
    let event = NewEvent::from(Noted::new("from a process of its own"));
    let id = event.id();
    let name = stream(&format!("process-{}", std::process::id()));
    let commit = store.transaction().append(&name, Any, [event]).into_commit()?;
    let mut transaction = connection.begin().await?;
    adapter.append_in(&mut transaction, &commit).await?;
    say(APPENDED)?;
    tokio::time::sleep(OPEN).await;
    transaction.commit().await?;
    say(&format!("{COMMITTED}{id}"))?;
    Ok(())
}

/// Writes a line for the process that started this one.
fn say(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
