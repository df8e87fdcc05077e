//! Delivery, acknowledgement and redelivery within one partition.

use super::*;
use crate::envelope::RecordedParts;
use crate::value::{EventVersion, Metadata, StreamId, StreamVersion, Tenant};

fn event(position: u64, stream: &str) -> RecordedEvent {
    RecordedEvent::from_parts(RecordedParts {
        tenant: Tenant::default(),
        stream_id: StreamId::new(stream).unwrap(),
        stream_version: StreamVersion::new(position),
        position: Position::new(position),
        event_id: EventId::new(),
        event_type: "noted".into(),
        event_version: EventVersion::FIRST,
        data: serde_json::value::RawValue::from_string("{}".into()).unwrap(),
        metadata: Metadata::new(),
        recorded_at: chrono::DateTime::UNIX_EPOCH,
    })
}

fn partition(events: &[(u64, &str)]) -> (Partition, Instant) {
    let mut partition = Partition::new(1, Checkpoint::default(), 100);
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
    partition.redeliver(Position::new(1), 0, Duration::from_millis(5), now);
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
fn a_full_partition_delivers_its_window_and_buffers_again_when_half_of_it_is_free() {
    let mut partition = Partition::new(1, Checkpoint::default(), 2);
    for position in 1..=3 {
        partition.buffer(event(position, "a"));
    }
    let now = Instant::now();
    assert_eq!([1, 2].map(|_| deliver(&mut partition, now).unwrap().0), [1, 2]);
    assert!(deliver(&mut partition, now).is_none(), "the window is in flight");
    partition.acknowledge_up_to(Position::new(1), now);
    assert!(partition.full);
    partition.acknowledge_up_to(Position::new(2), now);
    assert!(!partition.full);
    let first = partition.unsaved_checkpoint().unwrap();
    assert_eq!(first.position.get(), 2);
    assert_eq!(deliver(&mut partition, now).unwrap().0, 3);
    partition.requeue(Position::new(3), 0);
    assert_eq!(deliver(&mut partition, now), Some((3, 1)));
    partition.acknowledge_up_to(Position::new(3), now);
    let saved = partition.unsaved_checkpoint().unwrap();
    partition.mark_saved(saved, 3, 0, now);
    assert_eq!((partition.unsaved_checkpoint(), partition.dirty_since), (None, None));
}
