//! Promises of the facade and of its errors: codes, categories, scopes, retries, defaults.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::event::DecodeError;
use event_core::{
    BatchSize, Category, Clock, Conflict, Error, Event, EventId, EventStore, EventVersion,
    ExpectedVersion, Filter, InvalidEvent, MemoryAdapter, Metadata, NewEvent, ReadOptions,
    Registry, RetryPolicy, Scope, StartFrom, StreamId, StreamVersion, Tenant, events,
};
use event_testing::Noted;
use serde::{Deserialize, Serialize};

use crate::flaky::Fault::{self, Lost};
use crate::flaky::FlakyAdapter;

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

fn flaky(faults: &[Fault]) -> (Arc<FlakyAdapter>, EventStore) {
    let adapter = Arc::new(FlakyAdapter::new(faults));
    let quick = RetryPolicy::default().first_delay(Duration::from_millis(1)).without_jitter();
    let store = EventStore::builder(Arc::clone(&adapter)).retry(quick).build().unwrap();
    (adapter, store)
}

#[tokio::test]
async fn a_read_a_transaction_and_a_start_at_the_end_are_retried() {
    let memory = || {
        let adapter = MemoryAdapter::new();
        (adapter.clone(), EventStore::builder(adapter).build().unwrap())
    };
    let (inner, store) = memory();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let around = |faults: &[Fault]| {
        let adapter = Arc::new(FlakyAdapter::around(inner.clone(), faults));
        let quick = RetryPolicy::default().first_delay(Duration::from_millis(1)).without_jitter();
        (Arc::clone(&adapter), EventStore::builder(adapter).retry(quick).build().unwrap())
    };
    let (adapter, store) = around(&[Lost, Lost]);
    assert_eq!(store.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap().len(), 1);
    assert_eq!(adapter.calls(), 3);

    let (adapter, store) = flaky(&[Lost, Lost]);
    let both = store.transaction().append(&stream("a"), ExpectedVersion::Any, Noted::many(1));
    let both = both.append(&stream("b"), ExpectedVersion::Any, Noted::many(1));
    assert_eq!(both.commit().await.unwrap().len(), 2);
    assert_eq!(adapter.calls(), 3);

    let (adapter, store) = around(&[Lost, Lost]);
    assert!(store.subscribe(StartFrom::Now, Filter::all()).await.is_ok());
    assert_eq!(adapter.calls(), 3);
}

#[tokio::test]
async fn every_error_of_a_call_shows_its_scope() {
    let store = EventStore::in_memory().unwrap();
    let scope = Scope::tenant(Tenant::new("guild-7").unwrap());
    let store = store.with_scope(scope);
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    let nothing = stream("nothing");
    let bad = ExpectedVersion::Exact(StreamVersion::new(9));
    let fixed = EventId::new();
    let twice = vec![
        NewEvent::from(Noted::new("a")).with_id(fixed),
        NewEvent::from(Noted::new("b")).with_id(fixed),
    ];
    let mut errors = vec![
        ("append", store.append(&stream("s"), bad, Noted::many(1)).await.unwrap_err()),
        (
            "append an invalid event",
            store.append(&stream("s"), ExpectedVersion::Any, [Noted::new("")]).await.unwrap_err(),
        ),
        (
            "append an id twice",
            store.append(&stream("s"), ExpectedVersion::Any, twice).await.unwrap_err(),
        ),
        ("read", store.read_stream(&nothing, ReadOptions::forward()).await.unwrap_err()),
        ("info", store.stream_info(&nothing).await.unwrap_err()),
        ("recover", store.recover::<game_events::GameSession>(&nothing).await.unwrap_err()),
        ("archive", store.archive_stream(&nothing, ExpectedVersion::Any).await.unwrap_err()),
        ("truncate", store.truncate_before(&nothing, StreamVersion::new(1)).await.unwrap_err()),
    ];
    let both = store.transaction().append(&stream("s"), bad, Noted::many(1));
    errors.push((
        "transaction",
        both.append(&stream("t"), ExpectedVersion::Any, Noted::many(1)).commit().await.unwrap_err(),
    ));
    let mut lazily = store.stream_events(&nothing, ReadOptions::forward());
    errors.push(("stream_events", lazily.next().await.unwrap().unwrap_err()));
    for (call, error) in errors {
        let tenant = error.scope().map(|scope| scope.tenant.as_str().to_owned());
        assert_eq!(tenant.as_deref(), Some("guild-7"), "{call}: {error}");
        assert!(error.to_string().contains("guild-7"), "{call}: {error}");
    }
}

