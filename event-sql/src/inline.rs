//! Inline projections of one adapter: read models that are written in the transaction of the append.
//!
//! A backend has a trait of its own for them, with its driver's connection; [`InlineTables`] is what all have in
//! common.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use event_core::adapter::BoxFuture;
use event_core::adapter::append::Commit;
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{Appended, Error, EventSet, Result, StreamId};

tokio::task_local! {
    /// Set while this task runs a projection within a transaction that others wait for.
    static APPLYING: ();
}

/// Runs what a projection does within a transaction that other writers wait for.
pub async fn applying<F: Future>(work: F) -> F::Output {
    APPLYING.scope((), work).await
}

/// Refuses a write that would wait for the transaction that it is called in: that of a projection.
///
/// # Errors
/// [`Error::Adapter`].
pub fn refuse_within_another(operation: &'static str) -> Result<()> {
    if APPLYING.try_with(|()| ()).is_err() {
        return Ok(());
    }
    let reason = "it was called by a projection, within its transaction, and would wait for the end of it: write afterwards, \
                  for example from a subscription";
    Err(Error::adapter(operation, reason))
}

/// An inline projection as a backend hands it over.
pub trait InlineTables: Send + Sync + 'static {
    /// The closed set of its events.
    type Event: EventSet;
    /// The driver's connection.
    type Connection: Send;

    /// Whether it wants the events of a stream.
    fn wants(&self, stream_id: &StreamId) -> bool;

    /// Writes what the events change in its tables.
    ///
    /// # Errors
    /// Any error refuses the append.
    fn apply(
        &self,
        connection: &mut Self::Connection,
        events: Vec<InlineEvent<Self::Event>>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// The same whatever its events are.
trait Erased<C>: Send + Sync {
    fn wants(&self, commit: &Commit) -> bool;

    fn apply<'a>(
        &'a self,
        connection: &'a mut C,
        commit: &'a Commit,
        judged: Option<&'a [Appended]>,
    ) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<T: InlineTables> Erased<T::Connection> for T {
    fn wants(&self, commit: &Commit) -> bool {
        let mut appends = commit.appends.iter().filter(|append| !append.is_claim());
        appends.any(|append| InlineTables::wants(self, &append.stream_id))
    }

    fn apply<'a>(
        &'a self,
        connection: &'a mut T::Connection,
        commit: &'a Commit,
        judged: Option<&'a [Appended]>,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let wants = |stream_id: &StreamId| InlineTables::wants(self, stream_id);
            let events = InlineEvent::of(commit, judged, wants)?;
            InlineTables::apply(self, connection, events).await
        })
    }
}

/// The inline projections of an adapter, in the order in which they were added.
pub struct InlineProjections<C>(Vec<Arc<dyn Erased<C>>>);

impl<C> Clone for InlineProjections<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> Default for InlineProjections<C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<C: Send> InlineProjections<C> {
    /// Adds one.
    pub fn add(&mut self, tables: impl InlineTables<Connection = C>) {
        self.0.push(Arc::new(tables));
    }

    /// Adds those of another list.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Those that want events of a commit; `None` if there are none.
    pub fn wanting(&self, commit: &Commit) -> Option<Wanting<'_, C>> {
        let wanting: Vec<_> =
            self.0.iter().map(|it| &**it).filter(|projection| projection.wants(commit)).collect();
        (!wanting.is_empty()).then_some(Wanting(wanting))
    }
}

impl<C> fmt::Debug for InlineProjections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineProjections").field("count", &self.0.len()).finish()
    }
}

/// The inline projections that want events of one commit.
pub struct Wanting<'i, C>(Vec<&'i dyn Erased<C>>);

impl<C: Send> Wanting<'_, C> {
    /// Writes what the commit changes in their tables. `judged` is the answer to each append, if it is known already.
    ///
    /// # Errors
    /// That of the first projection that refuses.
    pub async fn apply(
        &self,
        connection: &mut C,
        commit: &Commit,
        judged: Option<&[Appended]>,
    ) -> Result<(), BoxError> {
        let applied = async {
            for projection in &self.0 {
                projection.apply(connection, commit, judged).await?;
            }
            Ok(())
        };
        applying(applied).await
    }
}

impl<C> fmt::Debug for Wanting<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wanting").field("count", &self.0.len()).finish()
    }
}
