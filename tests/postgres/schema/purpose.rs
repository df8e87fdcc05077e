//! Schema migrations on purpose: what is pending, applied by the program or by hand, and programs that never migrate.

use event_core::adapter::SchemaMigration;
use event_core::error::with_causes;
use event_core::store::{Connect, Schema};
use event_core::{AllOptions, Error, EventStore, ExpectedVersion, Migrate, RetryPolicy};
use event_postgres::PgAdapter;
use event_testing::Noted;

use super::history;
use crate::{pg, stream};

async fn schema(url: &str) -> Schema<'static> {
    EventStore::connect(url).schema().await.unwrap()
}

fn opened(url: &str, migrate: Migrate) -> Connect {
    EventStore::connect(url).migrate(migrate)
}

async fn refused(url: &str, migrate: Migrate) -> String {
    let error = opened(url, migrate).await.unwrap_err();
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    with_causes(&error)
}

fn names(migrations: &[SchemaMigration]) -> Vec<&str> {
    migrations.iter().map(|it| it.name.as_str()).collect()
}

const SCHEMAS: &str = "SELECT count(*) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname NOT IN ('public', 'information_schema')";

#[tokio::test]
async fn a_store_without_a_schema_is_refused_untouched_and_says_what_is_missing() {
    let database = pg::shared().database().await;
    let pending = schema(&database.url).await.pending().await.unwrap();
    for migrate in [Migrate::Never, Migrate::Check] {
        let said = refused(&database.url, migrate).await;
        assert!(names(&pending).iter().all(|name| said.contains(name)), "{said}");
        assert!(said.contains(".apply()") && said.contains(".sql()"), "{said}");
    }
    assert_eq!(pg::number(&mut database.connection().await, SCHEMAS).await, 0);
}

#[tokio::test]
async fn pending_migrations_are_applied_once() {
    let database = pg::shared().database().await;
    let schema = schema(&database.url).await;
    let pending = schema.pending().await.unwrap();
    assert!(pending.iter().all(|it| it.sql.contains("event_store")));
    assert_eq!(names(&schema.apply().await.unwrap()), names(&pending));
    assert_eq!(schema.apply().await.unwrap(), []);
    assert_eq!(schema.sql().await.unwrap(), "");
    let store = opened(&database.url, Migrate::Check).await.unwrap();
    assert_eq!(store.schema().pending().await.unwrap(), []);
    store.append(&stream("a"), ExpectedVersion::NoStream, [Noted::new("x")]).await.unwrap();
}

#[tokio::test]
async fn the_script_leaves_the_schema_that_opening_leaves() {
    let (by_hand, opened_one) = (pg::shared().database().await, pg::shared().database().await);
    opened_one.adapter().await;
    for key in ["", "schema=mine"] {
        let url =
            format!("{}{}{key}", by_hand.url, if by_hand.url.contains('?') { '&' } else { '?' });
        let script = schema(&url).await.sql().await.unwrap();
        by_hand.psql(&script);
        assert_eq!(schema(&url).await.pending().await.unwrap(), []);
        let store = opened(&url, Migrate::Check).await.unwrap();
        store.append(&stream("a"), ExpectedVersion::NoStream, [Noted::new("x")]).await.unwrap();
        assert_eq!(store.read_all(AllOptions::new()).await.unwrap().len(), 1);
        assert!(store.verify().await.unwrap().is_sound());
    }
    let histories = [
        history(&mut by_hand.connection().await).await,
        history(&mut opened_one.connection().await).await,
    ];
    assert_eq!(histories[0], histories[1]);
}

#[tokio::test]
async fn the_script_continues_where_an_earlier_program_stopped() {
    let database = pg::shared().database().await;
    let first = schema(&database.url).await.pending().await.unwrap();
    let mut connection = database.connection().await;
    // The first migration alone, with its record.
    let script = schema(&database.url).await.sql().await.unwrap();
    let (begin, rest) = script.split_once("-- 0001_tables").unwrap();
    let (tables, _) = rest.split_once("-- 0002_append").unwrap();
    pg::run(&mut connection, &format!("{begin}{tables}COMMIT")).await;
    let schema = schema(&database.url).await;
    assert_eq!(names(&schema.pending().await.unwrap()), names(&first[1..]));
    let said = refused(&database.url, Migrate::Check).await;
    assert!(said.contains("0002_append") && !said.contains("0001_tables"), "{said}");
    let script = schema.sql().await.unwrap();
    assert!(script.contains("LOCK TABLE") && !script.contains("-- 0001_tables"), "{script}");
    database.psql(&script);
    opened(&database.url, Migrate::Check).await.unwrap();
}

#[tokio::test]
async fn a_program_without_rights_on_the_schema_opens_it_as_it_is() {
    let database = pg::shared().database().await;
    schema(&database.url).await.apply().await.unwrap();
    let (url, owner) = crate::row_security::role(&database).await;
    let store = opened(&url, Migrate::Never).retry(RetryPolicy::never()).await.unwrap();
    store.append(&stream("a"), ExpectedVersion::NoStream, [Noted::new("x")]).await.unwrap();
    assert!(store.backend::<PgAdapter>().is_some());
    drop(owner);
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused_whatever_is_asked() {
    let database = pg::shared().database().await;
    database.adapter().await;
    let newer = "INSERT INTO event_store.schema_migrations VALUES (7001, '7001_new', '')";
    pg::run(&mut database.connection().await, newer).await;
    for migrate in [Migrate::OnConnect, Migrate::Never, Migrate::Check] {
        let error = opened(&database.url, migrate).await.unwrap_err();
        assert!(matches!(error, Error::IncompatibleSchema { found: 7001, .. }), "{error:?}");
    }
    let error = schema(&database.url).await.pending().await.unwrap_err();
    assert_eq!(error.code(), "incompatible_schema");
}

#[tokio::test]
async fn a_url_without_a_database_is_refused_with_words() {
    for url in
        ["postgres://localhost", "postgres://bot:s3cret@localhost/", "postgresql://h?pool_size=2"]
    {
        let error = EventStore::connect(url).await.unwrap_err();
        assert_eq!(error.code(), "invalid_url");
        let said = error.to_string();
        assert!(said.contains("names no database") && !said.contains("s3cret"), "{said}");
    }
}
