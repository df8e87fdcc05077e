//! [`CopyTo`]: copies one store into another, without a file in between.

mod snapshots;
mod subscriptions;

use std::fmt;
use std::future::IntoFuture;

use self::subscriptions::Anchors;
use crate::adapter::BoxFuture;
use crate::adapter::import::{ImportBatch, Imported, Positions};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::transfer::selection::{Pages, Selection};
use crate::transfer::source::Source;
use crate::value::{BatchSize, Position};

/// What a copy has stored and skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Copied {
    /// The number of events and links that it stored.
    pub stored: u64,
    /// The number of events and links that the target already had.
    pub skipped: u64,
    /// The number of snapshots that it stored.
    pub snapshots: u64,
    /// The number of durable subscriptions whose checkpoints in the target are now as far as in the source, or further.
    pub subscriptions: u64,
    /// The number of durable subscriptions that were not changed: those that are consumed or paused in the target, those of all
    /// tenants if the target handle is bound to one, and all of them if a backend does not support them.
    pub left_alone: u64,
    /// Whether it ended early, because [`CopyTo::stop_if`] said so.
    pub is_stopped: bool,
}

/// The progress of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress {
    /// What it has done so far.
    pub done: Copied,
    /// The last event that was copied or skipped, by its position in the source.
    pub position: Position,
    /// The last position of the source when the copy started; events that were stored since are copied, too.
    pub end: Position,
}

/// A copy that starts when it is awaited; [`EventStore::copy_to`] creates it.
#[must_use = "nothing is copied before it is awaited"]
pub struct CopyTo<'s> {
    from: &'s EventStore,
    to: &'s EventStore,
    pages: Pages,
    positions: Positions,
    snapshots: bool,
    subscriptions: bool,
    progress: Box<dyn FnMut(&CopyProgress) + Send + 's>,
    stop: Box<dyn Fn() -> bool + Send + 's>,
}

impl EventStore {
    /// Copies this store into another one, page by page, between any two backends.
    ///
    /// Ids, times, stream versions, order, metadata, payloads, states and links are kept. What the target already has is skipped,
    /// so a copy that was interrupted, or whose source has grown, is simply repeated. The handles decide about tenants: with
    /// `all_tenants()` on both sides the data of all tenants is copied. The tables of projections are not copied, but rebuilt.
    ///
    /// By default all streams are copied, and events keep their positions, which must be after all positions that the target ever
    /// used. Durable subscriptions are copied, and resume in the target after the same events. Snapshots are not copied, but
    /// taken again when their streams are recovered.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// let (from, to) = (EventStore::in_memory()?, EventStore::in_memory()?);
    /// from.append(&StreamId::new("clock")?, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
    /// assert_eq!(from.copy_to(&to).await?.stored, 2);
    /// from.append(&StreamId::new("clock")?, ExpectedVersion::StreamExists, [Ticked]).await?;
    /// let rest = from.copy_to(&to).snapshots().await?;
    /// assert_eq!((rest.stored, rest.skipped), (1, 2));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When awaited: the errors of reading the source, and those of [`Import::push`](crate::transfer::Import::push) for the
    /// target; [`Error::Subscription`](crate::Error::Subscription) for a subscription that has another filter or number of
    /// partitions in the target.
    pub fn copy_to<'s>(&'s self, target: &'s Self) -> CopyTo<'s> {
        CopyTo {
            from: self,
            to: target,
            pages: Pages::default(),
            positions: Positions::Keep,
            snapshots: false,
            subscriptions: true,
            progress: Box::new(|_| ()),
            stop: Box::new(|| false),
        }
    }
}

impl<'s> CopyTo<'s> {
    /// Copies only some streams; every stream by default.
    pub fn select(mut self, selection: Selection) -> Self {
        self.pages.which = selection.0;
        self
    }

    /// Sets how many events are read and held in memory at a time; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.pages.limit = limit;
        self
    }

    /// Assigns new positions to the events, in the order of the old ones. Works with any target, also one in use. Subscriptions are
    /// then not copied, unless [`subscriptions`](Self::subscriptions) is called after this.
    pub const fn new_positions(mut self) -> Self {
        self.positions = Positions::Assign;
        self.subscriptions = false;
        self
    }

    /// Copies snapshots as well. A truncated stream cannot be recovered without its snapshot.
    pub const fn snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    /// Sets whether durable subscriptions are copied: names, filters, partitions, parked events and checkpoints. A checkpoint is
    /// copied as the last event that its partition had handled when the copy started. Events that the target had before that
    /// event count as handled.
    ///
    /// A checkpoint never moves back: one that is further in the target is kept. A subscription that is consumed or paused in the
    /// target is not changed.
    pub const fn subscriptions(mut self, enabled: bool) -> Self {
        self.subscriptions = enabled;
        self
    }

    /// Calls a function with the progress after each page.
    pub fn progress(mut self, report: impl FnMut(&CopyProgress) + Send + 's) -> Self {
        self.progress = Box::new(report);
        self
    }

    /// Ends the copy early: the function is asked after each page, which is stored whole. A repeated copy continues.
    pub fn stop_if(mut self, stop: impl Fn() -> bool + Send + 's) -> Self {
        self.stop = Box::new(stop);
        self
    }

    async fn run(self) -> Result<Copied> {
        let Self { from, to, pages, positions, snapshots, subscriptions, mut progress, stop } =
            self;
        let mut anchors = if subscriptions { Anchors::of(from).await? } else { Anchors::default() };
        let mut source = Source::new(from.clone(), pages.clone(), positions);
        let end = from.adapter().live().head().await?;
        let mut at = CopyProgress { done: Copied::default(), position: Position::START, end };
        let mut events_came = false;
        while let Some(batch) = source.next().await? {
            check(to, &batch)?;
            let Imported { stored, skipped } = to.import_after(&batch, events_came).await?;
            events_came |= matches!(batch, ImportBatch::Events { .. });
            at.done.stored += stored;
            at.done.skipped += skipped;
            if let ImportBatch::Events { events, .. } = &batch {
                at.position = events.last().map_or(at.position, RecordedEvent::position);
                for event in events {
                    anchors.observe(event);
                }
            }
            progress(&at);
            if stop() {
                at.done.is_stopped = true;
                return Ok(at.done);
            }
        }
        if snapshots {
            at.done.snapshots = snapshots::copy(from, to, pages, positions).await?;
        }
        if subscriptions {
            subscriptions::copy(from, to, anchors, &mut at.done).await?;
        }
        progress(&at);
        Ok(at.done)
    }
}

impl<'s> IntoFuture for CopyTo<'s> {
    type Output = Result<Copied>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let operation = self.from.operation("copy", None);
        Box::pin(operation.observe(self.run()))
    }
}

impl fmt::Debug for CopyTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyTo")
            .field("from", self.from)
            .field("to", self.to)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

fn check(to: &EventStore, batch: &ImportBatch) -> Result<()> {
    match batch {
        ImportBatch::Streams(streams) => {
            streams.iter().try_for_each(|it| to.check_tenant(&it.tenant))
        }
        ImportBatch::Events { events, .. } => {
            events.iter().try_for_each(|it| to.check_tenant(it.tenant()))
        }
        ImportBatch::Links(links) => links.iter().try_for_each(|it| to.check_tenant(&it.tenant)),
    }
}
