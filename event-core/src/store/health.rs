//! [`EventStore::health`] and [`EventStore::verify`]: the health check of a store, and the search for damage.

use crate::adapter::subscription_state::{self, SubscriptionInfo};
use crate::adapter::{Health, Verification};
use crate::error::Result;
use crate::store::{EventStore, Operation, RetryPolicy};

impl EventStore {
    /// Checks whether the store can be reached, how fast it answers, and what blocks its readers, and how its
    /// subscriptions are. Never retried, as it serves health checks.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// let store = event_core::EventStore::in_memory()?;
    /// let health = store.health().await?;
    /// assert!(!health.read_only && health.stall.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) if the store cannot be reached,
    /// [`Error::Overloaded`](crate::Error::Overloaded) if it has no free connection.
    pub async fn health(&self) -> Result<Health> {
        let (adapter, never) = (&self.shared.adapter, RetryPolicy::never());
        let operation = Operation { policy: &never, ..self.operation("health", None) };
        let checked = operation.run(|_| {
            Box::pin(async {
                let mut health = adapter.health().await?;
                health.subscriptions = self.listed().await;
                Ok(health)
            })
        });
        checked.await
    }

    /// The durable subscriptions that this handle sees; none where they cannot be listed: the store is up nevertheless.
    async fn listed(&self) -> Vec<SubscriptionInfo> {
        let Some(checkpoints) = self.shared.adapter.checkpoints() else { return Vec::new() };
        match checkpoints.list(self.view.tenant()).await {
            Ok(partitions) => {
                let list = subscription_state::group(partitions);
                subscription_state::measure(&list);
                list
            }
            Err(error) => {
                tracing::debug!(error = %error, "a health check could not list subscriptions");
                Vec::new()
            }
        }
    }

    /// Reads everything that is stored, of all tenants, and reports what is damaged or contradicts itself: gaps in versions,
    /// positions that are used twice or were never assigned, links and checkpoints that lead nowhere, events that cannot be
    /// read, and others. It takes as long as reading the store. What is written meanwhile is no fault.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// let store = event_core::EventStore::in_memory()?;
    /// let verification = store.verify().await?;
    /// assert!(verification.is_sound(), "{verification}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection) and other errors of the backend;
    /// [`Error::Unsupported`](crate::Error::Unsupported) from a backend that cannot verify. What is found is no error.
    pub async fn verify(&self) -> Result<Verification> {
        let (adapter, never) = (&self.shared.adapter, RetryPolicy::never());
        let operation = Operation { policy: &never, ..self.operation("verify", None) };
        operation.run(|_| adapter.verify()).await
    }
}
