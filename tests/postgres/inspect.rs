//! What the server says of itself to an operator.

use std::time::Duration;

use event_core::{EventStore, ExpectedVersion};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::Connection as _;

use crate::failover::wait_until;
use crate::{pg, stream};

#[tokio::test]
async fn old_transactions_and_those_that_wait_are_named() {
    let database = pg::shared().database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let adapter = store.backend::<PgAdapter>().unwrap();
    let inspection = adapter.inspect(Duration::from_hours(1)).await.unwrap();
    let setting =
        |name: &str| inspection.settings.iter().find(|it| it.0 == name).unwrap().1.clone();
    assert_eq!(setting("full_page_writes").len(), setting("fsync").len(), "both are `on` or `off`");

    let (mut holder, mut waiter) = (database.connection().await, database.connection().await);
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(77)").execute(&mut *held).await.unwrap();
    let waiting = tokio::spawn(async move {
        let mut waits = waiter.begin().await.unwrap();
        sqlx::query("SELECT pg_advisory_xact_lock(77)").execute(&mut *waits).await.unwrap();
    });
    wait_until("one waits for the other", async || {
        let found = adapter.inspect(Duration::ZERO).await.unwrap().transactions;
        let waits = found.iter().find(|it| !it.waits_for.is_empty());
        waits.is_some_and(|it| found.iter().any(|other| other.session.pid == Some(it.waits_for[0])))
    })
    .await;
    held.rollback().await.unwrap();
    waiting.await.unwrap();
    store.close().await;
}
