//! [`Transaction`]: appends to several streams in one commit, all or nothing, in the scope of the store's handle.

use std::collections::HashSet;

use crate::adapter::append::{Appended, Commit, StreamAppend};
use crate::envelope::NewEvent;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{Escaped, ExpectedVersion, StreamId};

/// Appends to several streams that are stored all or nothing. Nothing is sent before [`Transaction::commit`].
///
/// ```
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Moved { by: i64 }
/// # impl Event for Moved { const TYPE: &'static str = "moved"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// # let store = EventStore::in_memory()?;
/// let (from, to) = (StreamId::new("account-1")?, StreamId::new("account-2")?);
/// let answers = store
///     .transaction()
///     .append(&from, ExpectedVersion::NoStream, [Moved { by: -5 }])
///     .append(&to, ExpectedVersion::Any, [Moved { by: 5 }])
///     .commit()
///     .await?;
/// assert_eq!(answers.len(), 2);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a transaction stores nothing before `commit`"]
pub struct Transaction<'a> {
    store: &'a EventStore,
    appends: Vec<(StreamId, ExpectedVersion, Vec<NewEvent>)>,
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(store: &'a EventStore) -> Self {
        Self { store, appends: Vec::new() }
    }

    /// Adds an append to one stream. A transaction appends to each stream at most once.
    pub fn append(
        mut self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        events: impl IntoIterator<Item: Into<NewEvent>>,
    ) -> Self {
        let events = events.into_iter().map(Into::into).collect();
        self.appends.push((stream_id.clone(), expected, events));
        self
    }

    /// Stores all appends or none. Returns one answer per append, in order.
    ///
    /// # Errors
    /// As [`EventStore::append`], for the first append that is refused; [`Error::InvalidEventData`] for a transaction without
    /// appends and for two appends to one stream.
    pub async fn commit(self) -> Result<Vec<Appended>> {
        let store = self.store;
        let operation = store.operation("transaction", None);
        let appends = operation.check(self.encode())?;
        let wanted = appends.len();
        let answers = store.commit(operation, appends).await?;
        if answers.len() == wanted { Ok(answers) } else { Err(store.no_answer()) }
    }

    /// Validates and encodes all appends without storing them, for backends that offer their own commit, such as
    /// `PgAdapter::append_in`, which appends within the caller's database transaction.
    ///
    /// # Errors
    /// The errors of [`Transaction::commit`] that do not depend on the store: [`Error::InvalidEventData`],
    /// [`Error::InvalidBatchSize`](crate::Error::InvalidBatchSize), [`Error::Serialization`], and
    /// [`Error::EventIdConflict`] for an id that occurs twice.
    pub fn into_commit(self) -> Result<Commit> {
        let store = self.store;
        store.prepare(self.encode()?)
    }

    fn encode(self) -> Result<Vec<StreamAppend>> {
        let Self { store, appends } = self;
        check_streams(&appends)?;
        appends
            .into_iter()
            .map(|(stream_id, expected, events)| store.encode(&stream_id, expected, events))
            .collect()
    }
}

fn check_streams(appends: &[(StreamId, ExpectedVersion, Vec<NewEvent>)]) -> Result<()> {
    if appends.is_empty() {
        return Err(Error::invalid_append("a transaction needs at least one append"));
    }
    let mut seen = HashSet::new();
    match appends.iter().find(|(stream_id, ..)| !seen.insert(stream_id)) {
        Some((stream_id, ..)) => Err(Error::invalid_append(format!(
            "stream \"{}\" occurs twice in one transaction; put its events into one append",
            Escaped(stream_id.as_str())
        ))),
        None => Ok(()),
    }
}
