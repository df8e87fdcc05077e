//! Commands that were stored before: recognized by the ids of their events, and answered as the first time.

use super::{Decide, Decided};
use crate::adapter::ReadOptions;
use crate::adapter::append::{Commit, Outcome};
use crate::aggregate::Aggregate;
use crate::aggregate::options::Options;
use crate::envelope::{NewEvent, RecordedEvent};
use crate::error::{Error, Result};
use crate::value::{BatchSize, StreamVersion};

/// How many events of a stream are read at a time to find those of a command.
const PAGE: u32 = 64;

impl<A: Aggregate<Event: Into<NewEvent>>> Decide<'_, A> {
    /// The answer of the first time, if the command was stored before. `found` is where its first event was seen.
    ///
    /// To be asked after the state was loaded: what a snapshot contains is not seen, and is stored by then.
    pub(super) async fn stored_before(
        &self,
        found: Option<StreamVersion>,
    ) -> Result<Option<Decided<A>>> {
        let found = match found {
            Some(found) => Some(found),
            None => self.first_of_command().await?.map(|first| first.stream_version()),
        };
        match found {
            Some(at) => self.repeated(at, None, 0).await.map(Some),
            None => Ok(None),
        }
    }

    /// The first event of the command, if it is stored in this stream.
    ///
    /// # Errors
    /// [`Error::EventIdConflict`] if it is stored in another one.
    pub(super) async fn first_of_command(&self) -> Result<Option<RecordedEvent>> {
        let Some(command) = self.command else { return Ok(None) };
        match self.store.read_event(command.event_id(0)).await? {
            Some(event) if event.stream_id() != self.stream_id => {
                Err(self
                    .misused(&event, "the command id was used for a decision on another stream"))
            }
            first => Ok(first),
        }
    }

    /// Answers as the first time. `at` is the version of the command's first event; `decided` what was decided now, and on
    /// which version, if it was.
    ///
    /// # Errors
    /// [`Error::EventIdConflict`] if it was decided on the same version, and the events differ in number or type.
    pub(super) async fn repeated(
        &self,
        at: StreamVersion,
        decided: Option<(&Commit, StreamVersion)>,
        tries: u32,
    ) -> Result<Decided<A>> {
        let Some(command) = self.command else { return Err(self.store.no_answer()) };
        let page = ReadOptions::forward().from(at).limit(BatchSize::new(PAGE).unwrap_or_default());
        let mut events = self.store.stream_events(self.stream_id, page);
        let mut stored = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            if event.event_id() != command.event_id(stored.len()) {
                break;
            }
            stored.push(event);
        }
        if let (Some((commit, version)), Some(first)) = (decided, stored.first()) {
            let now = commit.appends.iter().flat_map(|append| &append.events);
            let is_same = now
                .map(|event| &*event.event_type)
                .eq(stored.iter().map(RecordedEvent::event_type));
            // Decided on another version, a repeat may come to other events.
            if version.next() == at && !is_same {
                return Err(
                    self.misused(first, "the command id was used for a decision with other events")
                );
            }
        }
        let last = stored.last().map_or(at, RecordedEvent::stream_version);
        let then = Options { until: Some(last), ..Options::default() };
        let loaded = match self.store.replayed(self.stream_id, then).await {
            // The events up to there are truncated.
            Err(Error::InvalidSequence { .. }) => {
                self.store.replayed(self.stream_id, Options::default()).await?
            }
            loaded => loaded?,
        };
        let (state, events) = (loaded.recovered.state, stored.len());
        Ok(Decided { state, stream_version: last, events, tries, outcome: Outcome::AlreadyStored })
    }

    /// Answers a decision with event ids that are in use.
    pub(super) async fn taken(
        &self,
        error: Error,
        commit: &Commit,
        version: StreamVersion,
        tries: u32,
    ) -> Result<Decided<A>> {
        match self.first_of_command().await? {
            Some(first) => {
                self.repeated(first.stream_version(), Some((commit, version)), tries).await
            }
            None => Err(error),
        }
    }

    fn misused(&self, event: &RecordedEvent, reason: &'static str) -> Error {
        Error::event_id_conflict(self.stream_id.clone(), Some(event.event_id()), reason)
            .in_scope(self.store.scope())
    }
}
