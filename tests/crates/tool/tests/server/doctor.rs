//! `doctor` on servers that are set up badly: each finding is there, with its remedy.

use sqlx::{Connection as _, PgConnection, raw_sql};

use crate::pg::{Cluster, Fsync, connect};
use crate::{order, run};

async fn execute(connection: &mut PgConnection, sql: &'static str) {
    raw_sql(sql).execute(connection).await.unwrap();
}

/// The findings of a run, each with its remedy.
fn findings(said: &str) -> Vec<(String, String)> {
    let lines = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines.map(|line| (text(&line["finding"]), text(&line["remedy"]))).collect()
}

#[track_caller]
fn has(found: &[(String, String)], finding: &str, remedy: &str) {
    let it = found.iter().find(|(what, _)| what.contains(finding));
    let (_, says) = it.unwrap_or_else(|| panic!("{finding:?} is not in {found:#?}"));
    assert!(says.contains(remedy), "{finding}: {says}");
}

#[tokio::test]
async fn every_bad_setting_is_found_with_its_remedy() {
    let cluster = Cluster::start_with(
        Fsync::Off,
        "-c full_page_writes=off -c autovacuum=off -c max_connections=24",
    );
    let database = cluster.database().await;
    order(&database.url);
    let mut admin = connect(&database.url).await;
    execute(&mut admin, "ALTER TABLE event_store.snapshots SET UNLOGGED").await;
    let name = database.url.rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut admin).await.unwrap();

    // One transaction is left open, another one waits for it.
    let mut holder = connect(&database.url).await;
    execute(&mut holder, "BEGIN; SELECT pg_advisory_xact_lock(77)").await;
    let mut waiter = connect(&database.url).await;
    let waiting = tokio::spawn(async move {
        execute(&mut waiter, "SELECT pg_advisory_lock(77)").await;
    });
    let mut others = Vec::new();
    for _ in 0..14 {
        others.push(connect(&database.url).await);
    }
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut admin).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }

    let url = format!("{}?allow_asynchronous_commit=on", database.url);
    let (code, said) = run(&url, &["doctor", "--json", "--old-seconds", "0"], "");
    assert_eq!(code, 2, "{said}");
    let found = findings(&said);
    for (finding, remedy) in [
        ("fsync is off", "reload the server"),
        ("full_page_writes is off", "set it to `on`"),
        ("synchronous_commit is off", "ALTER ROLE"),
        ("autovacuum is off", "reload the server"),
        ("table snapshots of the store is unlogged", "SET LOGGED"),
        ("a transaction is open, and its program does nothing", "pg_terminate_backend"),
        ("waits for pid", "pg_terminate_backend"),
        ("connections of the server are in use", "max_connections"),
    ] {
        has(&found, finding, remedy);
    }
    holder.close().await.unwrap();
    waiting.await.unwrap();

    // A store that may lose what it acknowledged is not opened unless that is asked for: the doctor says so, too.
    let (code, said) = run(&database.url, &["doctor"], "");
    assert_ne!(code, 0);
    assert!(said.contains("synchronous_commit"), "{said}");
}

#[tokio::test]
async fn rows_that_autovacuum_does_not_come_to_are_found() {
    let cluster =
        Cluster::start_with(Fsync::Off, "-c autovacuum_freeze_max_age=100000 -c autovacuum=off");
    let database = cluster.database().await;
    order(&database.url);
    // While it is open, nothing can be frozen that is newer.
    let mut holder = connect(&database.url).await;
    execute(&mut holder, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
    let mut busy = connect(&database.url).await;
    execute(
        &mut busy,
        "CREATE TEMP TABLE used (); \
         DO $$ BEGIN FOR i IN 1..130000 LOOP \
           BEGIN INSERT INTO used DEFAULT VALUES; EXCEPTION WHEN division_by_zero THEN NULL; END; \
         END LOOP; END $$",
    )
    .await;
    let (_, said) = run(&database.url, &["doctor", "--json"], "");
    has(&findings(&said), "autovacuum is behind", "VACUUM (FREEZE)");
    holder.close().await.unwrap();
}
