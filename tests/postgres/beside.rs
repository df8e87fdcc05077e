//! What locks tables beside writers: imports that keep positions, and schema migrations of a newer program. Writers never
//! wait behind one that waits itself.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::adapter::import::{ImportBatch, Positions};
use event_core::{ExpectedVersion, Position};
use event_postgres::PgAdapter;
use sqlx::{Connection as _, PgConnection};

use crate::import::at;
use crate::{events, one, page, pg};

/// The first released schema.
const RELEASED: [(&str, &str); 7] = [
    ("0001_tables", include_str!("../../event-postgres/migrations/0001_tables.sql")),
    ("0002_append", include_str!("../../event-postgres/migrations/0002_append.sql")),
    (
        "0003_streams_and_links",
        include_str!("../../event-postgres/migrations/0003_streams_and_links.sql"),
    ),
    ("0004_subscriptions", include_str!("../../event-postgres/migrations/0004_subscriptions.sql")),
    ("0005_snapshots", include_str!("../../event-postgres/migrations/0005_snapshots.sql")),
    ("0006_projections", include_str!("../../event-postgres/migrations/0006_projections.sql")),
    ("0007_row_security", include_str!("../../event-postgres/migrations/0007_row_security.sql")),
];

/// A store as the first release left it.
async fn released(connection: &mut PgConnection) {
    pg::run(
        connection,
        "CREATE SCHEMA event_store;
         CREATE TABLE event_store.schema_migrations (version bigint PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
           applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
    )
    .await;
    for (number, (name, text)) in (1_i64..).zip(RELEASED) {
        pg::run(connection, text).await;
        let record = "INSERT INTO event_store.schema_migrations (version, name, checksum) VALUES ($1, $2, sha384(convert_to($3, 'UTF8')))";
        let record = sqlx::query(record).bind(number).bind(name).bind(text);
        record.execute(&mut *connection).await.unwrap();
    }
}

/// An append as a program of that release sends it.
async fn append(connection: &mut PgConnection, name: &str) -> Result<(), sqlx::Error> {
    let append = "SELECT status FROM event_store.append_one('default', $1, 'note', -1, NULL, false, \
                  ARRAY[gen_random_uuid()], ARRAY['noted'], ARRAY[1], ARRAY['{}'], ARRAY['{}'])";
    let status: String = sqlx::query_scalar(append).bind(name).fetch_one(connection).await?;
    assert_eq!(status, "stored");
    Ok(())
}

/// More than any append needs, less than a transaction that is left open.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_go_on_while_an_import_waits_for_an_open_transaction() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    adapter.commit(&one("other", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut direct = database.connection().await;
    let mut open = direct.begin().await.unwrap();
    let commit = one("open", ExpectedVersion::Any, events(1));
    adapter.append_in(&mut open, &commit).await.unwrap();

    let importing = tokio::spawn({
        let adapter = Arc::clone(&adapter);
        async move {
            let events = (0..20).map(|n| at(1_000_000 + n)).collect();
            adapter.import(&ImportBatch::Events { positions: Positions::Keep, events }).await
        }
    });
    let mut connection = database.connection().await;
    let waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'event_store.events'::regclass AND NOT granted";
    while pg::number(&mut connection, waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..100 {
        let commit = one("other", ExpectedVersion::Any, events(1));
        let ended = tokio::time::timeout(LONG, adapter.commit(&commit)).await;
        ended.expect("an append waits behind the import").unwrap();
    }
    assert!(!importing.is_finished());
    open.commit().await.unwrap();
    assert_eq!(importing.await.unwrap().unwrap().stored, 20);
    assert_eq!(page(&adapter, "other").await.unwrap().len(), 101);
    let last = adapter.commit(&one("other", ExpectedVersion::Any, events(1))).await.unwrap();
    assert!(last[0].position > Position::new(1_000_019));
    adapter.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_go_on_while_a_newer_program_migrates() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    released(&mut connection).await;
    append(&mut connection, "note-0").await.unwrap();
    let mut open = connection.begin().await.unwrap();
    append(&mut open, "note-open").await.unwrap();

    let url = database.url.clone();
    let starting = tokio::spawn(async move { PgAdapter::connect(&url).await });
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let mut connection = pg::connect(&url).await;
                for _ in 0..100 {
                    let name = format!("note-{n}");
                    let append = append(&mut connection, &name);
                    let ended = tokio::time::timeout(LONG, append).await;
                    ended.expect("an append waits behind the migration").unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    open.commit().await.unwrap();
    let adapter = starting.await.unwrap().unwrap();
    assert_eq!(page(&adapter, "note-1").await.unwrap().len(), 100);
    assert_eq!(page(&adapter, "note-open").await.unwrap().len(), 1);
    adapter.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn newer_programs_that_start_under_load_neither_deadlock_nor_stop_it() {
    for _ in 0..5 {
        let database = pg::shared().database().await;
        released(&mut database.connection().await).await;
        let load: Vec<_> = (0..8)
            .map(|n| {
                let url = database.url.clone();
                tokio::spawn(async move {
                    let mut connection = pg::connect(&url).await;
                    for step in 0..150 {
                        append(&mut connection, &format!("note-{}", (n + step) % 5)).await.unwrap();
                    }
                })
            })
            .collect();
        let starts: Vec<_> = (0..2)
            .map(|_| {
                let url = database.url.clone();
                tokio::spawn(async move { PgAdapter::connect(&url).await })
            })
            .collect();
        for start in starts {
            start.await.unwrap().unwrap().close().await;
        }
        for writer in load {
            writer.await.unwrap();
        }
    }
}
