//! Standbys: read on them, never written or migrated; reads go elsewhere when one is gone; an acknowledged commit is stored.

use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion, ReadOptions, RetryPolicy};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::PgConnection;

use crate::{events, one, pg, stream};

/// Waits until a standby shows what its primary has stored up to now.
async fn catch_up(primary: &mut PgConnection, standby: &mut PgConnection) {
    let stored: String = text(primary, "SELECT pg_current_wal_lsn()::text").await;
    loop {
        let shown = format!("SELECT (pg_last_wal_replay_lsn() >= '{stored}')::int::bigint");
        if pg::number(standby, &shown).await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn text(connection: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

fn elsewhere(database: &pg::Database<'_>, server: &pg::Cluster) -> String {
    database.url.replace(&database.address(), &server.address())
}

fn store(adapter: PgAdapter) -> EventStore {
    EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap()
}

#[tokio::test]
async fn a_standby_is_read_and_refuses_writers_in_plain_words() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    let standby = primary.standby();
    let url = elsewhere(&database, &standby);
    let mut behind = database.connection().await;
    catch_up(&mut behind, &mut pg::connect(&url).await).await;
    let error = PgAdapter::connect(&url).await.unwrap_err();
    assert!(with_causes(&error).contains("on its primary"), "{}", with_causes(&error));

    let writer = store(database.adapter().await);
    writer.append(&stream("s"), ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    catch_up(&mut behind, &mut pg::connect(&url).await).await;
    let reader = store(PgAdapter::connect(&url).await.unwrap());
    assert_eq!(reader.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap().len(), 3);
    assert_eq!(reader.read_all(event_core::AllOptions::new()).await.unwrap().len(), 3);
    assert!(reader.health().await.unwrap().read_only);
    let error =
        reader.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap_err();
    assert!(with_causes(&error).contains("write to its primary"), "{}", with_causes(&error));
    assert_eq!(error.code(), "connection_error");
    reader.close().await;
}

#[tokio::test]
async fn reads_go_to_a_standby_and_to_the_primary_when_it_is_gone() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let options: PgOptions =
        format!("{}?replica={}", database.url, standby.address()).parse().unwrap();
    let adapter = options.connect().await.unwrap();
    let store = store(adapter);
    let name = stream("s");
    store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    let (mut behind, url) = (database.connection().await, elsewhere(&database, &standby));
    let mut shown = pg::connect(&url).await;
    catch_up(&mut behind, &mut shown).await;

    // What the standby does not replay, its readers do not see.
    pg::run(&mut shown, "SELECT pg_wal_replay_pause()").await;
    let paused = "SELECT (pg_get_wal_replay_pause_state() = 'paused')::int::bigint";
    while pg::number(&mut shown, paused).await == 0 {
        tokio::task::yield_now().await;
    }
    let last = store.append(&name, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let read = async || store.read_stream(&name, ReadOptions::forward()).await.unwrap().len();
    assert_eq!(read().await, 3, "it was read on the standby");
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 4, "asked of the primary");
    let all = event_core::AllOptions::new();
    assert_eq!(store.read_all(all.clone()).await.unwrap().len(), 3);
    let bounded = store.read_all(all.up_to(last.position)).await.unwrap().len();
    assert_eq!(bounded, 4, "a standby that is not so far is not asked");

    drop(shown);
    standby.crash();
    assert_eq!(read().await, 4, "the primary takes over");
    store.close().await;
}

#[tokio::test]
async fn a_server_that_acknowledges_too_early_is_refused_unless_allowed() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    let setting = format!("ALTER DATABASE {} SET synchronous_commit = off", database.name());
    pg::run(&mut connection, &setting).await;
    let error = PgAdapter::connect(&database.url).await.unwrap_err();
    assert!(
        with_causes(&error).contains("allow_asynchronous_commit=on"),
        "{}",
        with_causes(&error)
    );
    assert!(!error.is_transient());
    let allowed = format!("{}?allow_asynchronous_commit=on", database.url);
    let adapter = PgAdapter::connect(&allowed).await.unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
}
