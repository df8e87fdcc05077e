//! [`EventStore::link`]: streams that link to events of other streams.

use crate::adapter::append::{Appended, LinkEvents};
use crate::error::Result;
use crate::store::{EventStore, check_distinct, check_size};
use crate::value::{EventId, ExpectedVersion, StreamId};

impl EventStore {
    /// Links a stream to existing events of other streams, in the given order, so that they can also be read by topic, by player
    /// or by any other key.
    ///
    /// A link is not a copy. An event that is read through a link has the version of the link, keeps its position, id and time,
    /// and names its own stream and version in [`RecordedEvent::origin`](crate::RecordedEvent::origin); `read_all` returns it
    /// once, in its own stream. A stream holds either events or links, and links to an event at most once. All ids must be of
    /// this tenant's events; their streams may be archived or softly deleted.
    ///
    /// Linking the same ids again returns the first answer, for every expected version. When an event is removed, by a hard
    /// deletion or a truncation, reads skip its links, whose numbers are not reused; recovery from the stream of links then
    /// reports a gap. A stream of links is archived, truncated and deleted like any other, without an effect on the events. It
    /// has no snapshots.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, ReadOptions, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Guessed { by: String }
    /// # impl Event for Guessed { const TYPE: &'static str = "guessed"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// let (game, ann) = (StreamId::new("game-1")?, StreamId::new("player-ann")?);
    /// store.append(&game, ExpectedVersion::NoStream, ["bob", "ann"].map(|by| Guessed { by: by.into() })).await?;
    /// let guess = &store.read_stream(&game, ReadOptions::forward()).await?[1];
    ///
    /// store.link(&ann, ExpectedVersion::NoStream, [guess.event_id()]).await?;
    /// let seen = &store.read_stream(&ann, ReadOptions::forward()).await?[0];
    /// assert_eq!((seen.stream_id(), seen.stream_version().get()), (&ann, 1));
    /// assert_eq!((seen.origin(), seen.position()), (Some((&game, guess.stream_version())), guess.position()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::EventsNotFound`] with all ids that are not stored; [`Error::MixedStream`] for a stream that holds events;
    /// [`Error::EventIdConflict`] if the stream already links to some of them, or an id occurs twice;
    /// [`Error::InvalidEventData`] for an empty list, [`Error::InvalidBatchSize`] for more than 10 000; and, as an
    /// append, [`Error::WrongExpectedVersion`], [`Error::StreamDeleted`], [`Error::StreamArchived`],
    /// [`Error::StreamLimitReached`], [`Error::Connection`]. Nothing is written on any of them.
    ///
    /// [`Error::EventsNotFound`]: crate::Error::EventsNotFound
    /// [`Error::MixedStream`]: crate::Error::MixedStream
    /// [`Error::EventIdConflict`]: crate::Error::EventIdConflict
    /// [`Error::InvalidEventData`]: crate::Error::InvalidEventData
    /// [`Error::InvalidBatchSize`]: crate::Error::InvalidBatchSize
    /// [`Error::WrongExpectedVersion`]: crate::Error::WrongExpectedVersion
    /// [`Error::StreamDeleted`]: crate::Error::StreamDeleted
    /// [`Error::StreamArchived`]: crate::Error::StreamArchived
    /// [`Error::StreamLimitReached`]: crate::Error::StreamLimitReached
    /// [`Error::Connection`]: crate::Error::Connection
    pub async fn link(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        event_ids: impl IntoIterator<Item = EventId> + Send,
    ) -> Result<Appended> {
        let operation = self.operation("link", Some(stream_id));
        let link = operation.check(self.prepare_link(stream_id, expected, event_ids))?;
        let adapter = &self.shared.adapter;
        operation.run(|_| adapter.link(&link)).await
    }

    /// Checks what [`link`](Self::link) would send, and returns it: for `link_in` of an adapter, which links in a transaction
    /// of the caller's.
    ///
    /// # Errors
    /// As [`link`](Self::link), those that need no look at the store.
    pub fn prepare_link(
        &self,
        stream_id: &StreamId,
        expected: ExpectedVersion,
        event_ids: impl IntoIterator<Item = EventId>,
    ) -> Result<LinkEvents> {
        self.require_tenant()?;
        let link = LinkEvents {
            tenant: self.scope.tenant.clone(),
            stream_id: stream_id.clone(),
            expected,
            event_ids: event_ids.into_iter().collect(),
            stream_limit: self.shared.settings.stream_limit,
        };
        check_size("a link", link.event_ids.len())?;
        check_distinct(link.event_ids.iter().map(|id| (*id, stream_id)).collect())?;
        Ok(link)
    }
}
