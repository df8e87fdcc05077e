//! Decisions: loaded, decided, appended, and decided again after a conflict on the later events alone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::aggregate::Violation;
use event_core::registry::Registration;
use event_core::shape::{Form, Shapes};
use event_core::{
    Aggregate, AnyEvent, DecideError, Decided, Delete, Error, EventId, EventSet, EventStore,
    NewEvent, Outcome, ReadOptions, RecordedEvent, Result, Scope, Shape, Snapshots, StreamId,
    Tenant,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::{Subject, append, everything, store, stream};
use crate::Noted;

/// A closed set of one event.
pub(super) struct Note(Noted);

impl Note {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(Noted::new(text))
    }

    pub(super) fn text(&self) -> &str {
        &self.0.text
    }
}

impl From<Note> for NewEvent {
    fn from(note: Note) -> Self {
        note.0.into()
    }
}

impl EventSet for Note {
    const TYPES: &'static [&'static str] = &["contract.noted"];
    const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Noted>()];

    fn decode(recorded: &RecordedEvent) -> Result<Self> {
        recorded.decode().map(Self)
    }

    fn as_event(&self) -> Option<&dyn AnyEvent> {
        Some(&self.0)
    }
}

/// The versions that were read of each stream, in order.
static READ: Mutex<BTreeMap<String, Vec<u64>>> = Mutex::new(BTreeMap::new());

/// Takes the versions that were read of a stream since the last call.
pub(super) fn read(stream_id: &StreamId) -> Vec<u64> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.remove(stream_id.as_str()).unwrap_or_default()
}

macro_rules! notes {
    ($name:ident, $snapshots:expr) => {
        /// All notes of a stream. `check` sees each event that is read.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub(super) struct $name(pub(super) Vec<String>);

        impl Shape for $name {
            fn shape(_: &mut Shapes) -> Form {
                Form::fixed("the notes of the contract")
            }
        }

        impl Aggregate for $name {
            type Event = Note;
            const SNAPSHOTS: Option<Snapshots<Self>> = $snapshots;

            fn check(&self, _: &Note, recorded: &RecordedEvent) -> Result<(), Violation> {
                let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
                let versions = read.entry(recorded.stream_id().as_str().to_owned()).or_default();
                versions.push(recorded.stream_version().get());
                Ok(())
            }

            fn apply(&mut self, event: Note) {
                self.0.push(event.0.text);
            }
        }
    };
}

notes!(Notes, None);
notes!(KeptNotes, Some(Snapshots::new("contract.notes", 1).every(3)));

/// A name that no other test has.
pub(super) fn unique(category: &str) -> StreamId {
    stream(&format!("{category}-{}", EventId::new()))
}

/// What a closure does while it decides: another writer's call, which is done when this returns.
pub(super) fn meanwhile<F: Future>(work: F) -> F::Output {
    block_in_place(|| Handle::current().block_on(work))
}

/// A decision of one note.
pub(super) fn note<A>(text: &str) -> impl FnMut(&A) -> Result<Vec<Note>, Infallible> + Send {
    move |_| Ok(vec![Note::new(text)])
}

fn store_error<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, DecideError<E>>) -> Error {
    match result.unwrap_err() {
        DecideError::Store(error) => error,
        DecideError::Refused(reason) => panic!("refused: {reason:?}"),
    }
}

pub async fn decides_on_the_state_of_a_missing_and_of_an_existing_stream(adapter: Subject) {
    let scope = Scope::tenant(Tenant::new("red").unwrap()).correlation("request-1");
    let store = store(&adapter).with_scope(scope);
    let stream = unique("decided");
    let count = |notes: &Notes| -> Result<Vec<Note>, Infallible> {
        let at = notes.0.len();
        Ok(vec![Note::new(format!("note {at}")), Note::new(format!("note {}", at + 1))])
    };
    for decision in 0..3 {
        let decided = store.decide::<Notes>(&stream).run(count).await.unwrap();
        let events = 2 * (decision + 1);
        assert_eq!(decided.state.0.len(), events);
        assert_eq!(decided.stream_version.get(), events as u64);
        assert_eq!((decided.events, decided.tries, decided.outcome), (2, 1, Outcome::Stored));
        let recovered = store.recover::<Notes>(&stream).await.unwrap();
        assert_eq!(recovered.state, decided.state);
    }
    let page = store.read_stream(&stream, ReadOptions::forward()).await.unwrap();
    assert!(page.iter().all(|event| event.metadata().correlation_id().unwrap() == "request-1"));

    // A decision without events leaves no trace, and neither does one of a missing stream.
    for (stream, version) in [(stream, 6), (unique("nothing"), 0)] {
        let nothing = |_: &Notes| Ok::<_, Infallible>(Vec::new());
        let decided = store.decide::<Notes>(&stream).run(nothing).await.unwrap();
        assert_eq!((decided.stream_version.get(), decided.events, decided.tries), (version, 0, 1));
        assert_eq!(decided.state.0.len() as u64, version);
        assert_eq!(store.stream_version(&stream).await.unwrap().get(), version);
    }
    assert_eq!(everything(&store).await.len(), 6);
}

