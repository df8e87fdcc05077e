//! Table projections: tables that are a fold of the log, whoever runs them.

mod values;

use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::error::{BoxError, with_causes};
use event_core::projection::{ReadModelState, TableRow};
use event_core::serde_json::json;
use event_core::{
    EventStore, ReadOptions, RecordedEvent, Scope, TableProjection, TablesTx, Tenant,
};

pub use self::values::values_come_back_as_they_were;
use super::decide::Note;
use super::{Subject, store, stream};

/// Counts the notes of a key: `ann=text` is one of the key `ann`.
#[derive(Debug, Default)]
struct Ledger {
    /// Events that fail are passed over.
    is_mended: bool,
}

fn parts(note: &Note) -> (&str, &str) {
    note.text().rsplit_once('=').unwrap_or((note.text(), ""))
}

const COUNT: &str = "INSERT INTO {notes} (tenant, key, notes, last) VALUES ($1, $2, 1, $3)
    ON CONFLICT (tenant, key) DO UPDATE SET notes = {notes}.notes + 1, last = excluded.last";

impl TableProjection for Ledger {
    type Event = Note;
    const NAME: &'static str = "ledger";

    fn create() -> &'static [&'static str] {
        &[
            "CREATE TABLE {notes} (
               tenant text NOT NULL, key text, notes integer NOT NULL CHECK (notes > 0), last text,
               PRIMARY KEY (tenant, key)
             )",
            "CREATE INDEX notes_last ON {notes} (last)",
        ]
    }

    async fn apply(
        &self,
        event: Note,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> Result<(), BoxError> {
        let (key, text) = parts(&event);
        match text {
            _ if self.is_mended && key == "bob" => {}
            "refuse" => return Err("it is refused".into()),
            "panic" => panic!("an event that panics"),
            "undeclared" => drop(tables.execute("DELETE FROM {other}", ()).await?),
            "broken" => drop(tables.execute("DELETE FROM {notes} WHERE nothing = $1", [1]).await?),
            "check" => drop(tables.execute("UPDATE {notes} SET notes = 0", ()).await?),
            "dropped" => drop(tables.execute("UPDATE {notes} SET nothing = 0", ()).await),
            "commit" => drop(tables.execute("COMMIT", ()).await?),
            "nul" => drop(tables.execute("DELETE FROM {notes} WHERE key = $1", ["a\0b"]).await?),
            text => {
                tables.execute(COUNT, (recorded.tenant(), key, text)).await?;
                let own = "SELECT notes FROM {notes} WHERE tenant = $1 AND key = $2";
                let rows = tables.query(own, (recorded.tenant(), key)).await?;
                let notes: u32 = rows.first().ok_or("the row is not there")?.get("notes")?;
                assert!(notes > 0);
            }
        }
        Ok(())
    }
}

/// The store, if the backend has tables; it says so otherwise.
async fn with_tables(adapter: &Subject) -> Option<EventStore> {
    let store = store(adapter);
    let has_tables = adapter.read_models().is_some_and(|models| models.tables().is_some());
    if has_tables {
        return Some(store);
    }
    let tables = store.tables::<Ledger>();
    for refused in [
        tables.query("SELECT 1", ()).await.map(drop),
        tables.catch_up().await.map(drop),
        tables.rebuild().await.map(drop),
        tables.run().await,
        tables.status().await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "unsupported");
        assert!(refused.to_string().contains(&format!("`{}`", adapter.name())), "{refused}");
    }
    None
}

async fn note(store: &EventStore, texts: &[&str]) {
    for texts in texts.chunks(100) {
        let notes = texts.iter().map(|text| Note::new(*text));
        store.append(&stream("notes-1"), Any, notes).await.unwrap();
    }
}

/// Every row: key, number, last text.
async fn all(store: &EventStore) -> Vec<(String, u64, String)> {
    let sql = "SELECT key, notes, last FROM {notes} ORDER BY key";
    let rows = store.tables::<Ledger>().query(sql, ()).await.unwrap();
    let read = |row: &TableRow| {
        Ok::<_, event_core::Error>((row.get("key")?, row.get("notes")?, row.get("last")?))
    };
    rows.iter().map(|row| read(row).unwrap()).collect()
}

fn row(key: &str, notes: u64, last: &str) -> (String, u64, String) {
    (key.to_owned(), notes, last.to_owned())
}

