//! Stores that a program before the first release wrote.

use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_core::{Error, ExpectedVersion};
use event_postgres::PgAdapter;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{events, one, pg};

/// The migrations of such a program.
const EARLIER: [&str; 18] = [
    "0001_events",
    "0002_known_events",
    "0003_append_one",
    "0004_append_many",
    "0005_delete_stream",
    "0006_append_group",
    "0007_change_stream",
    "0008_event_versions",
    "0009_links",
    "0010_subscriptions",
    "0011_consume",
    "0012_snapshots",
    "0013_projections",
    "0014_append_batch",
    "0015_row_security",
    "0016_places",
    "0017_drop_projection",
    "0018_leases",
];

/// Writes a store as an earlier program left it, with one event and the first migrations.
async fn write_earlier_store(connection: &mut PgConnection, migrations: usize) {
    pg::run(
        connection,
        "CREATE SCHEMA event_store;
         CREATE TABLE event_store.schema_migrations (version bigint PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
           applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
         CREATE SEQUENCE event_store.position_seq;
         CREATE TABLE event_store.tenants (tenant_key int PRIMARY KEY, name text NOT NULL UNIQUE);
         CREATE TABLE event_store.streams (tenant_key int, stream_key bigint, stream_id text, category_key int, version bigint,
           first_version bigint NOT NULL DEFAULT 1, state smallint NOT NULL DEFAULT 0, PRIMARY KEY (tenant_key, stream_key));
         CREATE TABLE event_store.events (position bigint PRIMARY KEY DEFAULT nextval('event_store.position_seq'),
           tenant_key int, stream_key bigint, version bigint, event_id uuid, event_type text, data json, metadata json);
         INSERT INTO event_store.tenants VALUES (1, 'default');
         INSERT INTO event_store.streams VALUES (1, 1, 's', 1, 1);
         INSERT INTO event_store.events (tenant_key, stream_key, version, event_id, event_type, data, metadata)
           VALUES (1, 1, 1, gen_random_uuid(), 'noted', '{}', '{}')",
    )
    .await;
    for (number, name) in (1_i64..).zip(EARLIER).take(migrations) {
        sqlx::query("INSERT INTO event_store.schema_migrations (version, name, checksum) VALUES ($1, $2, sha384($2::bytea))")
            .bind(number)
            .bind(name)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

/// Everything in the schema: columns, functions, types, sequences, and each row of each table as text.
async fn contents(connection: &mut PgConnection) -> Vec<String> {
    let objects = "SELECT concat_ws(' ', 'column', table_name, column_name, data_type, column_default) FROM information_schema.columns \
                   WHERE table_schema = 'event_store' \
                   UNION ALL SELECT concat_ws(' ', 'function', proname) FROM pg_proc WHERE pronamespace = 'event_store'::regnamespace \
                   UNION ALL SELECT concat_ws(' ', 'type', typname) FROM pg_type WHERE typnamespace = 'event_store'::regnamespace \
                   UNION ALL SELECT concat_ws(' ', 'sequence', sequencename, last_value) FROM pg_sequences \
                   WHERE schemaname = 'event_store' ORDER BY 1";
    let mut found: Vec<String> =
        sqlx::query_scalar(objects).fetch_all(&mut *connection).await.unwrap();
    let tables =
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'event_store' ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await.unwrap();
    for table in tables {
        let rows = format!("SELECT '{table} ' || t::text FROM event_store.{table} t ORDER BY 1");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut *connection).await;
        found.extend(rows.unwrap());
    }
    found
}

#[tokio::test]
async fn a_store_of_an_earlier_program_is_refused_and_not_changed() {
    for migrations in [1, 7, EARLIER.len()] {
        let database = pg::shared().database().await;
        let mut connection = database.connection().await;
        write_earlier_store(&mut connection, migrations).await;
        let before = contents(&mut connection).await;
        assert!(before.len() > migrations, "{before:?}");
        for _ in 0..2 {
            let error = PgAdapter::connect(&database.url).await.unwrap_err();
            let said = with_causes(&error);
            assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
            for words in [
                "written by an earlier program",
                "`0001_events`",
                "export it with the program that wrote it",
                "start with a new schema",
            ] {
                assert!(said.contains(words), "{said}");
            }
        }
        assert_eq!(contents(&mut connection).await, before);
        // A new store can be opened in another schema.
        let options = database.options().schema("events").unwrap();
        let adapter = options.connect().await.unwrap();
        adapter.commit(&one("s", ExpectedVersion::NoStream, events(1))).await.unwrap();
        assert_eq!(contents(&mut connection).await, before);
    }
}
