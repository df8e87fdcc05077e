//! [`EventStore::health`]: the health check of a store.

use chrono::Utc;

use crate::adapter::Health;
use crate::adapter::read_model_state::{self, ReadModelInfo};
use crate::adapter::subscription_state::{self, SubscriptionInfo};
use crate::error::{Error, Result};
use crate::store::{EventStore, Operation, RetryPolicy};
use crate::value::Position;

impl EventStore {
    /// Checks whether the store can be reached, how fast it answers, and what blocks its readers, and how its
    /// subscriptions, views and projections are. Never retried, as it serves health checks.
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
    /// [`Error::Connection`] if the store cannot be reached,
    /// [`Error::Overloaded`] if it has no free connection.
    pub async fn health(&self) -> Result<Health> {
        let (adapter, never) = (&self.shared.adapter, RetryPolicy::never());
        let operation = Operation { policy: &never, ..self.operation("health", None) };
        let checked = operation.run(|_| {
            Box::pin(async {
                let mut health = adapter.health().await?;
                health.subscriptions = self.listed().await;
                health.read_models = self.read_models().await;
                Ok(health)
            })
        });
        checked.await
    }

    /// The last final position: every event at or before it can be read, and every later commit gets a higher position. 0 in an
    /// empty store.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn head(&self) -> Result<Position> {
        let live = self.shared.adapter.live();
        self.operation("head", None).run(|_| live.head()).await
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

    /// The builds of views and projections, which are of all tenants; none where they cannot be listed.
    async fn read_models(&self) -> Vec<ReadModelInfo> {
        let adapter = &self.shared.adapter;
        let listed =
            async { Ok::<_, Error>((adapter.projections().await?, adapter.live().head().await?)) };
        match listed.await {
            Ok((reports, head)) => {
                let models = read_model_state::states(reports, head, &self.shared.failures.all());
                read_model_state::measure(&models, Utc::now());
                models
            }
            Err(Error::Unsupported { .. }) => Vec::new(),
            Err(error) => {
                tracing::debug!(error = %error, "a health check could not list projections");
                Vec::new()
            }
        }
    }

    /// Notes whether the last try to write a view or projection failed, for [`health`](Self::health).
    pub(crate) fn note_read_model(&self, name: &'static str, failed: Option<&Error>) {
        self.shared.failures.note(name, failed);
    }
}
