//! The schema of a file: states of streams by name, and files that an earlier program wrote.

use std::fs;
use std::path::Path;

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::adapter::StreamState;
use event_core::error::with_causes;
use event_core::{Delete, Error, EventId, ListOptions, NewEvent, ReadOptions};
use event_sqlite::SqliteOptions;
use event_testing::Noted;

use super::{new_file, open_store, plain_connection, run, stream};

/// Name and checksum of the schema migrations of programs before the first release.
const EARLIER: [(&str, &str); 6] = [
    (
        "0001_events",
        "61a4ddc2db22531d430115dcdfea8c43b9d86b48d70fc7fd7bf7b64bb4d5036aee3d18cc6d7f911888817d5ede12f29a",
    ),
    (
        "0002_snapshots",
        "a38aa19b9bebd9b2effd77830f5d786cc55d61eaefb02db4aa70bf9d8f7f110b48dca835962bfcc93bb0bfb5d1b3ceff",
    ),
    (
        "0003_event_versions",
        "6c6a824e0fbf4590b1a130bd8c7504b1de0a41d40d41d7b3cc9b0a09602b8eafbefa9ee9abc847efd34a9a8d1b097ec8",
    ),
    (
        "0004_links",
        "a6dbae68c75eafa5c9857d7e1089f409fc16ff1c22f6579a352e007f8397e39995d1882b8e173c642fde58983782ae8b",
    ),
    (
        "0005_subscriptions",
        "5b34599b6a2b79f11fcc4f7794ff515d40d18a274396681e1a772f8b0f473fa0d29469f0b545262089ccb96a49633d26",
    ),
    (
        "0006_projections",
        "2d82f153b2b5eb4797c8f0c833730262688ab8662d2ddc3075a2fb9ce8b7d6f76a28896ed6092555a2c210c4884a8528",
    ),
];

/// Writes a file as an earlier program left it, with one event and the first schema migrations.
async fn write_earlier_store(path: &Path, migrations: usize) {
    let mut connection = plain_connection(path).await;
    run(
        &mut connection,
        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1702261620;
         CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL,
           applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) STRICT;
         CREATE TABLE tenants (tenant_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE categories (category_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE streams (stream_key INTEGER PRIMARY KEY, tenant_key INTEGER NOT NULL, stream_id TEXT NOT NULL,
           category_key INTEGER NOT NULL, version INTEGER NOT NULL, first_version INTEGER NOT NULL DEFAULT 1,
           state INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, UNIQUE (tenant_key, stream_id)) STRICT;
         CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, stream_key INTEGER NOT NULL,
           version INTEGER NOT NULL, recorded_at INTEGER NOT NULL, event_id BLOB NOT NULL, tenant_key INTEGER NOT NULL,
           category_key INTEGER NOT NULL, schema_version INTEGER NOT NULL, event_type TEXT NOT NULL, data TEXT NOT NULL,
           metadata TEXT NOT NULL, UNIQUE (stream_key, version), UNIQUE (event_id, tenant_key)) STRICT;
         INSERT INTO tenants VALUES (1, 'default');
         INSERT INTO categories VALUES (1, 's');
         INSERT INTO streams VALUES (1, 1, 's', 1, 1, 1, 0, 0);
         INSERT INTO events VALUES (1, 1, 1, 0, zeroblob(16), 1, 1, 1, 'noted', '{}', '{}');",
    )
    .await;
    for (number, (name, checksum)) in (1_i64..).zip(EARLIER).take(migrations) {
        sqlx::query(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, unhex(?3))",
        )
        .bind(number)
        .bind(name)
        .bind(checksum)
        .execute(&mut connection)
        .await
        .unwrap();
    }
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test]
async fn a_file_of_an_earlier_program_is_refused_and_not_changed() {
    for migrations in [1, EARLIER.len()] {
        let path = new_file();
        write_earlier_store(&path, migrations).await;
        let before = fs::read(&path).unwrap();
        for _ in 0..2 {
            let error = SqliteOptions::new(&path).connect().await.unwrap_err();
            let message = with_causes(&error);
            assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
            for expected in [
                "written by an earlier program",
                "`0001_events`",
                "export it with the program that wrote it",
                "start with a new file",
                path.to_str().unwrap(),
            ] {
                assert!(message.contains(expected), "{message}");
            }
            assert!(fs::read(&path).unwrap() == before, "the file was changed");
        }
        let mut connection = plain_connection(&path).await;
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut connection).await.unwrap();
        assert_eq!(mode, "wal");
        let events: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(events, 1);
    }
}

#[tokio::test]
async fn states_are_stored_by_name() {
    let path = new_file();
    let store = open_store(&path).await;
    let id = EventId::new();
    for name in ["active", "archived", "soft_deleted", "hard_deleted"] {
        let note = NewEvent::from(Noted::new("x"));
        let note = if name == "active" { note.with_id(id) } else { note };
        store.append(&stream(name), NoStream, [note]).await.unwrap();
    }
    for name in ["links", "archived_links"] {
        store.link(&stream(name), NoStream, [id]).await.unwrap();
    }
    for name in ["archived", "archived_links"] {
        store.archive_stream(&stream(name), Any).await.unwrap();
    }
    store.delete_stream(&stream("soft_deleted"), Any, Delete::Soft).await.unwrap();
    store.delete_stream(&stream("hard_deleted"), Any, Delete::Hard).await.unwrap();

    let mut connection = plain_connection(&path).await;
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT stream_id, state FROM streams")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows.len(), 6);
    for (name, state) in rows {
        assert_eq!(name, state);
    }
    let infos = store.list_streams(ListOptions::new().deleted()).await.unwrap();
    let infos = infos.iter().map(|it| (it.stream_id.as_str(), it.state, it.holds_links));
    assert_eq!(
        infos.collect::<Vec<_>>(),
        [
            ("active", StreamState::Active, false),
            ("archived", StreamState::Archived, false),
            ("archived_links", StreamState::Archived, true),
            ("hard_deleted", StreamState::HardDeleted, false),
            ("links", StreamState::Active, true),
            ("soft_deleted", StreamState::SoftDeleted, false),
        ]
    );
}

#[tokio::test]
async fn an_unknown_state_is_refused_on_write_and_an_error_on_read() {
    const CHANGE: &str = "UPDATE streams SET state = 'gone'";
    let path = new_file();
    let store = open_store(&path).await;
    store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
    let mut connection = plain_connection(&path).await;
    sqlx::raw_sql(CHANGE).execute(&mut connection).await.unwrap_err();
    run(&mut connection, "PRAGMA ignore_check_constraints = TRUE").await;
    run(&mut connection, CHANGE).await;
    let error = store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("\"gone\" is no state of a stream"), "{error}");
}
