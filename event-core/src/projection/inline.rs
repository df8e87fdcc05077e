//! [`InlineEvent`]: an event on its way into the store, as a read model that is written with the append sees it.

use chrono::Utc;

use crate::adapter::append::{Appended, Commit, StreamAppend};
use crate::envelope::{EventData, EventSet, RecordedEvent, RecordedParts};
use crate::error::Result;
use crate::value::{EventId, ExpectedVersion, Metadata, Position, StreamId, StreamVersion, Tenant};

/// An event that is about to be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InlineEvent<E> {
    /// The event.
    pub event: E,
    /// Whose it is.
    pub tenant: Tenant,
    /// Its stream.
    pub stream_id: StreamId,
    /// Its number in the stream. SQLite knows it always; PostgreSQL if the writer claims an exact version, and the claim
    /// may still turn out wrong: nothing is stored then.
    pub stream_version: Option<StreamVersion>,
    /// Its id.
    pub event_id: EventId,
    /// Its metadata.
    pub metadata: Metadata,
}

impl<E: EventSet> InlineEvent<E> {
    /// For authors of backends: the events of a commit that go to streams a read model is about, as the set reads them
    /// back. `judged` is where they come to stand, an answer an append, if that is known already.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`](crate::Error::UnknownEventType) and its kin.
    pub fn of(
        commit: &Commit,
        judged: Option<&[Appended]>,
        wants: impl Fn(&StreamId) -> bool,
    ) -> Result<Vec<Self>> {
        let mut events = Vec::new();
        for (at, append) in commit.appends.iter().enumerate() {
            if !wants(&append.stream_id) {
                continue;
            }
            let judged = judged.and_then(|judged| judged.get(at));
            let before = match (judged, append.expected) {
                (Some(judged), _) => {
                    let last = judged.stream_version.get();
                    Some(StreamVersion::new(last.saturating_sub(append.events.len() as u64)))
                }
                (None, ExpectedVersion::NoStream) => Some(StreamVersion::NONE),
                (None, ExpectedVersion::Exact(before)) => Some(before),
                (None, ExpectedVersion::Any | ExpectedVersion::StreamExists) => None,
            };
            for (number, event) in (1..).zip(&append.events) {
                let version = before.map(|before| before.plus(number));
                events.push(Self::decoded(commit, append, version, event)?);
            }
        }
        Ok(events)
    }

    fn decoded(
        commit: &Commit,
        append: &StreamAppend,
        stream_version: Option<StreamVersion>,
        event: &EventData,
    ) -> Result<Self> {
        let recorded = RecordedEvent::from_parts(RecordedParts {
            tenant: commit.tenant.clone(),
            stream_id: append.stream_id.clone(),
            stream_version: stream_version.unwrap_or_default(),
            position: Position::START,
            event_id: event.id,
            event_type: event.event_type.clone(),
            event_version: event.version,
            data: event.data.clone(),
            metadata: event.metadata.clone(),
            recorded_at: Utc::now(),
        });
        Ok(Self {
            event: E::decode(&recorded)?,
            tenant: commit.tenant.clone(),
            stream_id: append.stream_id.clone(),
            stream_version,
            event_id: event.id,
            metadata: event.metadata.clone(),
        })
    }
}
