//! Commands: decisions that are repeated, and stored once.

use std::convert::Infallible;
use std::sync::Arc;

use event_core::ExpectedVersion::{Any, NoStream};
use event_core::{
    Aggregate, CommandId, DecideError, Decided, Error, EventStore, NewEvent, Outcome, Result,
    Scope, StreamId, StreamVersion, Tenant,
};
use tokio::sync::Barrier;

use super::decide::{KeptNotes, Note, Notes, meanwhile, note, unique};
use super::{Subject, append, everything, store};
use crate::Noted;

const REPEATS: usize = 20;

/// An order is placed once: its state refuses a second one.
fn place(notes: &[String]) -> Result<Vec<Note>, &'static str> {
    if notes.iter().any(|note| note.starts_with("placed")) {
        return Err("it is placed already");
    }
    // What a closure draws at random is not drawn alike by a repeat.
    let text = format!("placed at random: {}", CommandId::new());
    Ok(vec![Note::new(text), Note::new("paid")])
}

async fn race<A>(
    store: &EventStore,
    stream: &StreamId,
    command: CommandId,
    notes: fn(&A) -> &[String],
) -> Vec<Decided<A>>
where
    A: Aggregate<Event = Note>,
{
    let barrier = Arc::new(Barrier::new(REPEATS));
    let tasks: Vec<_> = (0..REPEATS)
        .map(|_| {
            let (store, stream, barrier) = (store.clone(), stream.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                let decision = store.decide::<A>(&stream).command(command).retry(100);
                decision.run(|state: &A| place(notes(state))).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap().map_err(|error| error.to_string()).unwrap());
    }
    answers
}

pub async fn racing_repeats_of_a_command_store_it_once(adapter: Subject) {
    let store = store(&adapter);
    for before in [0, 4] {
        let stream = unique("raced");
        if before > 0 {
            append(&store, stream.as_str(), NoStream, Noted::many(before)).await;
        }
        let stored = everything(&store).await.len();
        let answers = race::<Notes>(&store, &stream, CommandId::new(), |notes| &notes.0).await;
        assert_once(&answers, before + 2);
        assert_eq!(everything(&store).await.len(), stored + 2);
    }
    // Beside other writers, and with snapshots that contain the events of the command.
    let stream = unique("crowded");
    append(&store, stream.as_str(), NoStream, Noted::many(4)).await;
    let writer = tokio::spawn({
        let (store, stream) = (store.clone(), stream.clone());
        async move {
            for _ in 0..20 {
                store.append(&stream, Any, Noted::many(1)).await.unwrap();
            }
        }
    });
    let answers = race::<KeptNotes>(&store, &stream, CommandId::new(), |notes| &notes.0).await;
    writer.await.unwrap();
    let version = usize::try_from(answers[0].stream_version.get()).unwrap();
    assert_once(&answers, version);
    assert_eq!(store.stream_version(&stream).await.unwrap().get(), 26);
}

fn assert_once<A: PartialEq + std::fmt::Debug>(answers: &[Decided<A>], version: usize) {
    let first = &answers[0];
    for answer in answers {
        assert_eq!((&answer.state, answer.events), (&first.state, 2));
        assert_eq!(answer.stream_version, StreamVersion::new(version as u64));
    }
    let stored = answers.iter().filter(|answer| answer.outcome == Outcome::Stored).count();
    assert_eq!(stored, 1);
}

/// Repeats a command that must not be decided.
async fn repeat<A: Aggregate<Event = Note>>(
    store: &EventStore,
    stream: &StreamId,
    command: CommandId,
) -> Result<Decided<A>, DecideError<Infallible>> {
    let decision = store.decide::<A>(stream).command(command);
    decision.run(|_| panic!("a repeat is not decided")).await
}

pub async fn a_repeated_command_is_answered_as_the_first_time(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("repeated");
    append(&store, stream.as_str(), NoStream, Noted::many(3)).await;
    let command = CommandId::named(stream.as_str());
    let decision = store.decide::<KeptNotes>(&stream).command(command);
    let first = decision.run(|notes| place(&notes.0)).await.unwrap();
    assert_eq!((first.events, first.tries, first.outcome), (2, 1, Outcome::Stored));
    let expected = |found: &Decided<KeptNotes>| {
        assert_eq!(found.state, first.state);
        assert_eq!((found.stream_version, found.events), (first.stream_version, first.events));
        assert_eq!((found.tries, found.outcome), (0, Outcome::AlreadyStored));
    };
    expected(&repeat(&store, &stream, command).await.unwrap());
    // The stream goes on, a later snapshot is taken, and the stream is archived.
    append(&store, stream.as_str(), Any, Noted::many(200)).await;
    expected(&repeat(&store, &stream, command).await.unwrap());
    store.snapshot::<KeptNotes>(&stream).await.unwrap();
    expected(&repeat(&store, &stream, command).await.unwrap());
    store.archive_stream(&stream, Any).await.unwrap();
    expected(&repeat(&store, &stream, command).await.unwrap());
    assert_eq!(everything(&store).await.len(), 205);
}

pub async fn a_command_without_events_is_not_remembered(adapter: Subject) {
    let store = store(&adapter);
    let (stream, command) = (unique("nothing"), CommandId::new());
    for tries in 1..=2 {
        let decision = store.decide::<Notes>(&stream).command(command);
        let decided = decision.run(|_| Ok::<_, Infallible>(Vec::new())).await.unwrap();
        assert_eq!((decided.events, decided.tries), (0, 1), "try {tries}");
    }
    let decision = store.decide::<Notes>(&stream).command(command);
    let decided = decision.run(note("now")).await.unwrap();
    assert_eq!((decided.events, decided.outcome), (1, Outcome::Stored));
}

#[track_caller]
fn assert_misused<T: std::fmt::Debug, E: std::fmt::Debug>(
    result: Result<T, DecideError<E>>,
    words: &str,
) {
    match result.unwrap_err() {
        DecideError::Store(error @ Error::EventIdConflict { .. }) => {
            assert!(error.to_string().contains(words), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

pub async fn a_command_id_belongs_to_one_decision(adapter: Subject) {
    let store = store(&adapter);
    let (stream, other, command) = (unique("one"), unique("other"), CommandId::new());
    store.decide::<Notes>(&stream).command(command).run(note("first")).await.unwrap();
    // Another stream, existing or not: refused before it is decided.
    for events in [0, 2] {
        if events > 0 {
            append(&store, other.as_str(), NoStream, Noted::many(events)).await;
        }
        assert_misused(repeat::<Notes>(&store, &other, command).await, "on another stream");
        assert_misused(repeat::<KeptNotes>(&store, &other, command).await, "on another stream");
    }
    // Another tenant has commands of its own.
    let blue = store.with_scope(Scope::tenant(Tenant::new("blue").unwrap()));
    let decided = blue.decide::<Notes>(&other).command(command).run(note("blue")).await.unwrap();
    assert_eq!(decided.outcome, Outcome::Stored);

    // Two decisions on one version at the same time, which come to different numbers of events.
    for (first, second) in [(1, 2), (2, 1)] {
        let (stream, command) = (unique("raced"), CommandId::new());
        let notes = |count| Ok::<_, Infallible>((0..count).map(|_| Note::new("a")).collect());
        let raced = store.decide::<Notes>(&stream).command(command).run(|_| {
            let decision = store.decide::<Notes>(&stream).command(command);
            meanwhile(decision.run(|_| notes(first))).unwrap();
            notes(second)
        });
        assert_misused(raced.await, "with other events");
        assert_eq!(store.stream_version(&stream).await.unwrap().get(), first);
    }
    // One of two decisions that differ because they were made on different versions is the first, the other its repeat.
    let (stream, command) = (unique("moved"), CommandId::new());
    append(&store, stream.as_str(), NoStream, Noted::many(1)).await;
    let as_many = |notes: &Notes| notes.0.iter().map(|note| Note::new(note.clone())).collect();
    let moved = store.decide::<Notes>(&stream).command(command).run(|notes| {
        meanwhile(store.append(&stream, Any, Noted::many(1))).unwrap();
        let decision = store.decide::<Notes>(&stream).command(command);
        meanwhile(decision.run(|notes| Ok::<_, Infallible>(as_many(notes)))).unwrap();
        Ok::<_, Infallible>(as_many(notes))
    });
    let moved = moved.await.unwrap();
    assert_eq!((moved.events, moved.stream_version.get()), (2, 4));
    assert_eq!((moved.state.0.len(), moved.outcome), (4, Outcome::AlreadyStored));
}

pub async fn a_truncated_stream_is_decided_on_its_snapshot(adapter: Subject) {
    let store = store(&adapter);
    let (stream, command) = (unique("truncated"), CommandId::new());
    let decision = store.decide::<KeptNotes>(&stream).command(command);
    let first = decision.run(|notes| place(&notes.0)).await.unwrap();
    append(&store, stream.as_str(), Any, Noted::many(3)).await;
    store.snapshot::<KeptNotes>(&stream).await.unwrap();
    store.truncate_before(&stream, StreamVersion::new(6)).await.unwrap();

    let error = store.decide::<Notes>(&stream).run(note("blind")).await.unwrap_err();
    let DecideError::Store(Error::InvalidSequence { .. }) = error else { panic!("{error}") };
    let decided = store.decide::<KeptNotes>(&stream).run(note("sixth")).await.unwrap();
    assert_eq!((decided.state.0.len(), decided.stream_version.get()), (6, 6));
    // The ids of the command's events are known for ever; its state of then is gone.
    let again = store.decide::<KeptNotes>(&stream).command(command);
    let again = again.run(|_| Ok::<_, Infallible>(vec![Note::new("a"), Note::new("b")]));
    let again = again.await.unwrap();
    assert_eq!((again.stream_version, again.events), (first.stream_version, 2));
    assert_eq!((again.state.0.len(), again.outcome), (6, Outcome::AlreadyStored));
    assert_eq!(store.stream_version(&stream).await.unwrap().get(), 6);
}

pub async fn snapshots_are_taken_and_used_by_decisions(adapter: Subject) {
    let store = store(&adapter);
    let stream = unique("kept");
    let notes: Vec<NewEvent> = Noted::many(10);
    append(&store, stream.as_str(), NoStream, notes).await;
    store.decide::<KeptNotes>(&stream).run(note("eleventh")).await.unwrap();
    assert_eq!(super::decide::read(&stream).len(), 10);
    // The first decision has saved the state that it loaded.
    let decided = store.decide::<KeptNotes>(&stream).run(note("twelfth")).await.unwrap();
    assert_eq!(super::decide::read(&stream), [11]);
    assert_eq!((decided.state.0.len(), decided.stream_version.get()), (12, 12));
}