#[test]
fn every_error_has_its_code_and_category() {
    let conflict = Conflict { expected: ExpectedVersion::NoStream, actual: StreamVersion::new(1) };
    let decoding = |error| Error::decoding(error, EventVersion::FIRST, None);
    let payload = || serde_json::from_str::<u8>("x").unwrap_err();
    let (event_type, version) = ("x".to_owned(), EventVersion::FIRST);
    let table = [
        (Error::from(StreamId::new("").unwrap_err()), "invalid_stream_id", Category::Validation),
        (Error::conflict(stream("s"), conflict), "wrong_expected_version", Category::Concurrency),
        (Error::stream_not_found(stream("s")), "stream_not_found", Category::Concurrency),
        (Error::stream_deleted(stream("s")), "stream_deleted", Category::Concurrency),
        (Error::stream_archived(stream("s")), "stream_archived", Category::Concurrency),
        (Error::mixed_stream(stream("s"), true), "mixed_stream", Category::Validation),
        (Error::events_not_found(stream("s"), vec![]), "events_not_found", Category::Concurrency),
        (Error::invalid_import(None, "x"), "invalid_import", Category::Validation),
        (
            Error::stream_limit_reached(stream("s"), 1, 1),
            "stream_limit_reached",
            Category::Validation,
        ),
        (
            Error::event_id_conflict(stream("s"), None, "x"),
            "event_id_conflict",
            Category::Concurrency,
        ),
        (Error::connection("x", "x"), "connection_error", Category::Infrastructure),
        (Error::overloaded("x", "x"), "overloaded", Category::Infrastructure),
        (Error::adapter("x", "x"), "adapter_error", Category::Other),
        (Error::invalid_append("x"), "invalid_event_data", Category::Domain),
        (
            decoding(DecodeError::UnknownType { event_type: event_type.clone(), known: vec![] }),
            "invalid_event_type",
            Category::Domain,
        ),
        (
            decoding(DecodeError::FromTheFuture {
                event_type: event_type.clone(),
                found: EventVersion::new(2),
                known: version,
            }),
            "deserialization_failed",
            Category::Infrastructure,
        ),
        (
            decoding(DecodeError::Payload {
                event_type: event_type.clone(),
                version,
                path: ".".into(),
                source: payload(),
            }),
            "deserialization_failed",
            Category::Infrastructure,
        ),
        (
            decoding(DecodeError::NoPath { event_type, from: version, to: version }),
            "invalid_event_data",
            Category::Domain,
        ),
    ];
    for (error, code, category) in table {
        assert_eq!((error.code(), error.category()), (code, category), "{error:?}");
        let transient = matches!(code, "connection_error" | "overloaded");
        assert_eq!(error.is_transient(), transient, "{error:?}");
    }
}

/// A caller that checks a value itself logs the same code as one whose call fails for it.
#[test]
fn a_refused_value_has_the_code_of_the_error_that_it_becomes() {
    let number = StreamVersion::try_from(-1_i64).unwrap_err();
    let stream = StreamId::new("").unwrap_err();
    let tenant = Tenant::new("").unwrap_err();
    let size = BatchSize::new(0).unwrap_err();
    let id = "x".parse::<EventId>().unwrap_err();
    let version = EventVersion::try_from(0_u32).unwrap_err();
    let metadata = Metadata::from_json("[]").unwrap_err();
    let event = InvalidEvent::field("seat", "must be 1");
    for (own, code, error) in [
        (number.code(), "deserialization_failed", Error::from(number)),
        (stream.code(), "invalid_stream_id", stream.into()),
        (tenant.code(), "invalid_tenant", tenant.into()),
        (size.code(), "invalid_batch_size", size.into()),
        (id.code(), "invalid_event_data", id.into()),
        (version.code(), "invalid_event_data", version.into()),
        (metadata.code(), "invalid_event_data", metadata.into()),
        (event.code(), "invalid_event_data", event.into()),
    ] {
        assert_eq!((own, error.code()), (code, code), "{error}");
    }
}

