//! What a granted role may pass to the functions about projections, and what an operator's call makes of it.

use std::sync::Arc;

use event_core::adapter::Adapter as _;
use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion};
use event_testing::Noted;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::row_security::role;
use crate::{after, events, one, pg, stream};

/// The SQLSTATE of a statement that is refused.
async fn refused(connection: &mut PgConnection, statement: &str) -> String {
    let ran = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    let error = ran.err().unwrap_or_else(|| panic!("{statement} is accepted"));
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.unwrap_or_else(|| panic!("{statement}: {error}")).into_owned()
}

#[tokio::test]
async fn a_schema_that_a_row_names_is_not_believed() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let owner = Arc::new(owner);
    let store = EventStore::new(Arc::clone(&owner)).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(2)).await.unwrap();
    let mut connection = database.connection().await;
    pg::run(
        &mut connection,
        "CREATE SCHEMA ledger_1; CREATE TABLE ledger_1.paid AS SELECT 7::bigint AS sum",
    )
    .await;
    let mut direct = pg::connect(&url).await;
    for (name, build, schema) in [
        ("evil", 1, "event_store"),
        ("evil", 2, "public"),
        ("evil", 3, "ledger_1"),
        ("evil\"; DROP SCHEMA ledger_1 CASCADE; --", 1, "x"),
        ("event_store", 0, "event_store_0"),
        ("ev'il", 1, "ev'il_1"),
        ("", 1, "_1"),
    ] {
        let call = format!(
            "SELECT event_store.begin_projection($p${name}$p$, {build}, $p${schema}$p$, 'all')"
        );
        assert_eq!(refused(&mut direct, &call).await, "22023", "{call}");
        // As a row that is there already.
        let plant = format!(
            "INSERT INTO event_store.projections (name, build, schema_name, filter) VALUES ($p${name}$p$, {}, $p${schema}$p$, 'all')",
            build.max(1)
        );
        pg::run(&mut connection, &plant).await;
    }
    for (name, build) in [("evil", 1), ("evil", 2), ("evil", 3), ("ev'il", 1), ("", 1)] {
        if let Some(status) = owner.projection_status(name, Some(build)).await.unwrap() {
            assert_eq!(status.schema, format!("{name}_{build}"), "computed");
        }
        let _ = owner.drop_projection(name, build).await;
    }
    // The computed name may be that of somebody else's schema: what is dropped carries the mark of the build.
    pg::run(&mut direct, "SELECT event_store.begin_projection('ledger', 1, 'ledger_1', 'all')")
        .await;
    pg::run(&mut direct, "SELECT event_store.begin_projection('ledger', 2, 'ledger_2', 'all')")
        .await;
    pg::run(&mut connection, "UPDATE event_store.projections SET is_current = build = 2").await;
    let error = owner.drop_projection("ledger", 1).await.unwrap_err();
    assert!(with_causes(&error).contains("ledger_1"), "{}", with_causes(&error));
    assert_eq!(pg::number(&mut connection, "SELECT sum FROM ledger_1.paid").await, 7);
    assert_eq!(store.read_all(event_core::AllOptions::new()).await.unwrap().len(), 2);
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_store_in_a_schema_named_like_a_build_is_not_dropped_as_one() {
    let database = pg::shared().database().await;
    let options = database.options().schema("log_1").unwrap();
    let owner = options.connect().await.unwrap();
    let mut connection = database.connection().await;
    pg::run(
        &mut connection,
        "SELECT log_1.begin_projection('log', 2, 'log_2', 'all'), log_1.begin_projection('log', 1, 'log_1', 'all')",
    )
    .await;
    let dropped = owner.drop_projection("log", 1).await;
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'log_1' AND tablename = 'events'";
    assert_eq!(pg::number(&mut connection, tables).await, 1, "{dropped:?}");
    owner.close().await;
}

#[tokio::test]
async fn a_checkpoint_moves_within_the_log_only() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let store = EventStore::new(owner).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(5)).await.unwrap();
    let mut direct = pg::connect(&url).await;
    pg::run(&mut direct, "SELECT event_store.begin_projection('p', 1, 'p_1', 'all')").await;
    for arguments in [
        "0, 6, 6, NULL, NULL, NULL",              // beyond the end of the log
        "0, 5, -1, NULL, NULL, NULL",             // fewer than none
        "0, 5, 6, NULL, NULL, NULL",              // more events than positions
        "0, 5, 1, NULL, 7, now()",                // an event after the checkpoint
        "0, 5, 1, gen_random_uuid(), NULL, NULL", // half of an event
        "3, 2, 0, NULL, NULL, NULL",              // back
        "NULL, 2, 0, NULL, NULL, NULL",
        "-1, 2, 0, NULL, NULL, NULL",
    ] {
        let call = format!("SELECT event_store.move_projection('p', 1, {arguments})");
        assert_eq!(refused(&mut direct, &call).await, "22023", "{call}");
    }
    let moves = "SELECT event_store.move_projection('p', 1, 0, 5, 5, gen_random_uuid(), 5, now())::int::bigint";
    assert_eq!(pg::number(&mut direct, moves).await, 1);
    store.close().await;
}

