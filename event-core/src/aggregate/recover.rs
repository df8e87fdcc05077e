//! [`Recover`]: the builder of a recovery, and its main loop.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;

use super::options::Options;
use super::replay::Replay;
use super::report::Replayed;
use super::resume::Found;
use super::{Aggregate, Recovered};
use crate::adapter::{BoxFuture, ReadOptions};
use crate::error::Result;
use crate::store::EventStore;
use crate::value::{BatchSize, StreamId, StreamVersion};

/// A recovery that starts when it is awaited; [`EventStore::recover`] creates it.
#[must_use = "nothing is read before it is awaited"]
pub struct Recover<'s, A> {
    store: &'s EventStore,
    stream_id: &'s StreamId,
    options: Options,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> Recover<'_, A> {
    /// Recovers the state as it was at this version.
    pub const fn until(mut self, version: StreamVersion) -> Self {
        self.options.until = Some(version);
        self
    }

    /// Sets how many events are read at a time; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.options.limit = limit;
        self
    }

    /// Continues after a problem without applying the faulty event, and lists every problem in the report.
    ///
    /// For the analysis of a broken stream: do not base decisions on the state. All events are read, and snapshots are neither
    /// used nor written.
    pub const fn report_problems(mut self) -> Self {
        self.options.report_all = true;
        self
    }
}

impl<'s, A: Aggregate> IntoFuture for Recover<'s, A> {
    type Output = Result<Recovered<A>>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { store, stream_id, options, .. } = self;
        Box::pin(async move {
            let replayed = store.replayed(stream_id, options);
            Ok(store.operation("recover", Some(stream_id)).observe(replayed).await?.recovered)
        })
    }
}

impl<A> fmt::Debug for Recover<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recover")
            .field("stream_id", self.stream_id)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl EventStore {
    /// Recovers an aggregate from its stream, page by page; the first problem is an error.
    ///
    /// ```
    /// # use event_core::{Event, EventSet, EventVersion, EventStore, ExpectedVersion, RecordedEvent, Result, StreamId, StreamVersion};
    /// # use event_core::Aggregate;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # struct ClockEvent(Ticked);
    /// # impl EventSet for ClockEvent {
    /// #     const TYPES: &'static [&'static str] = &["ticked"];
    /// #     fn decode(event: &RecordedEvent) -> Result<Self> { event.decode().map(Self) }
    /// #     const REGISTRATIONS: &'static [event_core::registry::Registration] = &[event_core::registry::Registration::of::<Ticked>()];
    /// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { Some(&self.0) }
    /// # }
    /// # #[derive(Default)] struct Ticks(u32);
    /// # impl Aggregate for Ticks { type Event = ClockEvent; fn apply(&mut self, _: ClockEvent) { self.0 += 1; } }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # let clock = StreamId::new("clock-1")?;
    /// store.append(&clock, ExpectedVersion::NoStream, [Ticked, Ticked, Ticked]).await?;
    /// assert_eq!(store.recover::<Ticks>(&clock).await?.state.0, 3);
    /// let then = store.recover::<Ticks>(&clock).until(StreamVersion::new(2)).await?;
    /// assert_eq!(then.state.0, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::StreamNotFound`](crate::Error::StreamNotFound);
    /// [`Error::Deserialization`](crate::Error::Deserialization), [`Error::UnknownEventType`](crate::Error::UnknownEventType) and
    /// [`Error::FromTheFuture`](crate::Error::FromTheFuture) for an event that does not decode;
    /// [`Error::InvalidSequence`](crate::Error::InvalidSequence) for an event that cannot follow the previous ones, and for a
    /// truncated stream without a snapshot; [`Error::InvalidState`](crate::Error::InvalidState);
    /// [`Error::Connection`](crate::Error::Connection) after the last retry. With [`Recover::report_problems`] only the errors
    /// of reading.
    pub fn recover<'s, A: Aggregate>(&'s self, stream_id: &'s StreamId) -> Recover<'s, A> {
        Recover { store: self, stream_id, options: Options::default(), aggregate: PhantomData }
    }

    /// Runs a recovery.
    pub(crate) async fn replayed<A: Aggregate>(
        &self,
        stream_id: &StreamId,
        options: Options,
    ) -> Result<Replayed<A>> {
        let snapshots = A::SNAPSHOTS.filter(|_| !options.report_all);
        let mut replay = Replay::<A>::new(stream_id.clone(), options);
        let mut tail = None;
        if let Some(snapshots) = &snapshots {
            match self.find_tail(snapshots, stream_id, options).await? {
                Found::Nothing => {}
                Found::Invalid(problem) => replay.report_snapshot(problem),
                Found::Valid(found) => tail = Some(replay.resume(*found)),
            }
        }
        let page = ReadOptions::forward().limit(options.limit);
        let mut events = tail.unwrap_or_else(|| self.stream_events(stream_id, page));
        let mut beyond = None;
        while let Some(event) = events.next().await {
            let event = event?;
            if options.until.is_some_and(|until| event.stream_version() > until) {
                beyond = Some(event.stream_version());
                break;
            }
            replay.take(&event).map_err(|error| error.in_scope(self.scope()))?;
        }
        if replay.is_empty() && beyond != Some(StreamVersion::new(1)) {
            // An existing stream has a first event, unless all its events are truncated.
            let version = match options.until {
                Some(until) => until,
                None => self.stream_info(stream_id).await?.version,
            };
            replay.truncated(version).map_err(|error| error.in_scope(self.scope()))?;
        }
        let mut replayed = replay.finish().map_err(|error| error.in_scope(self.scope()))?;
        if let (Some(snapshots), Some(last), None) = (snapshots, replayed.last, options.until) {
            self.save_due_snapshot(&snapshots, &mut replayed.recovered, last).await;
        }
        Ok(replayed)
    }
}
