//! [`Partition`]: the events of one partition that a consumer has buffered, and the checkpoint that follows from what
//! was acknowledged.
//!
//! A pure state machine: the caller passes the time. Events are buffered in order and may be acknowledged in any order;
//! the checkpoint moves over acknowledged events without a gap. A failed event is redelivered before any later
//! unacknowledged event of its stream.

mod replays;
mod unsaved;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use self::replays::Replays;
pub(super) use self::unsaved::Unsaved;
use crate::adapter::Checkpoint;
use crate::envelope::RecordedEvent;
use crate::value::{EventId, Position, StreamId, Tenant};

/// The size of the buffered events from which on a partition buffers no more, in bytes.
const MAX_BYTES: usize = 4 << 20;
/// The number of windows from the first event that is not acknowledged to the last that is delivered.
const WINDOWS_AHEAD: usize = 4;

/// A partition that this consumer holds the lease of.
#[derive(Debug)]
pub(super) struct Partition {
    /// The token of its lease.
    pub(super) token: u64,
    /// When its lease may end at the earliest: nothing is delivered after it.
    pub(super) valid_until: Instant,
    /// The position up to which the log was read for this partition, events that do not pass the filter included.
    pub(super) read_up_to: Position,
    /// The window is full: the reader skips this partition.
    pub(super) full: bool,
    /// The number of events that may be in flight.
    window: usize,
    /// The number of entries that are in flight or being parked.
    in_flight: usize,
    /// The number of entries that are acknowledged after one that is not.
    acknowledged: usize,
    /// The size of the entries.
    bytes: usize,
    /// The partition is released as soon as none of its events is in flight.
    pub(super) releasing: bool,
    /// When the checkpoint first differed from the saved one.
    pub(super) dirty_since: Option<Instant>,
    /// What has happened since the checkpoint was saved.
    pub(super) unsaved: Unsaved,
    saved: Position,
    entries: VecDeque<Entry>,
    /// The index before which no entry is ready.
    first_ready: usize,
    /// Nothing but replays is delivered before this: the pause after a failure.
    retry_at: Option<Instant>,
    /// The streams that a failed event holds up, each with the end of the pause.
    held: HashMap<(Tenant, StreamId), Instant>,
    last_acknowledged: Option<(Position, EventId)>,
    /// Parked events to handle again.
    replays: Replays,
}

#[derive(Debug)]
struct Entry {
    event: Arc<RecordedEvent>,
    attempts: u32,
    /// Counts the redeliveries: an acknowledgement with an older tag is void.
    tag: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// Delivered at this time, and not acknowledged.
    InFlight(Instant),
    /// Failed, and being written to the parked events.
    Parking,
    Acknowledged,
    /// Parked or skipped.
    Aside,
}

/// The pause after a failure, and what it holds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    Partition(Duration),
    Stream(Duration),
}

/// An event that was delivered.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    pub(super) event: Arc<RecordedEvent>,
    /// The number of the attempt, from 1.
    pub(super) attempt: u32,
    /// The delivery tag: which delivery of the event this is.
    pub(super) tag: u32,
    /// A parked event that is handled again.
    pub(super) replay: bool,
}

impl Partition {
    pub(super) fn new(
        token: u64,
        checkpoint: Checkpoint,
        window: usize,
        valid_until: Instant,
    ) -> Self {
        Self {
            token,
            valid_until,
            read_up_to: checkpoint.position,
            full: false,
            window,
            in_flight: 0,
            acknowledged: 0,
            bytes: 0,
            releasing: false,
            dirty_since: None,
            unsaved: Unsaved::default(),
            saved: checkpoint.position,
            entries: VecDeque::new(),
            first_ready: 0,
            retry_at: None,
            held: HashMap::new(),
            last_acknowledged: None,
            replays: Replays::default(),
        }
    }

    /// Buffers the next event. The caller buffers a page as a whole, beyond the window if need be: the rest of it would
    /// have to be read again. Its size is limited by [`has_room`](Self::has_room).
    pub(super) fn buffer(&mut self, event: RecordedEvent) {
        self.read_up_to = event.position();
        self.bytes += event.size();
        let event = Arc::new(event);
        self.entries.push_back(Entry { event, attempts: 0, tag: 0, state: State::Ready });
        self.look_for_room();
    }

    /// Whether another event may be buffered: always the first one, others as long as the events are small enough, and the
    /// consumer does not hold too much.
    pub(super) fn has_room(&self, scarce: bool) -> bool {
        self.entries.is_empty() || !scarce && self.bytes < MAX_BYTES
    }

