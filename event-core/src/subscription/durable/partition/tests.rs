//! Delivery, acknowledgement and redelivery within one partition.

use super::*;
use crate::envelope::RecordedParts;
use crate::value::{EventVersion, Metadata, StreamVersion};

fn event(position: u64, stream: &str) -> RecordedEvent {
    sized(position, stream, 0)
}

/// An event whose payload has about this many bytes.
fn sized(position: u64, stream: &str, bytes: usize) -> RecordedEvent {
    RecordedEvent::from_parts(RecordedParts {
        tenant: Tenant::default(),
        stream_id: StreamId::new(stream).unwrap(),
        stream_version: StreamVersion::new(position),
        position: Position::new(position),
        event_id: EventId::new(),
        event_type: "noted".into(),
        event_version: EventVersion::FIRST,
        data: serde_json::value::RawValue::from_string(format!("\"{}\"", "x".repeat(bytes)))
            .unwrap(),
        metadata: Metadata::new(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
    })
}

fn partition(events: &[(u64, &str)]) -> (Partition, Instant) {
    let mut partition = Partition::new(1, Checkpoint::default(), 100, Instant::now());
    for (position, stream) in events {
        partition.buffer(event(*position, stream));
    }
    (partition, Instant::now())
}

/// Position and delivery tag of the next event.
fn deliver(partition: &mut Partition, now: Instant) -> Option<(u64, u32)> {
    partition.deliver(now).ok().map(|it| (it.event.position().get(), it.tag))
}

#[test]
fn the_checkpoint_moves_without_a_gap_in_whatever_order_events_are_acknowledged() {
    let (mut partition, now) = partition(&[(2, "a"), (3, "b"), (7, "c")]);
    while deliver(&mut partition, now).is_some() {}
    assert_eq!(partition.checkpoint().position.get(), 1);
    assert!(partition.acknowledge(Position::new(7), 0, now));
    assert!(partition.acknowledge(Position::new(3), 0, now));
    assert_eq!(partition.checkpoint().position.get(), 1);
    partition.note_read_up_to(Position::new(9), now);
    assert!(partition.acknowledge(Position::new(2), 0, now));
    assert!(!partition.acknowledge(Position::new(2), 0, now), "acknowledged twice");
    let checkpoint = partition.checkpoint();
    assert_eq!((checkpoint.position.get(), checkpoint.event.unwrap().0.get()), (9, 7));
}

#[test]
fn a_failed_event_is_redelivered_before_later_events_of_its_stream() {
    let (mut partition, now) = partition(&[(1, "a"), (2, "b"), (3, "a"), (4, "a")]);
    assert_eq!([1, 2, 3].map(|_| deliver(&mut partition, now).unwrap().0), [1, 2, 3]);
    partition.redeliver(Position::new(1), 0, Pause::Partition(Duration::from_millis(5)), now);
    assert!(!partition.acknowledge(Position::new(3), 0, now), "redelivered after the first");
    assert!(partition.acknowledge(Position::new(2), 0, now), "another stream continues");
    assert_eq!(partition.deliver(now).unwrap_err(), Some(now + Duration::from_millis(5)));
    let later = now + Duration::from_millis(5);
    assert_eq!(
        [1, 2, 3].map(|_| deliver(&mut partition, later).unwrap()),
        [(1, 1), (3, 1), (4, 0)]
    );
    partition.acknowledge_up_to(Position::new(4), later);
    assert_eq!(partition.checkpoint().position.get(), 4);
    assert!(!partition.is_busy());
}

#[test]
fn each_acknowledgement_makes_room_for_one_event() {
    let mut partition = Partition::new(1, Checkpoint::default(), 2, Instant::now());
    for position in 1..=3 {
        partition.buffer(event(position, "a"));
    }
    let now = Instant::now();
    assert_eq!([1, 2].map(|_| deliver(&mut partition, now).unwrap().0), [1, 2]);
    assert!(deliver(&mut partition, now).is_none(), "the window is in flight");
    assert!(partition.full);
    assert!(partition.acknowledge(Position::new(2), 0, now), "in any order");
    assert_eq!(deliver(&mut partition, now).unwrap().0, 3);
    assert!(deliver(&mut partition, now).is_none(), "the window is in flight");
    partition.acknowledge_up_to(Position::new(1), now);
    assert!(!partition.full, "the reader fetches as soon as one is acknowledged");
    let first = partition.unsaved_checkpoint().unwrap();
    assert_eq!(first.position.get(), 2);
    partition.requeue(Position::new(3), 0);
    assert_eq!(deliver(&mut partition, now), Some((3, 1)));
    partition.acknowledge_up_to(Position::new(3), now);
    let saved = partition.unsaved_checkpoint().unwrap();
    assert_eq!(partition.unsaved.handled(), 3);
    partition.mark_saved(saved, partition.unsaved, now);
    assert_eq!((partition.unsaved_checkpoint(), partition.dirty_since), (None, None));
}

#[test]
fn an_event_that_is_not_acknowledged_holds_up_its_partition_after_some_windows() {
    let mut partition = Partition::new(1, Checkpoint::default(), 2, Instant::now());
    for position in 1..=20 {
        partition.buffer(event(position, "a"));
    }
    let now = Instant::now();
    assert_eq!(deliver(&mut partition, now).unwrap().0, 1);
    let mut others = 0;
    while let Some((position, tag)) = deliver(&mut partition, now) {
        assert!(partition.acknowledge(Position::new(position), tag, now));
        others += 1;
    }
    assert_eq!(others, 7);
    assert!(partition.acknowledge(Position::new(1), 0, now));
    assert_eq!(deliver(&mut partition, now).unwrap().0, 9);
}

#[test]
fn large_events_fill_a_partition_before_its_window_is_full() {
    let mut partition = Partition::new(1, Checkpoint::default(), 100, Instant::now());
    let now = Instant::now();
    let mut buffered = 0;
    while partition.has_room(false) {
        buffered += 1;
        partition.buffer(sized(buffered, "a", 1 << 20));
    }
    assert!(buffered <= 4 && partition.full, "{buffered}");
    assert!(!partition.has_room(true));
    for _ in 0..buffered {
        assert!(deliver(&mut partition, now).is_some());
    }
    partition.acknowledge_up_to(Position::new(buffered), now);
    assert!(partition.has_room(true) && !partition.full);
    assert_eq!(partition.bytes(), 0);
}

#[test]
fn a_failed_event_holds_up_its_stream_only() {
    let events = [(2, "a"), (3, "b"), (4, "a"), (5, "c"), (6, "b")];
    let (mut partition, now) = partition(&events);
    let first = partition.deliver(now).unwrap();
    let pause = Pause::Stream(Duration::from_mins(1));
    partition.redeliver(first.event.position(), first.tag, pause, now);
    let later = now + Duration::from_mins(1);
    // Whatever is delivered meanwhile is of another stream, and once the pause is over, it comes first.
    while let Ok(delivery) = partition.deliver(now) {
        assert_ne!(delivery.event.stream_id(), first.event.stream_id());
        assert!(partition.acknowledge(delivery.event.position(), delivery.tag, now));
    }
    assert_eq!(partition.deliver(now).unwrap_err(), Some(later));
    assert!(partition.checkpoint().position < first.event.position());
    let again = partition.deliver(later).unwrap();
    assert_eq!((again.event.position(), again.attempt), (first.event.position(), 2));
}

#[test]
fn what_was_parked_or_skipped_does_not_count_as_handled() {
    let (mut partition, now) = partition(&[(1, "a"), (2, "a"), (3, "a")]);
    while deliver(&mut partition, now).is_some() {}
    partition.skip(Position::new(3), 0, now);
    assert_eq!(partition.unsaved, Unsaved { passed: 0, aside: 0, skipped: 1 });
    partition.start_parking(Position::new(1), 0);
    partition.finish_parking(Position::new(1), now);
    assert!(partition.acknowledge(Position::new(2), 0, now));
    assert_eq!(partition.unsaved, Unsaved { passed: 3, aside: 2, skipped: 1 });
    assert_eq!(partition.unsaved.handled(), 1);
}

#[test]
fn replays_fill_the_window_and_are_few_when_they_are_large() {
    let mut partition = Partition::new(1, Checkpoint::default(), 2, Instant::now());
    let now = Instant::now();
    let mut buffered = 0;
    while partition.has_room_for_replays() {
        buffered += 1;
        partition.buffer_replay(event(buffered, "a"), 1);
    }
    assert_eq!(buffered, 2);
    partition.buffer(event(9, "a"));
    assert_eq!([1, 2].map(|_| deliver(&mut partition, now).unwrap().0), [1, 2]);
    assert!(deliver(&mut partition, now).is_none(), "the window is in flight");
    assert_eq!(partition.finish_replay(Position::new(1)), Some(2));
    assert_eq!(deliver(&mut partition, now).unwrap().0, 9);

    let mut partition = Partition::new(1, Checkpoint::default(), 100, Instant::now());
    let mut buffered = 0;
    while partition.has_room_for_replays() {
        buffered += 1;
        partition.buffer_replay(sized(buffered, "a", 1 << 20), 1);
    }
    assert!(buffered <= 4, "{buffered}");
    assert!(partition.bytes() > 3 << 20);
}