pub async fn rows_are_a_fold_of_the_log(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    assert_eq!(tables.status().await.unwrap().state, ReadModelState::Missing);
    let refused = with_causes(&tables.query("SELECT 1", ()).await.unwrap_err());
    assert!(refused.contains("`ledger` has nothing to read yet"), "{refused}");

    assert_eq!(tables.catch_up().await.unwrap(), 0);
    assert_eq!(all(&store).await, []);
    note(&store, &["ann=1", "bob=2", "ann=3"]).await;
    assert_eq!(tables.catch_up().await.unwrap(), 3);
    assert_eq!(tables.catch_up().await.unwrap(), 0);
    assert_eq!(all(&store).await, [row("ann", 2, "3"), row("bob", 1, "2")]);

    let sql = "WITH most AS (SELECT max(notes) AS notes FROM {notes})
               SELECT n.key, m.notes, $2 AS given FROM {notes} n JOIN most m ON m.notes = n.notes WHERE n.key <> $1;";
    let rows = tables.query(sql, ("bob", "'; {x} --")).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<String>("key").unwrap(), "ann");
    assert_eq!(rows[0].get::<i16>("notes").unwrap(), 2);
    assert_eq!(rows[0].get::<String>("given").unwrap(), "'; {x} --");
    let status = tables.status().await.unwrap();
    assert_eq!((status.state, status.events, status.lag()), (ReadModelState::Current, 3, 0));
    let known = store.projections().await.unwrap();
    assert!(known.iter().any(|known| known.name == "ledger" && known.is_current));
}

pub async fn a_statement_that_fails_names_table_and_event(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    note(&store, &["ann=1"]).await;
    tables.catch_up().await.unwrap();
    for (how, words) in [
        ("refuse", "it is refused"),
        ("panic", "an event that panics"),
        ("undeclared", "`{other}` is not declared; declared are {notes}"),
        ("broken", "DELETE FROM {notes} WHERE nothing"),
        ("check", "UPDATE {notes} SET notes = 0"),
        ("dropped", "its error was dropped"),
        ("commit", "INSERT, UPDATE, DELETE and SELECT only"),
        ("nul", "text with U+0000"),
    ] {
        let before = all(&store).await;
        let bad = format!("bob={how}");
        let notes = ["carl=1", &bad, "carl=2"].map(Note::new);
        let stream = stream(&format!("bad-{how}"));
        store.append(&stream, Any, notes).await.unwrap();
        let failed = with_causes(&tables.catch_up().await.unwrap_err());
        let id = store.read_stream(&stream, ReadOptions::forward()).await.unwrap()[1].event_id();
        let id = id.to_string();
        for words in ["projection `ledger`, build 1", "contract.noted", &id, words] {
            assert!(failed.contains(words), "{how}: {failed}");
        }
        assert!(failed.len() < 2_000, "{failed}");
        assert_eq!(all(&store).await, before, "{how}: nothing of the batch is stored");
        let mended = tables.by(Ledger { is_mended: true });
        assert_eq!(mended.catch_up().await.unwrap(), 3);
    }
    assert_eq!(all(&store).await, [row("ann", 1, "1"), row("carl", 16, "2")]);
}

pub async fn other_queries_are_refused(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    tables.catch_up().await.unwrap();
    for (sql, words) in [
        ("SELECT * FROM {other}", "`{other}` is not declared"),
        ("SELECT nothing FROM {notes}", "SELECT nothing FROM {notes}"),
        ("SELECT $2 FROM {notes}", "it has 2 parameters, and 0 values were given"),
        ("DELETE FROM {notes}", "a query is a SELECT"),
        ("SELECT 1; DELETE FROM {notes}", "several statements"),
        ("SELECT ' FROM {notes}", "without an end"),
        ("", "a query is a SELECT"),
    ] {
        let refused = with_causes(&tables.query(sql, ()).await.unwrap_err());
        assert!(refused.contains(words), "{sql}: {refused}");
    }
    let infinite = with_causes(&tables.query("SELECT $1", [f64::NAN]).await.unwrap_err());
    assert!(infinite.contains("not finite"), "{infinite}");
    let deep = (0..128).fold(json!(1), |inner, _| json!([inner]));
    for (json, words) in [
        (json!({ "a": ["\0"] }), "U+0000"),
        (json!({ "\0": 1 }), "U+0000"),
        (deep, "nested deeper"),
    ] {
        let refused = with_causes(&tables.query("SELECT $1", [json]).await.unwrap_err());
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(all(&store).await, []);
}

pub async fn a_tenant_reads_its_own_rows(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let of = |name: &str| store.with_scope(Scope::tenant(Tenant::new(name).unwrap()));
    let (one, two) = (of("guild-1"), of("guild-2"));
    note(&one, &["ann=1", "ann=2"]).await;
    note(&two, &["ann=1", "bob=1"]).await;
    one.tables::<Ledger>().catch_up().await.unwrap();
    assert_eq!(all(&one).await, [row("ann", 2, "2")]);
    assert_eq!(all(&two).await, [row("ann", 1, "1"), row("bob", 1, "1")]);
    assert_eq!(all(&store).await, []);
    assert_eq!(all(&store.all_tenants()).await.len(), 3);
    let sql = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3)
               SELECT count(*) AS pairs FROM n, {notes} a JOIN {notes} b ON a.key = b.key";
    let rows = one.tables::<Ledger>().query(sql, ()).await.unwrap();
    assert_eq!(rows[0].get::<u32>("pairs").unwrap(), 3);
}