#[tokio::test]
async fn administration_is_granted_apart() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let role = format!("app_{}", database.name());
    let mut direct = pg::connect(&url).await;
    pg::run(
        &mut direct,
        "SELECT event_store.begin_projection('p', 1, 'p_1', 'all'), event_store.begin_projection('p', 2, 'p_2', 'all')",
    )
    .await;
    let calls = [
        "SELECT event_store.switch_projection('p', 2)",
        "SELECT event_store.drop_projection('p', 1)",
    ];
    for call in calls {
        assert_eq!(refused(&mut direct, call).await, "42501", "{call}");
    }
    let app = event_postgres::PgAdapter::connect(&url).await.unwrap();
    let error = app.drop_projection("p", 1).await.unwrap_err();
    assert!(with_causes(&error).contains("grant_admin_to"), "{}", with_causes(&error));
    owner.grant_admin_to(&role).await.unwrap();
    // A repeated grant takes nothing away.
    owner.grant_to(&role).await.unwrap();
    for call in calls {
        pg::run(&mut direct, call).await;
    }
    app.close().await;
    owner.close().await;
}

#[tokio::test]
async fn numbers_and_names_that_no_program_writes_are_refused() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let store = EventStore::new(owner).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let mut direct = pg::connect(&url).await;
    pg::run(&mut direct, "SELECT event_store.register_subscription('t', 'mail', 'all', 1, 0)")
        .await;
    for call in [
        "register_subscription('t', 'many', 'all', 2000000000, 0)",
        "register_subscription('t', 'before', 'all', 1, -1)",
        "control_subscription('t', 'mail', 'reset', -5, NULL)",
        "save_snapshot('default', 's', 'k', 1, 0, -1, 1, gen_random_uuid(), '{}')",
        "register_subscription('t', '', 'all', 1, 0)",
        "record_names('', '{s}')",
        "append_event('', 's', 's', 0, NULL, false, gen_random_uuid(), 'noted', 1, '{}', '{}')",
        "append_event('default', '', '', 0, NULL, false, gen_random_uuid(), 'noted', 1, '{}', '{}')",
        "append_event('default', 'v', 'v', 0, NULL, false, gen_random_uuid(), 'noted', 0, '{}', '{}')",
    ] {
        let call = format!("SELECT event_store.{call}");
        assert_eq!(refused(&mut direct, &call).await, "23514", "{call}");
    }
    store.close().await;
}

/// The kept frontier is what the server proves. A role that could move it would make other processes miss events.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_moves_no_frontier_past_an_open_append() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let quiet = || database.options().notify(false).connect();
    owner.commit(&one("a-1", ExpectedVersion::Any, events(10))).await.unwrap();
    let mut writer = database.connection().await;
    let mut transaction = writer.begin().await.unwrap();
    let open = one("w-1", ExpectedVersion::Any, events(1));
    owner.append_in(&mut transaction, &open).await.unwrap();
    owner.commit(&one("a-2", ExpectedVersion::Any, events(1))).await.unwrap();

    let mut direct = pg::connect(&url).await;
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT event_id FROM event_store.events WHERE position = 12")
            .fetch_one(&mut database.connection().await)
            .await
            .unwrap();
    for fence in ["NULL, NULL", "12, 0", "12, -1", "9223372036854775807, 0"] {
        for position in ["12", "10"] {
            let claim = format!(
                "SELECT event_store.keep_frontier(pg_postmaster_start_time(), {position}, 12, '{id}', {fence})"
            );
            pg::run(&mut direct, &claim).await;
            pg::run(&mut direct, &format!("BEGIN; {claim}; {claim}; COMMIT")).await;
            let fresh = quiet().await.unwrap();
            assert_eq!(after(&fresh, 0).await.len(), 10, "{claim}");
            fresh.close().await;
        }
    }
    // Nor does a transaction that began before the others, and sees no more than the server did then.
    let mut early = pg::connect(&url).await;
    pg::run(&mut early, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT age('3'::xid)").await;
    transaction.commit().await.unwrap();
    let mut transaction = writer.begin().await.unwrap();
    let open = one("w-2", ExpectedVersion::Any, events(1));
    owner.append_in(&mut transaction, &open).await.unwrap();
    owner.commit(&one("a-3", ExpectedVersion::Any, events(1))).await.unwrap();
    let _ = sqlx::raw_sql("SELECT event_store.prove_frontier()").execute(&mut early).await;
    let _ = sqlx::raw_sql("COMMIT").execute(&mut early).await;
    let fresh = quiet().await.unwrap();
    assert_eq!(after(&fresh, 0).await.len(), 12, "13 is open, 14 behind it");
    transaction.commit().await.unwrap();
    let fresh = quiet().await.unwrap();
    assert_eq!(after(&fresh, 0).await.len(), 14);
    owner.close().await;
}
