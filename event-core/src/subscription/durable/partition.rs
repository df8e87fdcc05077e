//! [`Partition`]: the events of one partition of a subscription on their way through a consumer, and how far all were handled.
//!
//! Pure: what happens when is said by the caller. Events come in order and may be answered in any; the checkpoint moves
//! over those that are done without a gap. What fails comes again before anything of its stream that was not done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::adapter::Checkpoint;
use crate::envelope::RecordedEvent;
use crate::value::{EventId, Position};

/// A partition that this consumer holds.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) token: u64,
    /// How far events were taken up, those that do not pass the filter left out.
    pub(super) read: Position,
    /// It takes up no more before half of its window is empty; the reader comes back for it.
    pub(super) full: bool,
    /// How many events may be out, or done behind one that is not.
    window: usize,
    /// It is given up as soon as nothing of it is under way.
    pub(super) leaving: bool,
    /// When what is done first differed from what is saved.
    pub(super) dirty_since: Option<Instant>,
    /// Done events since the last save.
    pub(super) unsaved: u64,
    /// Events left out since the last save.
    pub(super) skipped: u64,
    saved: Position,
    entries: VecDeque<Entry>,
    /// No entry before this one waits.
    waiting_from: usize,
    not_before: Option<Instant>,
    last_done: Option<(Position, EventId)>,
    /// Parked events that are handled again, beside the order.
    replays: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    event: Arc<RecordedEvent>,
    attempts: u32,
    /// Tells an answer to this delivery from one to an earlier.
    lap: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Out(Instant),
    /// It is being put aside.
    Parking,
    Done,
}

/// An event that is handed out.
#[derive(Debug, Clone)]
pub(super) struct Out {
    pub(super) event: Arc<RecordedEvent>,
    /// Which try it is, from 1.
    pub(super) attempt: u32,
    pub(super) lap: u32,
    pub(super) replay: bool,
}

impl Partition {
    pub(super) fn new(token: u64, checkpoint: Checkpoint, window: usize) -> Self {
        Self {
            token,
            read: checkpoint.position,
            full: false,
            window,
            leaving: false,
            dirty_since: None,
            unsaved: 0,
            skipped: 0,
            saved: checkpoint.position,
            entries: VecDeque::new(),
            waiting_from: 0,
            not_before: None,
            last_done: None,
            replays: VecDeque::new(),
        }
    }

    /// Takes up the next event. A page is taken up as a whole: what is left of it would be read again.
    pub(super) fn offer(&mut self, event: RecordedEvent) {
        self.read = event.position();
        let event = Arc::new(event);
        self.entries.push_back(Entry { event, attempts: 0, lap: 0, state: State::Waiting });
        self.full = self.entries.len() >= self.window;
    }

    /// Takes up a parked event again, until_cancelled it is there.
    pub(super) fn offer_replay(&mut self, event: RecordedEvent, attempts: u32) {
        if !self.replays.iter().any(|entry| entry.event.position() == event.position()) {
            let event = Arc::new(event);
            self.replays.push_back(Entry { event, attempts, lap: 0, state: State::Waiting });
        }
    }

    /// The next event to hand out; or how long to wait, if that is known.
    pub(super) fn take(&mut self, now: Instant) -> Result<Out, Option<Instant>> {
        if self.leaving {
            return Err(None);
        }
        if let Some(entry) = self.replays.iter_mut().find(|entry| entry.state == State::Waiting) {
            return Ok(entry.hand_out(now, true));
        }
        if let Some(later) = self.not_before.filter(|at| now < *at) {
            return Err(Some(later));
        }
        self.not_before = None;
        if self.waiting_from >= self.window {
            return Err(None);
        }
        while let Some(entry) = self.entries.get_mut(self.waiting_from) {
            self.waiting_from += 1;
            if entry.state == State::Waiting {
                return Ok(entry.hand_out(now, false));
            }
        }
        Err(None)
    }

    /// An event is done; `false` if the answer is too late: it is handed out again, or was answered.
    pub(super) fn done(&mut self, position: Position, lap: u32, now: Instant) -> bool {
        let Some(entry) = self.out(position, lap) else { return false };
        entry.state = State::Done;
        self.settle(now);
        true
    }

    /// All that is out up to a position is done.
    pub(super) fn done_up_to(&mut self, position: Position, now: Instant) {
        for entry in &mut self.entries {
            if entry.event.position() > position {
                break;
            }
            if matches!(entry.state, State::Out(_)) {
                entry.state = State::Done;
            }
        }
        self.settle(now);
    }

