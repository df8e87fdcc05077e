//! [`Place`]: where a reader is in the log, and how it proves that the log is still the one that it has read.
//!
//! As long as the log stays in one epoch, a position is enough. In another one the reader looks up the last event that it
//! has seen, where appends go. When the log holds it, the reader continues behind it; when it does not, events that were
//! seen are gone, and the reader ends: to continue could mean to skip what was stored in their place.

use crate::adapter::{Checkpoint, LiveLog};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{EventId, Position};

/// A reader's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The epoch of the log in which it was reached.
    epoch: u64,
    /// Where the reader continues if it has seen no event yet.
    start: Position,
    /// The last event that was seen.
    seen: Option<(Position, EventId)>,
}

impl EventStore {
    /// Refuses a position that a caller names without an event, and that may be of a log that was replaced.
    pub(crate) fn check_bare(&self, name: &str, position: Position) -> Result<()> {
        if self.adapter().live().is_contested(position) {
            return Err(replaced(name, position));
        }
        Ok(())
    }

    /// The same for a position that was named in an epoch, and has been waited for since: the log of now is asked.
    pub(crate) async fn prove_bare(
        &self,
        name: &str,
        position: Position,
        since: u64,
    ) -> Result<()> {
        let operation = self.operation("verify_checkpoint", None);
        let now = operation.run(|_| self.adapter().live().place(position, since)).await?;
        let is_lost = now.is_lost(position, since, self.adapter().live().is_contested(position));
        if is_lost { Err(replaced(name, position)) } else { Ok(()) }
    }
}

fn replaced(name: &str, position: Position) -> Error {
    let reason = "it was reached in another log than the one of now".to_owned();
    Error::LogDiverged { name: name.to_owned(), position, expected: None, found: None, reason }
}

impl Place {
    /// A place that was reached without an event. The epoch is that of before the position was learned.
    pub(crate) const fn at(epoch: u64, start: Position) -> Self {
        Self { epoch, start, seen: None }
    }

    /// The place of a checkpoint.
    pub(crate) const fn of(epoch: u64, checkpoint: Checkpoint) -> Self {
        Self { epoch, start: checkpoint.position, seen: checkpoint.event }
    }

    pub(crate) const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nothing but a position is known.
    pub(crate) const fn is_unseen(&self) -> bool {
        self.seen.is_none()
    }

    /// Notes an event.
    pub(crate) const fn see(&mut self, position: Position, event_id: EventId) {
        self.seen = Some((position, event_id));
    }

    /// Proves the place in the epoch of now, and returns the position to continue after: that of the last event that was
    /// seen, since what lies between it and a later position may have become another. `name` is the reader's, for the
    /// error.
    pub(crate) async fn prove(&mut self, store: &EventStore, name: &str) -> Result<Position> {
        self.prove_event(store, name).await?;
        Ok(self.seen.map_or(self.start, |(position, _)| position))
    }

    /// Proves the place in the epoch of now, and says whether the last event that was seen is in the log. `name` is the
    /// reader's, for the error.
    pub(crate) async fn prove_event(&mut self, store: &EventStore, name: &str) -> Result<bool> {
        let (position, expected) = match self.seen {
            Some((position, event_id)) => (position, Some(event_id)),
            None => (self.start, None),
        };
        if position == Position::START {
            self.epoch = store.adapter().live().epoch();
            return Ok(false);
        }
        let live: &dyn LiveLog = store.adapter().live();
        let operation = store.operation("verify_checkpoint", None);
        let now = operation.run(|_| live.place(position, self.epoch)).await?;
        let is_there = expected.is_some() && expected == now.event;
        // Before `common` nothing was replaced: what is missing there was deleted.
        let is_common = position <= now.common && (expected.is_none() || now.event.is_none());
        if is_there || is_common {
            self.epoch = now.epoch;
            return Ok(is_there);
        }
        let reason = match (expected, now.event) {
            _ if position > now.last_assigned => {
                format!("no event was ever stored after {}", now.last_assigned)
            }
            (Some(expected), Some(found)) => {
                format!("event {found} is stored there, not {expected}")
            }
            (Some(expected), None) => {
                format!("event {expected}, the last one it has seen, is gone")
            }
            (None, _) => format!(
                "the log is known to be the same only up to {}, and the reader has seen no event that would prove more",
                now.common
            ),
        };
        let (name, found) = (name.to_owned(), now.event);
        metrics::counter!("event_store_log_diverged_total").increment(1);
        Err(Error::LogDiverged { name, position, expected, found, reason })
    }
}
