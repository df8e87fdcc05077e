//! [`EventStore::correlated`]: everything that belongs to one request or process.

use crate::adapter::AllOptions;
use crate::store::{EventStore, EventStream};

impl EventStore {
    /// Reads all events with this correlation id, of every stream of the scope's tenant, in global order up to the present.
    ///
    /// There is no index on correlation ids, so it looks at the whole log. Where the beginning is known, read from there:
    /// `all_events(AllOptions::new().correlation_id(id).after(position))`, or bounded by `recorded_from`.
    ///
    /// [`Scope::caused_by`](crate::Scope::caused_by) carries the id on from event to event.
    pub fn correlated(&self, correlation_id: impl Into<String>) -> EventStream {
        self.all_events(AllOptions::new().correlation_id(correlation_id))
    }
}
