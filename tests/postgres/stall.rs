//! A transaction that blocks readers is named: in the stall report, in the health of the store, in the log.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::{EventId, EventStore, ExpectedVersion};
use sqlx::PgConnection;

use crate::frontier::slow_append;
use crate::{after, events, one, pg};

async fn pid(connection: &mut PgConnection) -> i32 {
    i32::try_from(pg::number(connection, "SELECT pg_backend_pid()::bigint").await).unwrap()
}

#[tokio::test]
async fn the_report_names_the_blocking_transaction() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    assert_eq!(adapter.stall().await.unwrap(), None);
    let health = store.health().await.unwrap();
    assert!(health.server.starts_with("PostgreSQL "), "{health:?}");
    assert!(health.schema_version.is_some_and(|version| version >= 7), "{health:?}");
    assert_eq!((health.read_only, health.stall), (false, None));

    let (mut slow, mut bystander) = (database.connection().await, database.connection().await);
    let blocking = pid(&mut slow).await;
    pg::run(&mut slow, "SET application_name = 'nightly import'; BEGIN").await;
    pg::run(&mut bystander, "BEGIN; CREATE TABLE unrelated ()").await;
    slow_append(&mut slow, "slow", EventId::new()).await;
    pg::run(&mut slow, "SELECT 'last statement'").await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(2))).await.unwrap();

    let stall = store.health().await.unwrap().stall.unwrap();
    assert_eq!((stall.after.get(), stall.stored.get()), (1, 4));
    let [blocker] = stall.blockers.as_slice() else { panic!("{stall}") };
    assert_eq!(blocker.pid, Some(blocking));
    assert_eq!(blocker.application, "nightly import");
    assert_eq!(blocker.state, "idle in transaction");
    assert_eq!(blocker.query, "SELECT 'last statement'");
    assert!(blocker.age > Duration::ZERO);
    let report = stall.to_string();
    assert!(report.contains(&format!("blocked by pid {blocking} ")), "{report}");

    pg::run(&mut slow, "COMMIT").await;
    assert_eq!(adapter.stall().await.unwrap(), None);
    assert_eq!(after(&adapter, 0).await.len(), 4);
}

#[tokio::test]
async fn a_prepared_transaction_is_reported_by_its_name() {
    let cluster = pg::Cluster::start_with(pg::Fsync::Off, "-c max_prepared_transactions=4");
    let database = cluster.database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut slow = database.connection().await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow", EventId::new()).await;
    pg::run(&mut slow, "PREPARE TRANSACTION 'for tomorrow'").await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    let stall = adapter.stall().await.unwrap().unwrap();
    let [blocker] = stall.blockers.as_slice() else { panic!("{stall}") };
    assert_eq!((blocker.pid, &*blocker.application), (None, "for tomorrow"), "{stall}");
    assert_eq!(blocker.state, "prepared");
    pg::run(&mut slow, "ROLLBACK PREPARED 'for tomorrow'").await;
    assert_eq!(adapter.stall().await.unwrap(), None);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_lasting_stall_is_logged_once() {
    let (log, database) = (Log::default(), pg::shared().database().await);
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _log = tracing::subscriber::set_default(subscriber);
    let adapter = database.adapter().await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut slow = database.connection().await;
    let blocking = pid(&mut slow).await;
    pg::run(&mut slow, "BEGIN").await;
    slow_append(&mut slow, "slow", EventId::new()).await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    while !log.text().contains("readers wait") {
        assert_eq!(after(&adapter, 0).await.len(), 1);
    }
    for _ in 0..3 {
        assert_eq!(after(&adapter, 0).await.len(), 1);
    }
    let logged = log.text();
    assert_eq!(logged.matches("readers wait").count(), 1, "{logged}");
    assert!(logged.contains(&format!("blocked by pid {blocking} ")), "{logged}");
    pg::run(&mut slow, "ROLLBACK").await;
    assert_eq!(after(&adapter, 0).await.len(), 2);
}