    /// How often a delivery was tried, if it is still the one that is out.
    pub(super) fn attempts(&mut self, position: Position, lap: u32) -> Option<u32> {
        self.out(position, lap).map(|entry| entry.attempts)
    }

    /// An event comes again after a pause, and so does what is out of its stream behind it.
    pub(super) fn again(&mut self, position: Position, lap: u32, pause: Duration, now: Instant) {
        if self.out(position, lap).is_none() {
            return;
        }
        let first = self.entries.partition_point(|entry| entry.event.position() < position);
        let Some(failed) = self.entries.get(first).map(|entry| Arc::clone(&entry.event)) else {
            return;
        };
        for entry in self.entries.iter_mut().skip(first) {
            let same = entry.event.stream_id() == failed.stream_id()
                && entry.event.tenant() == failed.tenant();
            if same && matches!(entry.state, State::Out(_)) {
                entry.state = State::Waiting;
                entry.lap += 1;
                if entry.event.position() > position {
                    // Its own try was not the one that failed.
                    entry.attempts = entry.attempts.saturating_sub(1);
                }
            }
        }
        self.waiting_from = self.waiting_from.min(first);
        self.not_before = Some(now + pause);
    }

    /// What was handed out but not begun comes again, as if it had not been.
    pub(super) fn put_back(&mut self, position: Position, lap: u32) {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        if let Some(entry) = self.out(position, lap) {
            entry.state = State::Waiting;
            entry.attempts -= 1;
            entry.lap += 1;
            self.waiting_from = self.waiting_from.min(at);
        }
    }

    /// An event is being put aside.
    pub(super) fn parking(&mut self, position: Position, lap: u32) {
        if let Some(entry) = self.out(position, lap) {
            entry.state = State::Parking;
        }
    }

    /// It was put aside, and so is done.
    pub(super) fn parked(&mut self, position: Position, now: Instant) {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        if let Some(entry) = self.entries.get_mut(at).filter(|e| e.event.position() == position) {
            entry.state = State::Done;
        }
        self.settle(now);
    }

    /// A replayed event was answered; how often it was tried in all, if it is still out.
    pub(super) fn replayed(&mut self, position: Position) -> Option<u32> {
        let at = self.replays.iter().position(|entry| entry.event.position() == position)?;
        self.replays.remove(at).map(|entry| entry.attempts)
    }

    /// Looked at up to a position: nothing in between is for this partition.
    pub(super) fn looked_up_to(&mut self, position: Position, now: Instant) {
        self.read = self.read.max(position);
        self.settle(now);
    }

    /// How far all was handled.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let position = match self.entries.front() {
            Some(entry) => Position::new(entry.event.position().get().saturating_sub(1)),
            None => self.read,
        };
        Checkpoint { position, event: self.last_done }
    }

    /// The checkpoint, if it is not saved.
    pub(super) fn unsaved(&self) -> Option<Checkpoint> {
        Some(self.checkpoint()).filter(|it| it.position > self.saved || self.skipped > 0)
    }

    /// A checkpoint was saved, with so many events done and left out at the time.
    pub(super) fn is_saved(&mut self, at: Checkpoint, unsaved: u64, skipped: u64, now: Instant) {
        self.saved = self.saved.max(at.position);
        self.unsaved -= unsaved.min(self.unsaved);
        self.skipped -= skipped.min(self.skipped);
        self.dirty_since = self.unsaved().map(|_| now);
    }

    /// Whether anything is handed out and not answered, or being put aside.
    pub(super) fn is_busy(&self) -> bool {
        let under_way = |entry: &Entry| matches!(entry.state, State::Out(_) | State::Parking);
        self.entries.iter().chain(&self.replays).any(under_way)
    }

    /// Deliveries that have been out since before a moment.
    pub(super) fn out_since(&self, moment: Instant) -> Vec<Out> {
        let late = |entry: &&Entry| matches!(entry.state, State::Out(since) if since < moment);
        let replays = self.replays.iter().filter(late).map(|entry| entry.out(true));
        self.entries.iter().filter(late).map(|entry| entry.out(false)).chain(replays).collect()
    }

    fn out(&mut self, position: Position, lap: u32) -> Option<&mut Entry> {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        self.entries.get_mut(at).filter(|entry| {
            entry.event.position() == position
                && entry.lap == lap
                && matches!(entry.state, State::Out(_))
        })
    }

    /// Moves over what is done without a gap.
    fn settle(&mut self, now: Instant) {
        while let Some(entry) = self.entries.front().filter(|entry| entry.state == State::Done) {
            self.last_done = Some((entry.event.position(), entry.event.event_id()));
            self.unsaved += 1;
            self.entries.pop_front();
            self.waiting_from = self.waiting_from.saturating_sub(1);
        }
        if self.entries.len() <= self.window / 2 {
            self.full = false;
        }
        if self.dirty_since.is_none() && self.unsaved().is_some() {
            self.dirty_since = Some(now);
        }
    }
}

