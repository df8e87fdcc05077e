//! [`EventStore::health`]: the health check of a store.

use crate::adapter::Health;
use crate::error::Result;
use crate::store::{EventStore, Operation, RetryPolicy};

impl EventStore {
    /// Checks whether the store can be reached, how fast it answers, and what blocks its readers. Never retried, as it serves
    /// health checks.
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
        operation.run(|_| adapter.health()).await
    }
}