    /// The size of the buffered events, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.replays.bytes()
    }

    fn look_for_room(&mut self) {
        let ahead = self.window.saturating_mul(WINDOWS_AHEAD);
        self.full = self.entries.len() - self.acknowledged >= self.window
            || self.entries.len() >= ahead
            || !self.has_room(false);
    }

    /// Whether another parked event may be buffered.
    pub(super) fn has_room_for_replays(&self) -> bool {
        self.replays.has_room(self.window)
    }

    /// Buffers a parked event that is to be handled again, unless it is buffered already.
    pub(super) fn buffer_replay(&mut self, event: RecordedEvent, attempts: u32) {
        self.replays.buffer(event, attempts);
    }

    /// Whether nothing more may be in flight.
    fn is_window_full(&self) -> bool {
        self.in_flight + self.replays.in_flight() >= self.window
    }

    /// Delivers the next event, replays first; `Err` says when to try again, if that is known.
    pub(super) fn deliver(&mut self, now: Instant) -> Result<InFlight, Option<Instant>> {
        if self.releasing {
            return Err(None);
        }
        if !self.is_window_full()
            && let Some(replay) = self.replays.deliver(now)
        {
            return Ok(replay);
        }
        if let Some(later) = self.retry_at.filter(|at| now < *at) {
            return Err(Some(later));
        }
        self.retry_at = None;
        if !self.held.is_empty() {
            return self.deliver_around_held(now);
        }
        let ahead = self.window.saturating_mul(WINDOWS_AHEAD);
        while !self.is_window_full()
            && self.first_ready < ahead
            && let Some(entry) = self.entries.get_mut(self.first_ready)
        {
            self.first_ready += 1;
            if entry.state == State::Ready {
                self.in_flight += 1;
                return Ok(entry.deliver(now, false));
            }
        }
        Err(None)
    }

    /// Delivers the next event of a stream that no failed event holds up.
    fn deliver_around_held(&mut self, now: Instant) -> Result<InFlight, Option<Instant>> {
        self.held.retain(|_, until| *until > now);
        let next_end = self.held.values().min().copied();
        if self.is_window_full() {
            return Err(next_end);
        }
        let ahead = self.window.saturating_mul(WINDOWS_AHEAD);
        let held = &self.held;
        let is_free = |event: &RecordedEvent| {
            held.is_empty()
                || !held.contains_key(&(event.tenant().clone(), event.stream_id().clone()))
        };
        let mut entries = self.entries.iter_mut().take(ahead).skip(self.first_ready);
        match entries.find(|it| it.state == State::Ready && is_free(&it.event)) {
            Some(entry) => {
                self.in_flight += 1;
                Ok(entry.deliver(now, false))
            }
            None => Err(next_end),
        }
    }

    /// Acknowledges an event; `false` if it is too late: the event was redelivered, or acknowledged before.
    pub(super) fn acknowledge(&mut self, position: Position, tag: u32, now: Instant) -> bool {
        self.finish(position, tag, State::Acknowledged, now)
    }

    /// The same for an event that the policy skips.
    pub(super) fn skip(&mut self, position: Position, tag: u32, now: Instant) {
        self.unsaved.skipped += 1;
        self.finish(position, tag, State::Aside, now);
    }

    fn finish(&mut self, position: Position, tag: u32, state: State, now: Instant) -> bool {
        let Some(entry) = self.in_flight(position, tag) else { return false };
        entry.state = state;
        self.in_flight -= 1;
        self.acknowledged += 1;
        self.advance(now);
        true
    }

    /// Acknowledges all events in flight up to a position.
    pub(super) fn acknowledge_up_to(&mut self, position: Position, now: Instant) {
        for entry in &mut self.entries {
            if entry.event.position() > position {
                break;
            }
            if matches!(entry.state, State::InFlight(_)) {
                entry.state = State::Acknowledged;
                self.in_flight -= 1;
                self.acknowledged += 1;
            }
        }
        self.advance(now);
    }

    /// Returns the attempts at an event, if this delivery of it is still in flight.
    pub(super) fn attempts(&mut self, position: Position, tag: u32) -> Option<u32> {
        self.in_flight(position, tag).map(|entry| entry.attempts)
    }

    /// Redelivers an event after a pause, and the later events of its stream that are in flight after it.
    pub(super) fn redeliver(&mut self, position: Position, tag: u32, pause: Pause, now: Instant) {
        if self.in_flight(position, tag).is_none() {
            return;
        }
        let first = self.entries.partition_point(|entry| entry.event.position() < position);
        let Some(failed) = self.entries.get(first).map(|entry| Arc::clone(&entry.event)) else {
            return;
        };
        for entry in self.entries.iter_mut().skip(first) {
            let same = entry.event.stream_id() == failed.stream_id()
                && entry.event.tenant() == failed.tenant();
            if same && matches!(entry.state, State::InFlight(_)) {
                entry.state = State::Ready;
                self.in_flight -= 1;
                entry.tag += 1;
                if entry.event.position() > position {
                    // It was not the one that failed: this delivery does not count as an attempt.
                    entry.attempts = entry.attempts.saturating_sub(1);
                }
            }
        }
        self.first_ready = self.first_ready.min(first);
        match pause {
            Pause::Partition(pause) => self.retry_at = Some(now + pause),
            Pause::Stream(pause) => {
                let stream = (failed.tenant().clone(), failed.stream_id().clone());
                self.held.insert(stream, now + pause);
            }
        }
    }

    /// Makes an event ready again that was delivered but whose handler was not called; no attempt is counted.
    pub(super) fn requeue(&mut self, position: Position, tag: u32) {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        if let Some(entry) = self.in_flight(position, tag) {
            entry.state = State::Ready;
            entry.attempts -= 1;
            entry.tag += 1;
            self.in_flight -= 1;
            self.first_ready = self.first_ready.min(at);
        }
    }

    /// Marks an event that is about to be parked.
    pub(super) fn start_parking(&mut self, position: Position, tag: u32) {
        if let Some(entry) = self.in_flight(position, tag) {
            entry.state = State::Parking;
        }
    }

    /// Acknowledges an event that is parked in the store.
    pub(super) fn finish_parking(&mut self, position: Position, now: Instant) {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        let parking = |e: &&mut Entry| e.event.position() == position && e.state == State::Parking;
        if let Some(entry) = self.entries.get_mut(at).filter(parking) {
            entry.state = State::Aside;
            self.in_flight -= 1;
            self.acknowledged += 1;
        }
        self.advance(now);
    }

    /// Removes a replayed event that was acknowledged or failed, and returns the attempts at it in all; `None` if it is
    /// no longer in flight.
    pub(super) fn finish_replay(&mut self, position: Position) -> Option<u32> {
        self.replays.finish(position)
    }

    /// Notes that the log was read up to a position, with no further event for this partition.
    pub(super) fn note_read_up_to(&mut self, position: Position, now: Instant) {
        self.read_up_to = self.read_up_to.max(position);
        self.advance(now);
    }

    /// The checkpoint: the position up to which every event was acknowledged.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let position = match self.entries.front() {
            Some(entry) => Position::new(entry.event.position().get().saturating_sub(1)),
            None => self.read_up_to,
        };
        Checkpoint { position, event: self.last_acknowledged }
    }

    /// The checkpoint, if it differs from the saved one.
    pub(super) fn unsaved_checkpoint(&self) -> Option<Checkpoint> {
        Some(self.checkpoint()).filter(|it| it.position > self.saved || self.unsaved.skipped > 0)
    }

    /// Notes that a checkpoint was saved, with what it covered at the time.
    pub(super) fn mark_saved(&mut self, at: Checkpoint, covered: Unsaved, now: Instant) {
        self.saved = self.saved.max(at.position);
        self.unsaved.subtract(covered);
        self.dirty_since = self.unsaved_checkpoint().map(|_| now);
    }

    /// Notes that the checkpoint could not be saved now: it is due again later.
    pub(super) fn postpone_save(&mut self, now: Instant) {
        self.dirty_since = self.unsaved_checkpoint().map(|_| now);
    }

    /// Whether no parked event is buffered.
    pub(super) fn has_no_replays(&self) -> bool {
        self.replays.is_empty()
    }

    /// Whether a parked event is buffered to be handled again.
    pub(super) fn has_replay(&self, position: Position) -> bool {
        self.replays.holds(position)
    }

    /// Whether any event is in flight, or being parked.
    pub(super) fn is_busy(&self) -> bool {
        let busy = |entry: &Entry| matches!(entry.state, State::InFlight(_) | State::Parking);
        self.entries.iter().chain(self.replays.iter()).any(busy)
    }

    /// The events that are in flight since before a moment.
    pub(super) fn in_flight_since_before(&self, moment: Instant) -> Vec<InFlight> {
        let overdue =
            |entry: &&Entry| matches!(entry.state, State::InFlight(since) if since < moment);
        let replays = self.replays.iter().filter(overdue).map(|entry| entry.delivered(true));
        let ordered = self.entries.iter().filter(overdue).map(|entry| entry.delivered(false));
        ordered.chain(replays).collect()
    }

    fn in_flight(&mut self, position: Position, tag: u32) -> Option<&mut Entry> {
        let at = self.entries.partition_point(|entry| entry.event.position() < position);
        self.entries.get_mut(at).filter(|entry| {
            entry.event.position() == position
                && entry.tag == tag
                && matches!(entry.state, State::InFlight(_))
        })
    }

    /// Moves the checkpoint over the finished events at the front.
    fn advance(&mut self, now: Instant) {
        while let Some(entry) = self.entries.front()
            && matches!(entry.state, State::Acknowledged | State::Aside)
        {
            self.unsaved.passed += 1;
            self.unsaved.aside += u64::from(entry.state == State::Aside);
            self.last_acknowledged = Some((entry.event.position(), entry.event.event_id()));
            self.bytes -= entry.event.size();
            self.acknowledged -= 1;
            self.entries.pop_front();
            self.first_ready = self.first_ready.saturating_sub(1);
        }
        self.look_for_room();
        if self.dirty_since.is_none() && self.unsaved_checkpoint().is_some() {
            self.dirty_since = Some(now);
        }
    }
}

impl Entry {
    fn deliver(&mut self, now: Instant, replay: bool) -> InFlight {
        self.state = State::InFlight(now);
        self.attempts += 1;
        self.delivered(replay)
    }

    fn delivered(&self, replay: bool) -> InFlight {
        InFlight { event: Arc::clone(&self.event), attempt: self.attempts, tag: self.tag, replay }
    }
}

#[cfg(test)]
mod tests;