pub async fn what_refuses_a_decision_reaches_its_caller(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("refused");
    append(&store, stream.as_str(), NoStream, Noted::many(1)).await;
    let decided = store.decide::<Notes>(&stream).run(|notes| Err(notes.0.len())).await;
    assert_eq!(decided.unwrap_err().refused(), Some(1));
    // An event that breaks its rules is the store's refusal, with its index.
    let invalid = |_: &Notes| Ok::<_, Infallible>(vec![Note::new("a"), Note::new("")]);
    let error = store_error(store.decide::<Notes>(&stream).run(invalid).await);
    assert!(matches!(error, Error::InvalidEventData { index: Some(1), .. }), "{error}");
    let all = store.all_tenants();
    let unbound = store_error(all.decide::<Notes>(&stream).run(note("a")).await);
    assert_eq!(unbound.code(), "invalid_event_data");
    assert_eq!(everything(&store).await.len(), 1);
}

/// Another writer's append to a stream.
fn interfere(store: &EventStore, stream: &StreamId) {
    meanwhile(store.append(stream, Any, Noted::many(1))).unwrap();
}

pub async fn a_conflict_is_decided_again_on_the_later_events_alone(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("conflict");
    append(&store, stream.as_str(), NoStream, Noted::many(50)).await;
    let mut seen = Vec::new();
    let decided = store.decide::<Notes>(&stream).run(|notes| {
        seen.push(notes.0.len());
        if seen.len() < 3 {
            interfere(&store, &stream);
        }
        Ok::<_, Infallible>(vec![Note::new("decided")])
    });
    let decided = decided.await.unwrap();
    assert_eq!((decided.tries, decided.events, decided.stream_version.get()), (3, 1, 53));
    assert_eq!(seen, [50, 51, 52]);
    assert_eq!(read(&stream), (1..=52).collect::<Vec<_>>(), "each event is read once");
    assert_eq!(decided.state, store.recover::<Notes>(&stream).await.unwrap().state);

    // The same on a stream that another writer creates meanwhile.
    let created = unique("created");
    let mut tries = 0;
    let decided = store.decide::<Notes>(&created).run(|notes| {
        tries += 1;
        if tries == 1 {
            assert!(notes.0.is_empty());
            interfere(&store, &created);
        }
        Ok::<_, Infallible>(vec![Note::new("decided")])
    });
    let decided = decided.await.unwrap();
    assert_eq!((decided.tries, decided.state.0.len(), decided.stream_version.get()), (2, 2, 2));
}

pub async fn a_decision_that_always_conflicts_ends(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("endless");
    append(&store, stream.as_str(), NoStream, Noted::many(1)).await;
    let before = store.stream_version(&stream).await.unwrap().get();
    for (decision, tries, words) in [
        (store.decide::<Notes>(&stream), 4, "decided 4 times, on versions 1 to 4"),
        (store.decide::<Notes>(&stream).retry(1), 2, "decided 2 times, on versions 5 to 6"),
        (store.decide::<Notes>(&stream).retry(0), 1, "decided once, on version 7"),
    ] {
        let mut ran = 0;
        let decided = decision.run(|_| {
            ran += 1;
            interfere(&store, &stream);
            Ok::<_, Infallible>(vec![Note::new("late")])
        });
        let error = store_error(decided.await);
        assert_eq!(ran, tries);
        assert!(error.to_string().contains(words), "{error}");
        let Error::WrongExpectedVersion { actual, context, .. } = &error else { panic!("{error}") };
        let counted = context.tries().unwrap();
        assert_eq!((counted.count, counted.last.next()), (tries, *actual));
        assert!(context.scope().is_some());
    }
    let texts = store.recover::<Notes>(&stream).await.unwrap().state.0;
    assert_eq!(texts.len() as u64, before + 7);
    assert!(!texts.contains(&"late".to_owned()));
}