impl Entry {
    fn hand_out(&mut self, now: Instant, replay: bool) -> Out {
        self.state = State::Out(now);
        self.attempts += 1;
        self.out(replay)
    }

    fn out(&self, replay: bool) -> Out {
        Out { event: Arc::clone(&self.event), attempt: self.attempts, lap: self.lap, replay }
    }
}

#[cfg(test)]
mod tests {
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
            partition.offer(event(*position, stream));
        }
        (partition, Instant::now())
    }

    fn take(partition: &mut Partition, now: Instant) -> Option<(u64, u32)> {
        partition.take(now).ok().map(|out| (out.event.position().get(), out.lap))
    }

    #[test]
    fn the_checkpoint_moves_without_a_gap_whatever_the_order_of_answers() {
        let (mut partition, now) = partition(&[(2, "a"), (3, "b"), (7, "c")]);
        while take(&mut partition, now).is_some() {}
        assert_eq!(partition.checkpoint().position.get(), 1);
        assert!(partition.done(Position::new(7), 0, now));
        assert!(partition.done(Position::new(3), 0, now));
        assert_eq!(partition.checkpoint().position.get(), 1);
        partition.looked_up_to(Position::new(9), now);
        assert!(partition.done(Position::new(2), 0, now));
        assert!(!partition.done(Position::new(2), 0, now), "answered twice");
        let checkpoint = partition.checkpoint();
        assert_eq!((checkpoint.position.get(), checkpoint.event.unwrap().0.get()), (9, 7));
    }

    #[test]
    fn what_fails_comes_again_before_what_is_behind_it_in_its_stream() {
        let (mut partition, now) = partition(&[(1, "a"), (2, "b"), (3, "a"), (4, "a")]);
        assert_eq!([1, 2, 3].map(|_| take(&mut partition, now).unwrap().0), [1, 2, 3]);
        partition.again(Position::new(1), 0, Duration::from_millis(5), now);
        assert!(!partition.done(Position::new(3), 0, now), "it comes again after the first");
        assert!(partition.done(Position::new(2), 0, now), "another stream goes on");
        assert_eq!(partition.take(now).unwrap_err(), Some(now + Duration::from_millis(5)));
        let later = now + Duration::from_millis(5);
        assert_eq!(
            [1, 2, 3].map(|_| take(&mut partition, later).unwrap()),
            [(1, 1), (3, 1), (4, 0)]
        );
        partition.done_up_to(Position::new(4), later);
        assert_eq!(partition.checkpoint().position.get(), 4);
        assert!(!partition.is_busy());
    }

    #[test]
    fn a_full_partition_hands_out_its_window_and_takes_up_again_when_half_of_it_is_empty() {
        let mut partition = Partition::new(1, Checkpoint::default(), 2);
        for position in 1..=3 {
            partition.offer(event(position, "a"));
        }
        let now = Instant::now();
        assert_eq!([1, 2].map(|_| take(&mut partition, now).unwrap().0), [1, 2]);
        assert!(take(&mut partition, now).is_none(), "the window is out");
        partition.done_up_to(Position::new(1), now);
        assert!(partition.full);
        partition.done_up_to(Position::new(2), now);
        assert!(!partition.full);
        let first = partition.unsaved().unwrap();
        assert_eq!(first.position.get(), 2);
        assert_eq!(take(&mut partition, now).unwrap().0, 3);
        partition.put_back(Position::new(3), 0);
        assert_eq!(take(&mut partition, now), Some((3, 1)));
        partition.done_up_to(Position::new(3), now);
        let saved = partition.unsaved().unwrap();
        partition.is_saved(saved, 3, 0, now);
        assert_eq!((partition.unsaved(), partition.dirty_since), (None, None));
    }
}
