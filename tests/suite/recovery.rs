//! Recovery: order, gaps, causality, events that cannot be decoded, and the report with the location of each problem.

use event_core::adapter::async_trait;
use std::sync::Arc;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::import::{ImportBatch, Imported};
use event_core::adapter::{Adapter, BoxFuture, LiveLog, TenantView};
use event_core::aggregate::{ProblemKind, Violation};
use event_core::envelope::RecordedParts;
use event_core::health::Health;
use event_core::registry::{Registration, StoredVersion};
use event_core::{
    Aggregate, AllOptions, Appended, Error, EventId, EventSet, EventStore, EventVersion,
    ExpectedVersion, ListOptions, MemoryAdapter, Metadata, NewEvent, Position, ReadOptions,
    RecordedEvent, Result, StreamId, StreamInfo, StreamVersion, Tenant,
};
use event_testing::Noted;
use serde_json::value::RawValue;

/// The closed set of one event.
struct Notes(Noted);

impl EventSet for Notes {
    const TYPES: &'static [&'static str] = &["contract.noted"];
    const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Noted>()];

    fn decode(recorded: &RecordedEvent) -> Result<Self> {
        recorded.decode().map(Self)
    }

    fn as_event(&self) -> Option<&dyn event_core::AnyEvent> {
        Some(&self.0)
    }
}

/// Collects words. `check` rejects "stranger" and any word after "stop"; `validate` rejects a state that contains "bad".
#[derive(Debug, Default, PartialEq)]
struct Sentence {
    words: Vec<String>,
}

impl Aggregate for Sentence {
    type Event = Notes;

    fn check(&self, event: &Notes, _recorded: &RecordedEvent) -> Result<(), Violation> {
        if event.0.text == "stranger" {
            return Err(Violation::identity("a word of another sentence"));
        }
        if self.words.last().is_some_and(|word| word == "stop") {
            return Err(Violation::new("nothing follows the end"));
        }
        Ok(())
    }

    fn apply(&mut self, event: Notes) {
        self.words.push(event.0.text);
    }

    fn validate(&self) -> Result<(), Violation> {
        if self.words.iter().any(|word| word == "bad") {
            return Err(Violation::new("it holds a bad word"));
        }
        Ok(())
    }
}

fn name() -> StreamId {
    StreamId::new("sentence-1").unwrap()
}

async fn stored(words: &[&str]) -> EventStore {
    let store = EventStore::in_memory().unwrap();
    let events = words.iter().map(|word| Noted::new(*word));
    store.append(&name(), ExpectedVersion::NoStream, events).await.unwrap();
    store
}

#[tokio::test]
async fn ten_thousand_events_are_paged_and_applied_in_order() {
    let store = EventStore::in_memory().unwrap();
    store.append(&name(), ExpectedVersion::NoStream, Noted::many(10_000)).await.unwrap();
    let recovered = store.recover::<Sentence>(&name()).await.unwrap();
    assert_eq!((recovered.version.get(), recovered.state.words.len()), (10_000, 10_000));
    assert!((0..).zip(&recovered.state.words).all(|(i, word)| *word == format!("note {i}")));
    assert_eq!((recovered.report.read, recovered.report.applied), (10_000, 10_000));
}

#[tokio::test]
async fn recovery_until_a_version_ignores_later_events() {
    let store = stored(&["a", "b", "c"]).await;
    let until = StreamVersion::new(2);
    let recovered = store.recover::<Sentence>(&name()).until(until).await.unwrap();
    assert_eq!((recovered.state.words, recovered.version.get()), (vec!["a".into(), "b".into()], 2));
}

#[tokio::test]
async fn a_stream_of_links_is_recovered_in_link_order_and_a_removed_event_is_a_gap() {
    let store = stored(&["a", "b", "c"]).await;
    let other = StreamId::new("sentence-2").unwrap();
    store.append(&other, ExpectedVersion::NoStream, [Noted::new("d")]).await.unwrap();
    let mut events = store.read_stream(&name(), ReadOptions::forward()).await.unwrap();
    events.extend(store.read_stream(&other, ReadOptions::forward()).await.unwrap());
    let links = StreamId::new("links").unwrap();
    let order = [3, 1, 0].map(|index| events[index].event_id());
    store.link(&links, ExpectedVersion::NoStream, order).await.unwrap();
    let recovered = store.recover::<Sentence>(&links).await.unwrap();
    assert_eq!((recovered.state.words.join(" ").as_str(), recovered.version.get()), ("d b a", 3));
    store.truncate_before(&name(), StreamVersion::new(2)).await.unwrap();
    assert_eq!(store.recover::<Sentence>(&links).await.unwrap().state.words.join(" "), "d b");
    store.truncate_before(&name(), StreamVersion::new(3)).await.unwrap();
    store.link(&links, ExpectedVersion::Any, [events[2].event_id()]).await.unwrap();
    let error = store.recover::<Sentence>(&links).await.unwrap_err();
    assert!(error.to_string().contains("expected version 2, found 4"), "{error}");
}

