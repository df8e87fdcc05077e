//! Which positions were ever assigned: what tells a position of this log from one of another.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::store::EventStore;
use crate::value::Position;

/// How long an answer of the backend is trusted. Thousands of subscriptions that start together then cost one question;
/// longer would let an answer outlive a failover.
const TRUSTED: Duration = Duration::from_millis(500);

/// The last answer, when it was given, and the epoch of the log before it was asked for.
#[derive(Debug, Default)]
pub(super) struct Assigned(Mutex<Option<(Instant, u64, Position)>>);

impl EventStore {
    /// The last position that was ever assigned, or an answer of the last half second if it covers a position.
    pub(crate) async fn last_assigned(&self, covering: Position) -> Result<Position> {
        let cache = &self.shared.assigned.0;
        let known = *cache.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.shared.adapter.live();
        let now = live.epoch();
        if let Some((at, epoch, position)) = known
            && covering <= position
            && epoch == now
            && at.elapsed() < TRUSTED
        {
            return Ok(position);
        }
        let asked = Instant::now();
        let position = self.operation("last_assigned", None).run(|_| live.last_assigned()).await?;
        *cache.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, now, position));
        Ok(position)
    }
}
