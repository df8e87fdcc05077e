//! [`Transaction`]: appends to several streams, and claims about others, in one commit, all or nothing, in the scope of the
//! store's handle.

use std::collections::HashSet;

use crate::adapter::append::{Appended, Commit, StreamAppend};
use crate::envelope::{NewEvent, NewEvents};
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
///
/// // The append to one stream holds only while the other one, on which it was decided, is as it was read.
/// let read = answers[0].stream_version;
/// let stale = store
///     .transaction()
///     .append(&to, ExpectedVersion::Any, [Moved { by: 1 }])
///     .expect(&from, ExpectedVersion::Exact(read.next()))
///     .commit()
///     .await;
/// assert_eq!(stale.unwrap_err().code(), "wrong_expected_version");
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a transaction stores nothing before `commit`"]
pub struct Transaction<'a> {
    store: &'a EventStore,
    appends: Vec<(StreamId, ExpectedVersion, Vec<NewEvent>)>,
    claims: Vec<(StreamId, ExpectedVersion)>,
}

impl<'a> Transaction<'a> {
    pub(crate) const fn new(store: &'a EventStore) -> Self {
        Self { store, appends: Vec::new(), claims: Vec::new() }
    }

    /// Adds an append to one stream. A transaction appends to each stream at most once.
    pub fn append(
        mut self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        events: impl NewEvents,
    ) -> Self {
        let events = events.collect_new();
        self.appends.push((stream_id.clone(), expected, events));
        self
    }

    /// Adds a claim about a stream that gets no event: the transaction is stored only if the stream has this version, and no other
    /// writer changes it before the commit, nor creates it where the claim is that it does not exist.
    ///
    /// An append to an archived or deleted stream, or to one of links, is refused, and so is a claim about it. A claim uses no
    /// position and leaves no trace. Once the appends are stored, a repeat of the transaction returns its first answers, whatever
    /// has become of the claims.
    pub fn expect(mut self, stream_id: &StreamId, expected: ExpectedVersion) -> Self {
        self.claims.push((stream_id.clone(), expected));
        self
    }

    /// Stores all appends, if all claims hold, or none. Returns one answer per append, in order; claims have none.
    ///
    /// # Errors
    /// As [`EventStore::append`], for the first append that is refused, or else the first claim;
    /// [`Error::InvalidEventData`] for a transaction without appends and claims, and for a stream that occurs twice.
    pub async fn commit(self) -> Result<Vec<Appended>> {
        let store = self.store;
        let operation = store.operation("transaction", None);
        let appends = operation.check(self.encode())?;
        let wanted = appends.iter().filter(|append| !append.is_claim()).count();
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
        let Self { store, appends, claims } = self;
        let named = appends.iter().map(|(stream_id, ..)| stream_id);
        check_streams(named.chain(claims.iter().map(|(stream_id, _)| stream_id)))?;
        let appends = appends.into_iter();
        let encoded =
            appends.map(|(stream, expected, events)| store.encode(&stream, expected, events));
        let claims = claims.into_iter();
        let claims =
            claims.map(|(stream_id, expected)| Ok(StreamAppend::claim(stream_id, expected)));
        encoded.chain(claims).collect()
    }
}

fn check_streams<'s>(mut streams: impl Iterator<Item = &'s StreamId>) -> Result<()> {
    let mut seen = HashSet::new();
    match streams.find(|stream_id| !seen.insert(*stream_id)) {
        Some(stream_id) => Err(Error::invalid_append(format!(
            "stream \"{}\" occurs twice in one transaction; put its events into one append, which claims its version, too",
            Escaped(stream_id.as_str())
        ))),
        None if seen.is_empty() => {
            Err(Error::invalid_append("a transaction needs at least one append or claim"))
        }
        None => Ok(()),
    }
}
