//! [`Scope::caused_by`]: the scope of what an event causes.

use crate::envelope::RecordedEvent;
use crate::value::Scope;

impl Scope {
    /// The scope of what a stored event causes: its tenant, its id as the causation id, and its correlation id. An event
    /// without one starts a correlation of its own id. The actor is not carried on.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// use event_core::{ReadOptions, Scope};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # let (clock, bell) = (StreamId::new("clock")?, StreamId::new("bell")?);
    /// # store.append(&clock, ExpectedVersion::NoStream, [Ticked]).await?;
    /// let tick = store.read_stream(&clock, ReadOptions::forward()).await?.remove(0);
    /// store.with_scope(Scope::caused_by(&tick)).append(&bell, ExpectedVersion::Any, [Ticked]).await?;
    ///
    /// let rung = store.read_stream(&bell, ReadOptions::forward()).await?.remove(0);
    /// let tick_id = tick.event_id().to_string();
    /// assert_eq!(rung.metadata().causation_id().as_deref(), Some(&*tick_id));
    /// assert_eq!(rung.metadata().correlation_id().as_deref(), Some(&*tick_id));
    /// # Ok(()) }
    /// ```
    pub fn caused_by(event: &RecordedEvent) -> Self {
        let id = event.event_id().to_string();
        let correlation = event.metadata().correlation_id().map(std::borrow::Cow::into_owned);
        Self::tenant(event.tenant().clone())
            .correlation(correlation.unwrap_or_else(|| id.clone()))
            .causation(id)
    }
}
