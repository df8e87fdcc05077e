//! What an operator does to a durable subscription: pause, reset, delete.

use super::DurableSubscription;
use crate::error::Result;
use crate::subscription::StartFrom;

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
    /// are skipped, or redelivered. Redelivered events have their side effects again: mails are sent twice.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn reset(&self, to: StartFrom) -> Result<()> {
        let (operation, key, checkpoints) = self.begin("reset_subscription")?;
        operation.check(to.check_bare(&self.store, &self.name))?;
        let to = operation.check(to.in_log(&self.store, &self.name, &self.filter).await)?;
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
}
