//! [`Verify`]: the search for damage, by the backend and in every event.

use std::fmt;
use std::future::IntoFuture;

use crate::adapter::verification::Finding;
use crate::adapter::{AllOptions, BoxFuture, Verification};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result, with_causes};
use crate::store::{EventStore, Operation, RetryPolicy};

/// A verification that begins when it is awaited; [`EventStore::verify`] creates it.
#[must_use = "nothing is read before it is awaited"]
pub struct Verify<'s> {
    store: &'s EventStore,
    each: Box<dyn FnMut(&RecordedEvent) + Send + 's>,
}

impl EventStore {
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
    /// When awaited: [`Error::Connection`] and other errors of the backend;
    /// [`Error::Unsupported`] from a backend that cannot verify. What is found is no error.
    pub fn verify(&self) -> Verify<'_> {
        Verify { store: self, each: Box::new(|_| ()) }
    }
}

impl<'s> Verify<'s> {
    /// Calls a function with every event, in the global order, so that a check of one's own reads nothing twice. Where the
    /// backend cannot verify, the function has seen every event all the same.
    pub fn each(mut self, look: impl FnMut(&RecordedEvent) + Send + 's) -> Self {
        self.each = Box::new(look);
        self
    }

    async fn run(self) -> Result<Verification> {
        let Self { store, each } = self;
        // Side by side, as the backend reads everything, too.
        let (found, unreadable) = tokio::join!(by_backend(store), events(store, each));
        let mut found = found?;
        found.add(unreadable?);
        Ok(found)
    }
}

/// What the backend finds.
async fn by_backend(store: &EventStore) -> Result<Verification> {
    let (adapter, never) = (&store.shared.adapter, RetryPolicy::never());
    let operation = Operation { policy: &never, ..store.operation("verify", None) };
    operation.run(|_| adapter.verify()).await
}

/// Reads every event of every tenant, and finds those that cannot be read.
async fn events(store: &EventStore, mut each: impl FnMut(&RecordedEvent)) -> Result<Finding> {
    let mut finding = Finding::new("unreadable_event");
    let mut events = store.all_tenants().all_events(AllOptions::new());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if let Some(damage) = event.damage() {
                    finding.add(format!("{}: {damage}", event.location()));
                }
                each(&event);
            }
            // A damaged page: nothing after it can be read.
            Err(error @ Error::Corrupt { .. }) => finding.add(with_causes(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(finding)
}

impl<'s> IntoFuture for Verify<'s> {
    type Output = Result<Verification>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Verify<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify").field("store", &self.store).finish_non_exhaustive()
    }
}
