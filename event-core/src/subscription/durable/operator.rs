//! What an operator does to a durable subscription: pause, reset, delete, inspect and replay parked events.

use super::DurableSubscription;
use crate::adapter::ParkedEvent;
use crate::error::Result;
use crate::subscription::StartFrom;
use crate::value::Position;

/// The page size of [`DurableSubscription::parked`].
const PARKED_PAGE: u32 = 1_000;

impl DurableSubscription {
    /// Pauses the subscription: its consumers lose their partitions and wait until it is resumed.
    ///
    /// # Errors
    /// [`Error::Subscription`](crate::Error::Subscription) with `NotFound`;
    /// [`Error::Connection`](crate::Error::Connection).
    pub async fn pause(&self) -> Result<()> {
        let (operation, key, checkpoints) = self.begin("pause_subscription")?;
        operation.run(|_| checkpoints.pause(&key, true)).await
    }

    /// Resumes the subscription: its consumers take partitions again.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn resume(&self) -> Result<()> {
        let (operation, key, checkpoints) = self.begin("resume_subscription")?;
        operation.run(|_| checkpoints.pause(&key, false)).await
    }

    /// Sets every checkpoint to a position, forward or back, even while the subscription is consumed: the events between
    /// are skipped, or redelivered.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn reset(&self, to: StartFrom) -> Result<()> {
        let (operation, key, checkpoints) = self.begin("reset_subscription")?;
        let position = operation.check(to.position(&self.store, &self.name).await)?;
        operation.run(|_| checkpoints.reset(&key, position)).await
    }

    /// Deletes the subscription with its checkpoints and parked events; its consumers end with `NotFound`, or with `Replaced`
    /// if a subscription of the name is opened again before they notice.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn delete(&self) -> Result<()> {
        let (operation, key, checkpoints) = self.begin("delete_subscription")?;
        operation.run(|_| checkpoints.delete(&key)).await
    }

    /// Returns the parked events after a position, in order, at most 1 000.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn parked(&self, after: Position) -> Result<Vec<ParkedEvent>> {
        let (operation, key, checkpoints) = self.begin("list_parked")?;
        operation.run(|_| checkpoints.parked(&key, None, false, after, PARKED_PAGE)).await
    }

    /// Marks one parked event, or all, to be handled again, and returns how many were marked. Consumers handle them within
    /// a third of the lease, out of the order of their streams; an event that fails again stays parked.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn replay(&self, position: Option<Position>) -> Result<u64> {
        let (operation, key, checkpoints) = self.begin("replay_parked")?;
        operation.run(|_| checkpoints.replay(&key, position)).await
    }
}
