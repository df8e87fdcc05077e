//! Inline projections: applied in the transaction of the append, once, and only their own writer waits for them.

use std::sync::Arc;
use std::time::Duration;

use event_core::error::{BoxError, with_causes};
use event_core::serde_json::value::RawValue;
use event_core::{
    AllOptions, Error, Event, EventStore, EventVersion, ExpectedVersion, NewEvent, Outcome,
    Position, RetryPolicy, StreamId,
};
use event_postgres::{InlineEvent, PgInlineProjection, PgOptions, inline};
use event_testing::{Closed, Noted};
use sqlx::PgConnection;

use crate::pg::{self, Database};
use crate::proxy::Proxy;
use crate::{exact, stream};

#[derive(Event)]
enum Notes {
    Noted(Noted),
    Closed(Closed),
}

/// Writes each text to a table in which it is unique; ignores `Closed`.
struct Texts;

impl PgInlineProjection for Texts {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "note"
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        for InlineEvent { event, stream_id, stream_version, .. } in events {
            let text = match event {
                Notes::Noted(noted) => noted.text,
                Notes::Closed(_) => continue,
            };
            if text == "slow" {
                sqlx::query("SELECT pg_advisory_xact_lock(7)").execute(&mut *connection).await?;
            }
            let version = stream_version.map(|version| i64::try_from(version.get())).transpose()?;
            sqlx::query("INSERT INTO public.texts (text, stream, version) VALUES ($1, $2, $3)")
                .bind(text)
                .bind(stream_id.as_str())
                .bind(version)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

async fn open(database: &Database<'_>, options: PgOptions) -> (EventStore, PgConnection) {
    let mut connection = database.connection().await;
    let table =
        "CREATE TABLE public.texts (text text PRIMARY KEY, stream text NOT NULL, version bigint)";
    pg::run(&mut connection, table).await;
    let adapter = options.connect().await.unwrap().inline(Texts);
    let policy = RetryPolicy::default().first_delay(Duration::from_millis(2));
    let store = EventStore::builder(Arc::new(adapter)).retry(policy).build().unwrap();
    (store, connection)
}

#[tokio::test]
async fn a_url_opens_the_store_with_its_inline_projections() {
    let database = pg::shared().database().await;
    let mut connection = database.connection().await;
    let table = "CREATE TABLE public.texts (text text PRIMARY KEY, stream text, version bigint)";
    pg::run(&mut connection, table).await;
    let store = EventStore::connect(&database.url).inline(inline(Texts)).await.unwrap();
    store.append(&stream("note-1"), ExpectedVersion::NoStream, notes(&["a"])).await.unwrap();
    assert_eq!(count(&mut connection, "true").await, 1);
    for url in ["memory:", "sqlite:none.db"] {
        let error = EventStore::connect(url).inline(inline(Texts)).await.unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains("`postgres`"), "{error}");
    }
}

fn notes(texts: &[&str]) -> Vec<NewEvent> {
    texts.iter().map(|text| Noted::new(*text).into()).collect()
}

async fn count(connection: &mut PgConnection, condition: &str) -> i64 {
    pg::number(connection, &format!("SELECT count(*) FROM public.texts WHERE {condition}")).await
}

#[tokio::test]
async fn the_read_model_is_written_with_the_append_or_not_at_all() {
    let database = pg::shared().database().await;
    let (store, mut connection) = open(&database, database.options()).await;
    let name = stream("note-1");
    store.append(&name, ExpectedVersion::NoStream, notes(&["a", "b"])).await.unwrap();
    store.append(&name, exact(2), notes(&["c"])).await.unwrap();
    store.append(&name, ExpectedVersion::Any, notes(&["d"])).await.unwrap();
    let versions = "SELECT coalesce(version, 0) FROM public.texts ORDER BY text";
    let versions: Vec<(i64,)> = sqlx::query_as(versions).fetch_all(&mut connection).await.unwrap();
    assert_eq!(
        versions,
        [(1,), (2,), (3,), (0,)],
        "a version is known only if the writer claims one"
    );

    let position = "SELECT last_value FROM event_store.position_seq";
    let before = pg::number(&mut connection, position).await;
    // The store refuses the append: the read model does not change.
    let error = store.append(&name, exact(2), notes(&["e"])).await.unwrap_err();
    assert!(matches!(error, Error::WrongExpectedVersion { actual, .. } if actual.get() == 4));
    // The projection fails: no event is stored.
    let error = store.append(&name, exact(4), notes(&["e", "a"])).await.unwrap_err();
    assert!(with_causes(&error).contains("texts_pkey"), "{}", with_causes(&error));
    assert!(!error.is_transient());
    // An event type that the set does not contain.
    let raw = RawValue::from_string("{}".into()).unwrap();
    let strange = NewEvent::raw("contract.strange", EventVersion::FIRST, raw);
    let error = store.append(&name, ExpectedVersion::Any, [strange.clone()]).await.unwrap_err();
    assert_eq!(error.code(), "invalid_event_type");
    assert_eq!(store.stream_version(&name).await.unwrap().get(), 4);
    assert_eq!(pg::number(&mut connection, position).await, before, "no position was assigned");
    assert_eq!(count(&mut connection, "true").await, 4);

    // Streams that it does not want are appended as usual; several streams are one commit.
    store.append(&stream("else-1"), ExpectedVersion::Any, [strange]).await.unwrap();
    let both = |text: &str| {
        store
            .transaction()
            .append(&stream("else-2"), ExpectedVersion::Any, notes(&["not here"]))
            .append(&stream("note-2"), ExpectedVersion::Any, notes(&[text]))
    };
    both("f").commit().await.unwrap();
    both("f").commit().await.unwrap_err();
    assert_eq!(store.stream_version(&stream("else-2")).await.unwrap().get(), 1);
    assert_eq!(
        (count(&mut connection, "true").await, count(&mut connection, "text = 'f'").await),
        (5, 1)
    );
}

#[tokio::test]
async fn a_retried_append_is_not_applied_again() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let (store, mut connection) = open(&database, options.notify(false)).await;
    let name = stream("note-1");
    // Applied twice, the first would violate the primary key, the second would not be noticed.
    for first in [notes(&["a", "b"]), vec![Closed { by: "x".into() }.into()]] {
        for expected in [Outcome::Stored, Outcome::AlreadyStored, Outcome::AlreadyStored] {
            let answer = store.append(&name, ExpectedVersion::Any, first.clone()).await.unwrap();
            assert_eq!(answer.outcome, expected);
        }
    }
    let first = notes(&["c", "d"]);
    store.append(&name, ExpectedVersion::Any, first.clone()).await.unwrap();
    let reversed = [first[1].clone(), first[0].clone()];
    let error = store.append(&name, ExpectedVersion::Any, reversed).await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    let other = [first[0].clone(), Noted::new("e").into()];
    let error = store.append(&name, ExpectedVersion::Any, other).await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    assert_eq!(count(&mut connection, "true").await, 4);
    for n in 0..5 {
        proxy.drop_next_response();
        let text = format!("lost {n}");
        store.append(&name, ExpectedVersion::Any, notes(&[&text])).await.unwrap();
        assert_eq!(count(&mut connection, &format!("text = '{text}'")).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_of_all_events_do_not_wait_for_a_slow_projection() {
    let database = pg::shared().database().await;
    let (store, mut connection) = open(&database, database.options()).await;
    pg::run(&mut connection, "SELECT pg_advisory_lock(7)").await;
    store.append(&stream("note-1"), ExpectedVersion::Any, notes(&["warm"])).await.unwrap();
    let slow = tokio::spawn({
        let store = store.clone();
        async move {
            store.append(&stream("note-2"), ExpectedVersion::Any, notes(&["slow"])).await.unwrap()
        }
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while pg::number(&mut connection, waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The projection is in the middle of its statements, and no other writer or reader waits for it.
    let other = store.append(&stream("note-3"), ExpectedVersion::Any, notes(&["quick"])).await;
    let seen = store.read_all(AllOptions::new().after(Position::new(1))).await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].position(), other.unwrap().position);
    pg::run(&mut connection, "SELECT pg_advisory_unlock(7)").await;
    assert!(slow.await.unwrap().position > seen[0].position());
}

/// Reads the stream that it is about through the store before it writes; a text "nested" appends through it.
struct Reading(std::sync::OnceLock<EventStore>);

impl PgInlineProjection for &'static Reading {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "note"
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        let store = self.0.get().ok_or("the store is not there yet")?;
        for InlineEvent { event, stream_id, .. } in events {
            let Notes::Noted(noted) = event else { continue };
            let before = store.stream_version(&stream_id).await?;
            store.read_all(AllOptions::new()).await?;
            if noted.text == "nested" {
                store.append(&stream_id, ExpectedVersion::Any, notes(&["inner"])).await?;
            }
            sqlx::query("INSERT INTO public.texts (text, stream, version) VALUES ($1, $2, $3)")
                .bind(noted.text)
                .bind(stream_id.as_str())
                .bind(i64::try_from(before.get())?)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_model_may_read_from_the_store_however_many_append() {
    let database = pg::shared().database().await;
    for (pool_size, writers) in [(8, 8), (8, 16), (2, 16), (1, 4)] {
        let mut connection = database.connection().await;
        let table = "DROP TABLE IF EXISTS public.texts; \
                     CREATE TABLE public.texts (text text, stream text NOT NULL, version bigint)";
        pg::run(&mut connection, table).await;
        let limit = Duration::from_mins(1);
        let options = database.options().pool_size(pool_size).acquire_timeout(limit);
        let reading: &'static Reading = Box::leak(Box::new(Reading(std::sync::OnceLock::new())));
        let adapter = options.connect().await.unwrap().inline(reading);
        let store = EventStore::new(adapter).unwrap();
        reading.0.set(store.clone()).unwrap();
        let tasks: Vec<_> = (0..writers)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let name = stream(&format!("note-{n}"));
                    store.append(&name, ExpectedVersion::Any, notes(&["x"])).await
                })
            })
            .collect();
        let all = async {
            for task in tasks {
                task.await.unwrap().unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), all).await;
        assert!(
            waited.is_ok(),
            "{writers} writers wait for one another with {pool_size} connections"
        );
        assert_eq!(count(&mut connection, "true").await, writers);
        store.close().await;
    }
}

#[tokio::test]
async fn an_append_by_a_read_model_is_refused() {
    let database = pg::shared().database().await;
    let reading: &'static Reading = Box::leak(Box::new(Reading(std::sync::OnceLock::new())));
    let mut connection = database.connection().await;
    let table = "CREATE TABLE public.texts (text text, stream text NOT NULL, version bigint)";
    pg::run(&mut connection, table).await;
    let adapter = database.options().connect().await.unwrap().inline(reading);
    let store = EventStore::new(adapter).unwrap();
    reading.0.set(store.clone()).unwrap();
    let error = store.append(&stream("note-1"), ExpectedVersion::Any, notes(&["nested"])).await;
    let words = with_causes(&error.unwrap_err());
    assert!(words.contains("called by a projection"), "{words}");
    assert_eq!(count(&mut connection, "true").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_keep_the_read_model_consistent() {
    let database = pg::shared().database().await;
    let (store, mut connection) = open(&database, database.options()).await;
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut stored = 0;
                for step in 0..10 {
                    // Two writers append every text, to one of four streams.
                    let text = format!("{} {step}", n / 2);
                    let name = stream(&format!("note-{}", n % 4));
                    let answer = store.append(&name, ExpectedVersion::Any, notes(&[&text])).await;
                    stored += i64::from(answer.is_ok());
                }
                stored
            })
        })
        .collect();
    let mut stored = 0;
    for writer in writers {
        stored += writer.await.unwrap();
    }
    assert_eq!((stored, count(&mut connection, "true").await), (80, 80));
    let log = store.read_all(AllOptions::new()).await.unwrap();
    let texts: std::collections::BTreeSet<_> =
        log.iter().map(|event| event.decode::<Noted>().unwrap().text).collect();
    assert_eq!((log.len(), texts.len()), (80, 80), "each text once, in both");
}
