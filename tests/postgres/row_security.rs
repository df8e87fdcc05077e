//! Row security for an application's role: its own SQL sees the rows of one tenant and changes none; the adapter connected
//! as this role passes the contract suite.

use event_core::adapter::Adapter as _;
use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion, Scope, Tenant};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::{Connection as _, PgConnection};

use crate::{pg, stream};

/// Creates a role with the granted rights only, named after the database; it is not dropped. Returns its URL and the
/// owner's adapter.
pub(crate) async fn role(database: &pg::Database<'_>) -> (String, PgAdapter) {
    let role = format!("app_{}", database.name());
    let mut connection = database.connection().await;
    pg::run(&mut connection, &format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'")).await;
    let owner = database.adapter().await;
    owner.grant_to(&role).await.unwrap();
    let authority = database.address();
    let (_, rest) = database.url.split_once(&authority).unwrap();
    (format!("postgres://{role}:pw@{authority}{rest}"), owner)
}

async fn open_as_role() -> PgAdapter {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    owner.close().await;
    std::mem::forget(database);
    PgAdapter::connect(&url).await.unwrap()
}

// Imports write to the tables directly, which only the owner may (`only_the_owner_of_the_schema_imports`).
event_testing::adapter_contract!(contract, async || crate::row_security::open_as_role().await);

const TABLES: [&str; 5] = ["events", "streams", "tenants", "links", "snapshots"];

async fn rows(connection: &mut PgConnection, table: &str) -> i64 {
    pg::number(connection, &format!("SELECT count(*) FROM event_store.{table}")).await
}

/// Sets the tenant of a connection and counts the events, streams and tenants that it sees.
async fn counts_as(connection: &mut PgConnection, tenant: &str) -> (i64, i64, i64) {
    let name = sqlx::query("SELECT set_config('events.tenant', $1, false)").bind(tenant.to_owned());
    name.execute(&mut *connection).await.unwrap();
    let mut counts = [0; 3];
    for (count, table) in counts.iter_mut().zip(TABLES) {
        *count = rows(connection, table).await;
    }
    counts.into()
}

#[tokio::test]
async fn sql_of_the_role_sees_the_tenant_it_sets_and_nothing_before() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let store = EventStore::new(owner).unwrap();
    let hostile = "x' OR true --";
    for (tenant, name, count) in [
        ("red", "s", 3),
        ("blue", "s", 1),
        ("blue", "t'); DROP TABLE events; --", 1),
        (hostile, "\"s\"", 2),
        ("on", "s", 4),
    ] {
        let scoped = store.with_scope(Scope::tenant(Tenant::new(tenant).unwrap()));
        scoped.append(&stream(name), ExpectedVersion::NoStream, Noted::many(count)).await.unwrap();
    }
    let mut direct = pg::connect(&url).await;
    for table in TABLES {
        assert_eq!(rows(&mut direct, table).await, 0, "{table} without a tenant");
    }
    assert_eq!(counts_as(&mut direct, "red").await, (3, 1, 1));
    assert_eq!(counts_as(&mut direct, "blue").await, (2, 2, 1));
    assert_eq!(counts_as(&mut direct, hostile).await, (2, 1, 1));
    assert_eq!(counts_as(&mut direct, "on").await, (4, 1, 1));
    for unknown in ["", "*", "%", "nobody", "red' OR true --"] {
        assert_eq!(counts_as(&mut direct, unknown).await, (0, 0, 0), "{unknown}");
    }
    let other = "SELECT count(*) FROM event_store.events e JOIN event_store.streams s USING (tenant_key, stream_key) \
                 WHERE s.stream_id = 's'";
    counts_as(&mut direct, "red").await;
    assert_eq!(
        pg::number(&mut direct, other).await,
        3,
        "a query without a condition on the tenant"
    );
    direct.close().await.unwrap();
}

#[tokio::test]
async fn sql_of_the_role_changes_nothing() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let store = EventStore::new(owner).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let mut direct = pg::connect(&url).await;
    pg::run(&mut direct, "SET events.tenant = 'default'; SET events.all_tenants = 'on'").await;
    let mut statements = Vec::new();
    for table in TABLES {
        statements.push(format!("INSERT INTO event_store.{table} DEFAULT VALUES"));
        statements.push(format!("UPDATE event_store.{table} SET tenant_key = DEFAULT"));
        statements.push(format!("DELETE FROM event_store.{table}"));
        statements.push(format!("TRUNCATE event_store.{table}"));
        statements.push(format!("ALTER TABLE event_store.{table} DISABLE ROW LEVEL SECURITY"));
    }
    statements.push("SELECT setval('event_store.position_seq', 1)".into());
    statements.push("CREATE TABLE event_store.mine ()".into());
    for statement in statements {
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone()))
            .execute(&mut direct)
            .await
            .unwrap_err();
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
    }
    assert_eq!(rows(&mut direct, "events").await, 1);
}

#[tokio::test]
async fn functions_pin_their_search_path() {
    let database = pg::shared().database().await;
    let (_, owner) = role(&database).await;
    let mut connection = database.connection().await;
    let unpinned = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'event_store' \
                    AND p.prosecdef AND NOT coalesce(array_to_string(p.proconfig, ','), '') LIKE '%search_path=event_store, pg_temp%'";
    assert_eq!(pg::number(&mut connection, unpinned).await, 0);
    let open = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
                WHERE n.nspname = 'event_store' AND a.grantee = 0";
    assert_eq!(pg::number(&mut connection, open).await, 0, "no function is executable by PUBLIC");
    owner.close().await;
}

#[tokio::test]
async fn lost_connection_settings_are_an_error_not_an_empty_store() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    owner.close().await;
    let bouncer = crate::bouncer::Bouncer::start(
        &database.address(),
        "ignore_startup_parameters = options,extra_float_digits\npool_mode = session",
    );
    let through: PgOptions = bouncer.through(&url, &database.address()).parse().unwrap();
    let error = through.connect().await.unwrap_err();
    assert!(with_causes(&error).contains("settings of this connection"), "{}", with_causes(&error));
}
