//! [`EventStore::census`]: the event versions that a store holds.

use crate::error::Result;
use crate::registry::{Census, Registry};
use crate::store::EventStore;

impl EventStore {
    /// Lists every version of every event type that any tenant ever stored, and compares it with the registry of this program.
    ///
    /// A version stays listed after its last event was removed, and may be listed because of an append that was refused.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// store.append(&StreamId::new("clock")?, ExpectedVersion::Any, [Ticked]).await?;
    /// let census = store.census().await?;
    /// // `Ticked` is not registered in this example, so its events cannot be read by their type string.
    /// assert_eq!(census.unreadable[0].stored.event_type, "ticked");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Connection`](crate::Error::Connection), [`Error::Registry`](crate::Error::Registry).
    pub async fn census(&self) -> Result<Census> {
        let adapter = &self.shared.adapter;
        let stored = self.operation("census", None).run(|_| adapter.census()).await?;
        Ok(Census::new(Registry::global()?, stored))
    }
}