pub async fn a_decision_without_events_may_claim_the_version(adapter: Subject) {
    let store = store(&adapter);
    for claims in [false, true] {
        for stream in [unique("claimed"), unique("missing")] {
            if stream.category() == "claimed" {
                append(&store, stream.as_str(), NoStream, Noted::many(2)).await;
            }
            let decision = store.decide::<Notes>(&stream);
            let decision = if claims { decision.claim() } else { decision };
            let (mut seen, stored) = (Vec::new(), everything(&store).await.len());
            let decided = decision.run(|notes| {
                seen.push(notes.0.len() as u64);
                if seen.len() == 1 {
                    interfere(&store, &stream);
                }
                Ok::<_, Infallible>(Vec::new())
            });
            let decided = decided.await.unwrap();
            assert_eq!(seen.len(), if claims { 2 } else { 1 });
            assert_eq!(decided.stream_version.get(), seen[seen.len() - 1]);
            assert_eq!((decided.events, decided.tries as usize), (0, seen.len()));
            assert_eq!(everything(&store).await.len(), stored + 1);
        }
    }
}

pub async fn racing_decisions_lose_no_update(adapter: Subject) {
    const TASKS: usize = 64;
    let store = store(&adapter);
    let stream = unique("raced");
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (store, stream) = (store.clone(), stream.clone());
            tokio::spawn(async move {
                let decide = |notes: &KeptNotes| {
                    Ok::<_, Infallible>(vec![Note::new(format!("{} by {task}", notes.0.len()))])
                };
                store.decide::<KeptNotes>(&stream).retry(10_000).run(decide).await.unwrap()
            })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        let Decided { state, stream_version, events, outcome, .. } = task.await.unwrap();
        assert_eq!((events, outcome), (1, Outcome::Stored));
        assert_eq!(state.0.len() as u64, stream_version.get());
        versions.push(stream_version.get());
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=TASKS as u64).collect::<Vec<_>>());
    let notes = store.recover::<Notes>(&stream).await.unwrap().state.0;
    for (number, note) in notes.iter().enumerate() {
        assert!(note.starts_with(&format!("{number} by ")), "{note} is number {number}");
    }
}

pub async fn streams_that_refuse_appends_refuse_decisions(adapter: Subject) {
    let store = store(&adapter);
    let linked = NewEvent::from(Noted::new("linked"));
    let id = linked.id();
    append(&store, "linked", NoStream, vec![linked]).await;
    store.link(&stream("links"), NoStream, [id]).await.unwrap();
    for name in ["soft", "hard", "archived"] {
        append(&store, name, NoStream, Noted::many(2)).await;
    }
    store.delete_stream(&stream("soft"), Any, Delete::Soft).await.unwrap();
    store.delete_stream(&stream("hard"), Any, Delete::Hard).await.unwrap();
    store.archive_stream(&stream("archived"), Any).await.unwrap();
    for (name, code, decides) in [
        ("soft", "stream_deleted", false),
        ("hard", "stream_deleted", false),
        ("archived", "stream_archived", true),
        ("links", "mixed_stream", true),
    ] {
        for claims in [false, true] {
            let stream = stream(name);
            let decision = store.decide::<Notes>(&stream);
            let decision = if claims { decision.claim() } else { decision };
            let mut decided = false;
            let refused = decision.run(|_| {
                decided = true;
                let notes = if claims { Vec::new() } else { vec![Note::new("a")] };
                Ok::<_, Infallible>(notes)
            });
            assert_eq!(store_error(refused.await).code(), code, "{name}");
            assert_eq!(decided, decides, "{name}");
        }
    }
}

pub async fn a_closure_that_panics_leaves_nothing_broken(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("panics");
    append(&store, stream.as_str(), NoStream, Noted::many(2)).await;
    for _ in 0..4 {
        let (panicking, name) = (store.clone(), stream.clone());
        let task = tokio::spawn(async move {
            let decision = panicking.decide::<Notes>(&name);
            decision.run(|_| -> Result<Vec<Note>, Infallible> { panic!("on purpose") }).await
        });
        assert!(task.await.unwrap_err().is_panic());
    }
    let decided = store.decide::<Notes>(&stream).run(note("after")).await.unwrap();
    assert_eq!((decided.stream_version.get(), decided.state.0.len()), (3, 3));
}