#[tokio::test]
async fn a_missing_stream_is_an_error() {
    let store = EventStore::in_memory().unwrap();
    let error = store.recover::<Sentence>(&name()).await.unwrap_err();
    assert_eq!(error.code(), "stream_not_found");
}

#[tokio::test]
async fn a_violation_of_the_aggregate_stops_at_its_event() {
    for (words, version, reason) in [
        (["a", "stop", "b"], 3, "sequence: nothing follows the end"),
        (["a", "stranger", "b"], 2, "identity: a word of another sentence"),
    ] {
        let store = stored(&words).await;
        let error = store.recover::<Sentence>(&name()).await.unwrap_err();
        let Error::InvalidSequence { stream_version, reason: found, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!((stream_version.get(), found.as_str()), (version, reason));
    }
    let error = stored(&["bad"]).await.recover::<Sentence>(&name()).await.unwrap_err();
    assert!(matches!(error, Error::InvalidState { .. }), "{error}");
}

#[tokio::test]
async fn an_undecodable_event_stops_with_its_location() {
    let store = stored(&["a"]).await;
    let raw = |json: &str| RawValue::from_string(json.into()).unwrap();
    let corrupt = NewEvent::raw("contract.noted", EventVersion::FIRST, raw(r#"{"text":[1]}"#));
    store.append(&name(), ExpectedVersion::Any, [corrupt]).await.unwrap();
    let error = store.recover::<Sentence>(&name()).await.unwrap_err();
    let Error::Deserialization { at: Some(location), .. } = &error else { panic!("{error}") };
    assert_eq!((location.stream_version.get(), &location.stream_id), (2, &name()));

    let unknown = NewEvent::raw("contract.unknown", EventVersion::FIRST, raw("{}"));
    let newer = NewEvent::raw("contract.noted", EventVersion::new(2), raw("{}"));
    store.append(&name(), ExpectedVersion::Any, [unknown, newer]).await.unwrap();
    let recovered = store.recover::<Sentence>(&name()).report_problems().await.unwrap();
    assert_eq!((recovered.report.read, recovered.report.applied), (4, 1));
    let kinds: Vec<_> = recovered.report.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Corrupt; 3]);
    let report = recovered.report.to_string();
    assert!(report.contains("`text`"), "{report}");
}

/// Returns a fixed list of events, which need not form a valid stream.
#[derive(Debug)]
struct FixedEvents(Vec<RecordedEvent>, MemoryAdapter);

/// Each event is (stream version, position, metadata).
fn fixed_events(events: &[(u64, u64, &str)]) -> EventStore {
    let events = events.iter().map(|(version, position, metadata)| {
        RecordedEvent::from_parts(RecordedParts {
            tenant: Tenant::default(),
            stream_id: name(),
            stream_version: StreamVersion::new(*version),
            position: Position::new(*position),
            event_id: id(*position),
            event_type: "contract.noted".into(),
            event_version: EventVersion::FIRST,
            data: RawValue::from_string(format!(r#"{{"text":"w{version}"}}"#)).unwrap(),
            metadata: Metadata::from_json(*metadata).unwrap(),
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        })
    });
    EventStore::new(Arc::new(FixedEvents(events.collect(), MemoryAdapter::new()))).unwrap()
}

fn id(n: u64) -> EventId {
    EventId::from_uuid(uuid::Uuid::from_u128(u128::from(n)))
}

async fn first_problem(events: &[(u64, u64, &str)]) -> (u64, String) {
    let error = fixed_events(events).recover::<Sentence>(&name()).await.unwrap_err();
    let Error::InvalidSequence { stream_version, reason, .. } = error else { panic!("{error}") };
    (stream_version.get(), reason)
}

#[tokio::test]
async fn gaps_and_wrong_order_are_reported() {
    let gap = first_problem(&[(1, 1, "{}"), (3, 2, "{}")]).await;
    assert_eq!(gap, (3, "gap: expected version 2, found 3".into()));
    let start = first_problem(&[(2, 1, "{}")]).await;
    assert_eq!(start, (2, "gap: expected version 1, found 2".into()));
    let twice = first_problem(&[(1, 1, "{}"), (1, 2, "{}")]).await;
    assert_eq!(twice, (1, "order: found version 1, expected 2".into()));
    let position = first_problem(&[(1, 5, "{}"), (2, 5, "{}")]).await;
    assert_eq!(position.0, 2);
    assert!(position.1.starts_with("order: its position"), "{}", position.1);
}

#[tokio::test]
async fn a_cause_in_the_same_stream_must_come_before_its_effect() {
    let caused_by = |n: u64| format!(r#"{{"causation_id":"{}"}}"#, id(n));
    let valid = fixed_events(&[(1, 1, "{}"), (2, 2, &caused_by(1)), (3, 3, &caused_by(99))]);
    valid.recover::<Sentence>(&name()).await.unwrap();
    let later = first_problem(&[(1, 1, &caused_by(2)), (2, 2, "{}")]).await;
    assert_eq!(
        later,
        (2, "causality: version 1 names it as its cause, and comes before it".into())
    );
    let itself = first_problem(&[(1, 1, &caused_by(1))]).await;
    assert_eq!(itself, (1, "causality: it names itself as its cause".into()));
    // One message may lead to several appends, so that its id says nothing about the order of events.
    let by_source = r#"{"causation_id":"line-2","source_id":"line-1"}"#;
    let of_source = r#"{"causation_id":"line-2","source_id":"line-2"}"#;
    let twice = [(1, 1, by_source), (2, 2, of_source), (3, 3, r#"{"source_id":"line-2"}"#)];
    fixed_events(&twice).recover::<Sentence>(&name()).await.unwrap();
    let one_line = r#"{"causation_id":"line-1","source_id":"line-1"}"#;
    fixed_events(&[(1, 1, one_line), (2, 2, one_line)]).recover::<Sentence>(&name()).await.unwrap();
}

#[tokio::test]
async fn report_problems_lists_every_problem() {
    let store = fixed_events(&[(1, 1, "{}"), (3, 3, "{}"), (3, 2, "{}"), (4, 4, "{}")]);
    let recovered = store.recover::<Sentence>(&name()).report_problems().await.unwrap();
    let problems: Vec<_> =
        recovered.report.problems.iter().map(|p| (p.kind, p.stream_version.get())).collect();
    assert_eq!(problems, [(ProblemKind::Gap, 3), (ProblemKind::Order, 3)]);
}

#[async_trait]
impl Adapter for FixedEvents {
    fn name(&self) -> &'static str {
        "fixed events"
    }

    async fn read_stream(
        &self,
        _: &TenantView,
        _: &StreamId,
        _: ReadOptions,
    ) -> Result<Vec<RecordedEvent>> {
        Ok(self.0.clone())
    }

    async fn commit(&self, _: &Commit) -> Result<Vec<Appended>> {
        read_only().await
    }

    async fn read_all(&self, _: &TenantView, _: &AllOptions) -> Result<Vec<RecordedEvent>> {
        read_only().await
    }

    async fn read_event(&self, _: &TenantView, _: EventId) -> Result<Option<RecordedEvent>> {
        read_only().await
    }

    async fn stream_info(&self, _: &TenantView, _: &StreamId) -> Result<Option<StreamInfo>> {
        read_only().await
    }

    async fn list_streams(&self, _: &TenantView, _: &ListOptions) -> Result<Vec<StreamInfo>> {
        read_only().await
    }

    async fn change_stream(
        &self,
        _: &Tenant,
        _: &StreamId,
        _: ExpectedVersion,
        _: StreamChange,
    ) -> Result<()> {
        read_only().await
    }

    async fn link(&self, _: &LinkEvents) -> Result<Appended> {
        read_only().await
    }

    async fn import(&self, _: &ImportBatch) -> Result<Imported> {
        read_only().await
    }

    async fn census(&self) -> Result<Vec<StoredVersion>> {
        read_only().await
    }

    fn live(&self) -> &dyn LiveLog {
        self.1.live()
    }

    async fn health(&self) -> Result<Health> {
        read_only().await
    }

    async fn close(&self) {}
}

fn read_only<'a, T>() -> BoxFuture<'a, Result<T>> {
    Box::pin(async { Err(Error::adapter("write", "the events are read-only")) })
}