/// A number for each stream, of all tenants together.
macro_rules! without_tenant {
    ($projection:ident, $name:literal, $shared:literal) => {
        #[derive(Debug, Default)]
        struct $projection;

        impl TableProjection for $projection {
            type Event = Note;
            const NAME: &'static str = $name;
            const SHARED: bool = $shared;

            fn create() -> &'static [&'static str] {
                &["CREATE TABLE {streams} (stream text PRIMARY KEY)"]
            }

            async fn apply(
                &self,
                _: Note,
                recorded: &RecordedEvent,
                tables: &mut TablesTx<'_>,
            ) -> Result<(), BoxError> {
                let sql = "INSERT INTO {streams} VALUES ($1) ON CONFLICT DO NOTHING";
                tables.execute(sql, [recorded.stream_id()]).await?;
                Ok(())
            }
        }
    };
}

without_tenant!(Own, "own_streams", false);
without_tenant!(Shared, "shared_streams", true);

pub async fn tables_without_a_tenant_hold_one(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let guild = store.with_scope(Scope::tenant(Tenant::new("guild-1").unwrap()));
    let count = "SELECT count(*) AS streams FROM {streams}";
    note(&store, &["ann=1"]).await;
    store.tables::<Own>().catch_up().await.unwrap();
    let rows = store.tables::<Own>().query(count, ()).await.unwrap();
    assert_eq!(rows[0].get::<u8>("streams").unwrap(), 1);
    let refused = with_causes(&guild.tables::<Own>().query(count, ()).await.unwrap_err());
    assert!(refused.contains("no column `tenant`") && refused.contains("guild-1"), "{refused}");

    note(&guild, &["ann=1"]).await;
    let refused = with_causes(&store.tables::<Own>().catch_up().await.unwrap_err());
    assert!(refused.contains("of the tenant `guild-1`") && refused.contains("SHARED"), "{refused}");
    store.tables::<Shared>().catch_up().await.unwrap();
    let rows = guild.tables::<Shared>().query(count, ()).await.unwrap();
    assert_eq!(rows[0].get::<u8>("streams").unwrap(), 1);
}

pub async fn tables_are_rebuilt_beside_and_switched(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    note(&store, &["ann=1", "bob=2"]).await;
    assert_eq!(tables.rebuild().await.unwrap(), 2, "the first build");
    let running = tokio::spawn({
        let tables = tables.clone();
        async move { tables.run().await }
    });
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            let mut before = 0;
            while before < 202 {
                // The rows of the old build, then those of the new one, and never fewer.
                let notes = all(&store).await.iter().map(|(_, notes, _)| notes).sum::<u64>();
                assert!(notes >= before, "{notes} after {before}");
                before = notes;
            }
        }
    });
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 0..200 {
                note(&store, &[&format!("key-{}=x", number % 5)]).await;
            }
        }
    });
    for build in 2..=4 {
        tables.rebuild().await.unwrap();
        assert!(tables.status().await.unwrap().build >= Some(build));
    }
    writing.await.unwrap();
    tables.wait_for(store.head().await.unwrap()).await.unwrap();
    reading.await.unwrap();
    assert!(!running.is_finished(), "it continues with the new build");
    running.abort();
    let status = tables.status().await.unwrap();
    assert_eq!((status.build, status.events, status.next), (Some(4), 202, None));
    let known = store.projections().await.unwrap();
    assert_eq!(
        known.iter().filter(|known| known.name == "ledger").count(),
        1,
        "old tables are dropped"
    );
}

