//! The schema: created once by concurrent programs, refused if another program made it, used by roles without rights on it.

mod earlier;
mod purpose;

use std::sync::Arc;

use event_core::adapter::{Adapter, StreamState};
use event_core::error::with_causes;
use event_core::{
    AllOptions, Delete, Error, EventId, EventStore, ExpectedVersion, ListOptions, NewEvent,
};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::PgConnection;

use crate::{events, exact, one, page, pg, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_programs_create_one_schema() {
    let database = pg::shared().database().await;
    let url: Arc<str> = database.url.as_str().into();
    let programs: Vec<_> = (0..10)
        .map(|_| {
            let url = Arc::clone(&url);
            tokio::spawn(async move { PgAdapter::connect(&url).await })
        })
        .collect();
    for program in programs {
        program.await.unwrap().unwrap();
    }
    let mut connection = database.connection().await;
    let applied = "SELECT count(*) FROM event_store.schema_migrations";
    let first = pg::number(&mut connection, applied).await;
    assert_eq!(
        first,
        pg::number(&mut connection, "SELECT max(version) FROM event_store.schema_migrations").await
    );
    database.adapter().await;
    assert_eq!(pg::number(&mut connection, applied).await, first, "nothing is applied twice");
}

/// Number, name and checksum of every migration that a store has applied.
async fn history(connection: &mut PgConnection) -> Vec<(i64, String, String)> {
    let applied = "SELECT version, name, encode(checksum, 'hex') FROM event_store.schema_migrations ORDER BY version";
    sqlx::query_as(applied).fetch_all(connection).await.unwrap()
}

/// A store that has applied a file must find it unchanged in every later program.
#[tokio::test]
async fn migrations_never_change() {
    let database = pg::shared().database().await;
    database.adapter().await;
    let applied = history(&mut database.connection().await).await;
    let lines = applied.iter().map(|(_, name, checksum)| format!("{name} {checksum}"));
    let pinned: Vec<&str> = include_str!("../migrations.txt").lines().collect();
    assert_eq!(
        lines.collect::<Vec<_>>(),
        pinned,
        "a released migration never changes, not even a comment: leave the file as it was and add a new migration; \
         a new one also gets its line in tests/postgres/migrations.txt"
    );
}

#[tokio::test]
async fn states_are_stored_by_name() {
    let database = pg::shared().database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    let id = EventId::new();
    for name in ["active", "archived", "soft_deleted", "hard_deleted"] {
        let note = NewEvent::from(Noted::new("kept"));
        let note = if name == "active" { note.with_id(id) } else { note };
        store.append(&stream(name), ExpectedVersion::NoStream, [note]).await.unwrap();
    }
    for name in ["links", "archived_links"] {
        store.link(&stream(name), ExpectedVersion::NoStream, [id]).await.unwrap();
    }
    for name in ["archived", "archived_links"] {
        store.archive_stream(&stream(name), ExpectedVersion::Any).await.unwrap();
    }
    store.delete_stream(&stream("soft_deleted"), ExpectedVersion::Any, Delete::Soft).await.unwrap();
    store.delete_stream(&stream("hard_deleted"), ExpectedVersion::Any, Delete::Hard).await.unwrap();

    let mut connection = database.connection().await;
    let rows = "SELECT stream_id, state::text FROM event_store.streams";
    let rows: Vec<(String, String)> =
        sqlx::query_as(rows).fetch_all(&mut connection).await.unwrap();
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
async fn a_url_opens_the_store_by_its_scheme() {
    let database = pg::shared().database().await;
    for scheme in ["postgres://", "postgresql://"] {
        let url = database.url.replace("postgres://", scheme);
        let store = EventStore::connect(&url).await.unwrap();
        assert!(store.read_all(AllOptions::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_schema_from_the_future_is_refused() {
    let database = pg::shared().database().await;
    database.adapter().await;
    let mut connection = database.connection().await;
    let known =
        pg::number(&mut connection, "SELECT max(version) FROM event_store.schema_migrations").await;
    pg::run(
        &mut connection,
        "INSERT INTO event_store.schema_migrations VALUES (7001, '7001_new', '')",
    )
    .await;
    match PgAdapter::connect(&database.url).await.unwrap_err() {
        Error::IncompatibleSchema { found: 7001, known: ours } => assert_eq!(ours, known),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_schema_of_another_build_is_refused() {
    let database = pg::shared().database().await;
    database.adapter().await;
    let mut connection = database.connection().await;
    pg::run(
        &mut connection,
        "UPDATE event_store.schema_migrations SET checksum = 'x' WHERE version = 2",
    )
    .await;
    let error = PgAdapter::connect(&database.url).await.unwrap_err();
    assert!(with_causes(&error).contains("0002_append differs"), "{}", with_causes(&error));
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    pg::run(&mut connection, "CREATE SCHEMA event_store; CREATE TABLE event_store.events ()").await;
    let error = PgAdapter::connect(&database.url).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'event_store'";
    assert_eq!(pg::number(&mut connection, tables).await, 1, "only what was there before");
}

#[tokio::test]
async fn schemas_of_one_database_are_separate_stores() {
    let database = pg::shared().database().await;
    let open = |schema: &str| {
        let options = database.options().schema(schema).unwrap();
        async move { options.connect().await.unwrap() }
    };
    let (first, second) = (open("first").await, open("select").await);
    first.commit(&one("s", ExpectedVersion::NoStream, events(1))).await.unwrap();
    let error = page(&second, "s").await.unwrap_err();
    assert!(matches!(error, Error::StreamNotFound { .. }), "{error:?}");
    second.commit(&one("s", ExpectedVersion::NoStream, events(2))).await.unwrap();
    assert_eq!(page(&first, "s").await.unwrap().len(), 1);
    let mut connection = database.connection().await;
    let default = "SELECT count(*) FROM pg_namespace WHERE nspname = 'event_store'";
    assert_eq!(pg::number(&mut connection, default).await, 0);
}

#[tokio::test]
async fn a_role_without_rights_gets_an_error_with_a_remedy() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    let role = format!("bot_{}", database.name());
    pg::run(&mut connection, &format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'")).await;
    let authority = database.address();
    let (_, rest) = database.url.split_once(&authority).unwrap();
    let url = format!("postgres://{role}:pw@{authority}{rest}");

    let error = PgAdapter::connect(&url).await.unwrap_err();
    assert!(with_causes(&error).contains("grant_to"), "{}", with_causes(&error));

    let owner = database.adapter().await;
    let error = PgAdapter::connect(&url).await.unwrap_err();
    assert!(with_causes(&error).contains("grant_to"), "{}", with_causes(&error));

    owner.grant_to(&role).await.unwrap();
    let bot = PgAdapter::connect(&url).await.unwrap();
    bot.commit(&one("s", exact(0), events(2))).await.unwrap();
    assert_eq!(page(&bot, "s").await.unwrap().len(), 2);
    let mut direct = pg::connect(&url).await;
    for change in [
        "INSERT INTO event_store.tenants (name) VALUES ('x')",
        "UPDATE event_store.events SET data = '{}'",
        "DELETE FROM event_store.events",
        "SELECT nextval('event_store.position_seq')",
    ] {
        let error = sqlx::raw_sql(change).execute(&mut direct).await.unwrap_err();
        let code = error
            .as_database_error()
            .and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{change}");
    }
    let error = owner.grant_to("nobody \"of\" that name").await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    drop(direct);
    bot.close().await;
    pg::run(&mut connection, &format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_dropped_schema_is_a_typed_error() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let mut connection = database.connection().await;
    pg::run(&mut connection, "DROP SCHEMA event_store CASCADE").await;
    for error in [
        page(&adapter, "s").await.unwrap_err(),
        adapter.commit(&one("s", exact(0), events(1))).await.unwrap_err(),
    ] {
        assert!(with_causes(&error).contains("dropped or changed"), "{}", with_causes(&error));
        assert!(!error.is_transient());
    }
}