#[test]
fn what_a_backend_cannot_do_is_refused_with_what_to_do_instead() {
    let message = |hint| Error::unsupported("sort", "memory", hint).to_string();
    assert_eq!(message("sort the page"), "the backend `memory` cannot sort; sort the page");
    assert_eq!(message(""), "the backend `memory` cannot sort");
}

#[test]
fn versions_that_nothing_connects_have_no_path() {
    #[derive(Serialize, Deserialize)]
    struct Old;
    impl Event for Old {
        const TYPE: &'static str = "promises.split";
        const VERSION: EventVersion = EventVersion::FIRST;
    }
    #[derive(Serialize, Deserialize)]
    struct New;
    impl Event for New {
        const TYPE: &'static str = "promises.split";
        const VERSION: EventVersion = EventVersion::new(3);
    }
    let three = EventVersion::new(3);
    let step = |data: serde_json::Value| Ok(data);
    let registry = Registry::builder().event::<Old>().event::<New>();
    let registry = registry.migration("promises.split", EventVersion::FIRST, three, step);
    let registry = registry.migration("promises.split", EventVersion::new(2), three, step);
    let registry = registry.build().unwrap();
    let error =
        registry.path("promises.split", EventVersion::FIRST, EventVersion::new(2)).unwrap_err();
    assert!(matches!(error, DecodeError::NoPath { .. }), "{error}");
    assert_eq!(error.code(), "deserialization_failed");
    assert_eq!(
        error.to_string(),
        "event type `promises.split` has no migration path from v1 to v2"
    );
}

#[derive(Serialize, Deserialize)]
struct Keyed(std::collections::BTreeMap<(u8, u8), u8>);

impl Event for Keyed {
    const TYPE: &'static str = "promises.keyed";
    const VERSION: EventVersion = EventVersion::FIRST;
}

#[tokio::test]
async fn an_event_that_cannot_be_encoded_is_named_with_its_index() {
    let store = EventStore::in_memory().unwrap();
    let list = events![Noted::new("a"), Keyed([((1, 2), 3)].into())];
    let error = store.append(&stream("s"), ExpectedVersion::Any, list).await.unwrap_err();
    assert_eq!(
        (error.code(), error.category()),
        ("serialization_failed", Category::Infrastructure)
    );
    assert!(
        matches!(&error, Error::Serialization { index: Some(1), event_type, .. } if event_type == "promises.keyed"),
        "{error:?}"
    );
    assert!(event_core::error::with_causes(&error).contains("key must be a string"), "{error:?}");
}

#[tokio::test]
async fn a_stream_holds_ten_thousand_events_unless_told_otherwise() {
    let store = EventStore::in_memory().unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(10_000)).await.unwrap();
    let error = store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap_err();
    assert!(
        matches!(error, Error::StreamLimitReached { limit: 10_000, actual: 10_000, .. }),
        "{error}"
    );
}

#[derive(Serialize, Deserialize)]
struct Timed {
    at: DateTime<Utc>,
}

impl Event for Timed {
    const TYPE: &'static str = "promises.timed";
    const VERSION: EventVersion = EventVersion::FIRST;

    fn validate(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.at == now {
            Ok(())
        } else {
            Err(InvalidEvent::field("at", format!("must be {now}")))
        }
    }
}

#[tokio::test]
async fn an_append_validates_with_the_clock_of_the_store() {
    let at: DateTime<Utc> = "2001-02-03T04:05:06Z".parse().unwrap();
    let store = EventStore::builder(MemoryAdapter::new()).clock(Clock::fixed(at)).build().unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, [Timed { at }]).await.unwrap();
    let late = Timed { at: at + chrono::TimeDelta::nanoseconds(1) };
    let late = NewEvent::from(late).with_metadata(Metadata::new());
    let error = store.append(&stream("s"), ExpectedVersion::Any, [late]).await.unwrap_err();
    assert!(error.to_string().contains("must be 2001-02-03 04:05:06 UTC"), "{error}");
}

#[test]
fn a_game_is_snapshotted_every_two_hundred_events() {
    use event_core::Aggregate;
    let snapshots = game_events::GameSession::SNAPSHOTS.expect("games keep snapshots");
    assert_eq!((snapshots.kind(), snapshots.version().get()), ("game_session", 1));
    assert!(format!("{snapshots:?}").contains("every: Some(200)"), "{snapshots:?}");
}
