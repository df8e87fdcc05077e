//! Inline projections in the file: applied in the transaction of the append, once, with the version of the event.

use std::path::Path;

use event_core::ExpectedVersion::{Any, Exact, NoStream};
use event_core::error::{BoxError, with_causes};
use event_core::projection::InlineEvent;
use event_core::serde_json::value::RawValue;
use event_core::{
    Error, Event, EventStore, EventVersion, NewEvent, Outcome, StreamId, StreamVersion,
};
use event_sqlite::{SqliteInlineProjection, inline};
use event_testing::{Closed, Noted};
use sqlx::SqliteConnection;

use super::{all_events, new_file, open, plain_connection, run, stream};

#[derive(Event)]
enum Notes {
    Noted(Noted),
    Closed(Closed),
}

/// Writes each text to a table in which it is unique; ignores `Closed`.
struct Texts;

impl SqliteInlineProjection for Texts {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "note"
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        events: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        for InlineEvent { event, stream_id, stream_version, .. } in events {
            let Notes::Noted(noted) = event else { continue };
            let version = stream_version.map(|version| i64::try_from(version.get())).transpose()?;
            sqlx::query("INSERT INTO texts (text, stream, version) VALUES (?1, ?2, ?3)")
                .bind(noted.text)
                .bind(stream_id.as_str())
                .bind(version)
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_url_opens_the_store_with_its_inline_projections() {
    let path = new_file();
    let (_, mut other) = open_with_projection(&path).await;
    let url = format!("sqlite:{}", path.display());
    let store = EventStore::connect(&url).inline(inline(Texts)).await.unwrap();
    let notes = [NewEvent::from(Noted::new("a"))];
    store.append(&stream("note-1"), NoStream, notes).await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM texts");
    assert_eq!(count.fetch_one(&mut other).await.unwrap(), 1);
    let error = EventStore::connect("memory:").inline(inline(Texts)).await.unwrap_err();
    assert!(matches!(error, Error::Unsupported { backend: "memory", .. }), "{error:?}");
    assert!(error.to_string().contains("`sqlite`"), "{error}");
}

async fn open_with_projection(path: &Path) -> (EventStore, SqliteConnection) {
    let adapter = open(path).await.inline(Texts);
    let mut other = plain_connection(path).await;
    let table =
        "CREATE TABLE IF NOT EXISTS texts (text TEXT PRIMARY KEY, stream TEXT, version INTEGER)";
    run(&mut other, table).await;
    (EventStore::new(adapter).unwrap(), other)
}

fn notes(texts: &[&str]) -> Vec<NewEvent> {
    texts.iter().map(|text| Noted::new(*text).into()).collect()
}

async fn texts(connection: &mut SqliteConnection) -> Vec<(String, i64)> {
    let all = "SELECT text, version FROM texts ORDER BY text";
    sqlx::query_as(all).fetch_all(connection).await.unwrap()
}

fn row(text: &str, version: i64) -> (String, i64) {
    (text.to_owned(), version)
}

#[tokio::test]
async fn the_read_model_is_written_with_the_append_or_not_at_all() {
    let (store, mut other) = open_with_projection(&new_file()).await;
    let name = stream("note-1");
    store.append(&name, NoStream, notes(&["a", "b"])).await.unwrap();
    store.append(&name, Any, notes(&["c"])).await.unwrap();
    assert_eq!(texts(&mut other).await, [row("a", 1), row("b", 2), row("c", 3)]);

    // The store refuses the append: the read model does not change.
    let stale = Exact(StreamVersion::new(2));
    let error = store.append(&name, stale, notes(&["d"])).await.unwrap_err();
    assert!(matches!(error, Error::WrongExpectedVersion { actual, .. } if actual.get() == 3));
    // The projection fails: no event is stored.
    let error = store.append(&name, Any, notes(&["d", "a"])).await.unwrap_err();
    assert!(with_causes(&error).contains("texts.text"), "{}", with_causes(&error));
    assert!(!error.is_transient());
    // An event type that the set does not contain.
    let raw = RawValue::from_string("{}".into()).unwrap();
    let strange = NewEvent::raw("contract.strange", EventVersion::FIRST, raw);
    store.append(&name, Any, [strange.clone()]).await.unwrap_err();
    assert_eq!((texts(&mut other).await.len(), all_events(&store).await.len()), (3, 3));

    // Streams that it does not want are appended as usual; several streams are one commit.
    store.append(&stream("else-1"), Any, [strange]).await.unwrap();
    let both = || {
        store.transaction().append(&stream("else-2"), Any, notes(&["not here"])).append(
            &stream("note-2"),
            Any,
            notes(&["e"]),
        )
    };
    both().commit().await.unwrap();
    both().commit().await.unwrap_err();
    assert_eq!(store.stream_version(&stream("else-2")).await.unwrap().get(), 1);
    assert_eq!(texts(&mut other).await.last(), Some(&row("e", 1)));
}

#[tokio::test]
async fn a_retried_append_is_not_applied_again() {
    let (store, mut other) = open_with_projection(&new_file()).await;
    let name = stream("note-1");
    let first = notes(&["a", "b"]);
    for expected in [Outcome::Stored, Outcome::AlreadyStored, Outcome::AlreadyStored] {
        let answer = store.append(&name, Any, first.clone()).await.unwrap();
        assert_eq!(answer.outcome, expected);
    }
    let mixed = [first[0].clone(), Noted::new("c").into()];
    let error = store.append(&name, Any, mixed).await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    assert_eq!(texts(&mut other).await, [row("a", 1), row("b", 2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_two_programs_keep_the_read_model_consistent() {
    let path = new_file();
    let (first, mut other) = open_with_projection(&path).await;
    let (second, _) = open_with_projection(&path).await;
    let writers: Vec<_> = (0..8)
        .map(|n| {
            let store = if n % 2 == 0 { first.clone() } else { second.clone() };
            tokio::spawn(async move {
                let mut stored = 0;
                for step in 0..10 {
                    // Two writers append every text, one of each program.
                    let text = format!("{} {step}", n / 2);
                    let name = stream(&format!("note-{}", n % 4));
                    stored += usize::from(store.append(&name, Any, notes(&[&text])).await.is_ok());
                }
                stored
            })
        })
        .collect();
    let mut stored = 0;
    for writer in writers {
        stored += writer.await.unwrap();
    }
    let rows = texts(&mut other).await.len();
    assert_eq!((stored, rows, all_events(&first).await.len()), (40, 40, 40));
}