/// The same name with other tables.
macro_rules! other_ledger {
    ($projection:ident, $version:literal, $create:literal) => {
        #[derive(Debug, Default)]
        struct $projection;

        impl TableProjection for $projection {
            type Event = Note;
            const NAME: &'static str = "ledger";
            const VERSION: u32 = $version;

            fn create() -> &'static [&'static str] {
                &[$create]
            }

            async fn apply(
                &self,
                _: Note,
                recorded: &RecordedEvent,
                tables: &mut TablesTx<'_>,
            ) -> Result<(), BoxError> {
                let sql = "INSERT INTO {ids} VALUES ($1, $2)";
                tables.execute(sql, (recorded.tenant(), recorded.event_id())).await?;
                Ok(())
            }
        }
    };
}

other_ledger!(Changed, 1, "CREATE TABLE {ids} (tenant text, id uuid PRIMARY KEY)");
other_ledger!(Newer, 2, "CREATE TABLE {ids} (tenant text, id uuid PRIMARY KEY)");
other_ledger!(Faulty, 1, "CREATE TABLE {ids} (tenant text, id varchar(3))");

pub async fn other_tables_of_a_name_are_refused(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    note(&store, &["ann=1", "ann=2"]).await;
    let faulty = with_causes(&store.tables::<Faulty>().catch_up().await.unwrap_err());
    assert!(faulty.contains("`varchar`") && faulty.contains("text, integer"), "{faulty}");
    store.tables::<Ledger>().catch_up().await.unwrap();
    for refused in [
        store.tables::<Changed>().catch_up().await.map(drop),
        store.tables::<Changed>().query("SELECT * FROM {ids}", ()).await.map(drop),
    ] {
        let refused = with_causes(&refused.unwrap_err());
        assert!(refused.contains("other statements") && refused.contains("VERSION"), "{refused}");
    }
    let newer = store.tables::<Newer>();
    for refused in [newer.catch_up().await.map(drop), newer.run().await] {
        let refused = with_causes(&refused.unwrap_err());
        assert!(refused.contains("from version 1") && refused.contains("rebuild()"), "{refused}");
    }
    assert_eq!(newer.status().await.unwrap().state, ReadModelState::Outdated);
    assert_eq!(newer.rebuild().await.unwrap(), 2);
    assert_eq!(newer.query("SELECT id FROM {ids}", ()).await.unwrap().len(), 2);
    let older = with_causes(&store.tables::<Ledger>().run().await.unwrap_err());
    assert!(older.contains("made by a newer program"), "{older}");
}

pub async fn racing_runners_apply_each_event_once(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    let mut runners = Vec::new();
    tables.catch_up().await.unwrap();
    for _ in 0..4 {
        let tables = tables.clone();
        runners.push(tokio::spawn(async move { tables.run().await }));
    }
    for number in 0..200 {
        note(&store, &[&format!("ann={number}")]).await;
    }
    tables.wait_for(store.head().await.unwrap()).await.unwrap();
    for runner in runners {
        assert!(!runner.is_finished(), "a runner ended: {:?}", runner.await);
        runner.abort();
    }
    assert_eq!(all(&store).await, [row("ann", 200, "199")]);
    assert_eq!(tables.status().await.unwrap().events, 200);
}

pub async fn a_killed_runner_of_tables_resumes(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let texts: Vec<String> =
        (0..600).map(|number| format!("key-{}={number}", number % 7)).collect();
    note(&store, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let tables = store.tables::<Ledger>();
    let mut within = Duration::from_micros(500);
    // Each try is given up somewhere else, until one succeeds.
    while tokio::time::timeout(within, tables.catch_up()).await.is_err() {
        within = within * 5 / 4;
    }
    let found = all(&store).await;
    assert_eq!((found.len(), found.iter().map(|(_, notes, _)| notes).sum()), (7, 600_u64));
    let status = tables.status().await.unwrap();
    assert_eq!((status.build, status.events), (Some(1), 600));
}

pub async fn tables_are_run_and_waited_for(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    let tables = store.tables::<Ledger>();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let tables = tables.clone();
        async move { tables.run().until(async { drop(stopped.await) }).await }
    });
    for number in 1..=3 {
        let text = format!("ann={number}");
        let appended = store.append(&stream("notes-1"), Any, [Note::new(&text)]).await.unwrap();
        tables.wait_for(appended.position).await.unwrap();
        assert_eq!(all(&store).await, [row("ann", number, &number.to_string())]);
    }
    drop(stop);
    running.await.unwrap().unwrap();
}
