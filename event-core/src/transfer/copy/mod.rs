//! [`CopyTo`]: from store to store, without a file between them.

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

/// What a copy has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Copied {
    /// Events and links that were stored by it.
    pub stored: u64,
    /// Events and links that were there already.
    pub skipped: u64,
    /// Snapshots that were stored by it.
    pub snapshots: u64,
    /// Durable subscriptions that stand in the target as in the source, or further.
    pub subscriptions: u64,
    /// Durable subscriptions that are in use or paused in the target, and were left alone.
    pub left_alone: u64,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyProgress {
    /// What it has done so far.
    pub done: Copied,
    /// The last event that was copied or skipped, by its position in the source.
    pub position: Position,
    /// The last position of the source when the copy started; the copy goes on to what was stored since.
    pub end: Position,
}

/// A copy that starts when it is awaited; [`EventStore::copy_to`] makes it.
#[must_use = "nothing is copied before it is awaited"]
pub struct CopyTo<'s> {
    from: &'s EventStore,
    to: &'s EventStore,
    pages: Pages,
    positions: Positions,
    snapshots: bool,
    subscriptions: bool,
    progress: Box<dyn FnMut(&CopyProgress) + Send + 's>,
}

impl EventStore {
    /// Copies this store into another one, page by page, whatever their backends are.
    ///
    /// Ids, times, stream versions, order, metadata, payloads, states and links are kept; what the target has already is
    /// skipped, so a copy that was interrupted, or whose source has grown, is simply repeated. Each handle's tenant counts:
    /// with `all_tenants()` on both sides the data of all tenants is copied. The tables of projections are not copied: they
    /// are built again.
    ///
    /// By default all streams are copied, events keep their positions, which must be after all that the target ever used,
    /// and durable subscriptions resume there where they are here. Snapshots are left out: each is taken again when its
    /// stream is recovered.
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
    /// When awaited: those of reading the source, and those of [`Import::push`](crate::transfer::Import::push) for the
    /// target; [`Error::Subscription`](crate::Error::Subscription) for a subscription whose name the target has with another
    /// filter or number of partitions.
    pub fn copy_to<'s>(&'s self, target: &'s Self) -> CopyTo<'s> {
        CopyTo {
            from: self,
            to: target,
            pages: Pages::default(),
            positions: Positions::Keep,
            snapshots: false,
            subscriptions: true,
            progress: Box::new(|_| ()),
        }
    }
}

impl<'s> CopyTo<'s> {
    /// Copies only some streams; every stream by default.
    pub fn select(mut self, selection: Selection) -> Self {
        self.pages.which = selection.0;
        self
    }

    /// Sets how many events are read, and held, at a time; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.pages.limit = limit;
        self
    }

    /// Gives events new positions, in the order of the old ones: into any store, also one that is in use. Subscriptions are
    /// then left out, unless [`subscriptions`](Self::subscriptions) is called after this.
    pub const fn new_positions(mut self) -> Self {
        self.positions = Positions::Assign;
        self.subscriptions = false;
        self
    }

    /// Copies snapshots as well. A truncated stream cannot be recovered without its own.
    pub const fn snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    /// Sets whether durable subscriptions are copied: names, filters, partitions, parked events and checkpoints, each of
    /// which is the last event that its partition had passed when the copy started. Events that the target held before
    /// count as handled.
    ///
    /// No checkpoint moves back: one that is further in the target stays there. A subscription that is consumed or paused in
    /// the target is not changed.
    pub const fn subscriptions(mut self, are_copied: bool) -> Self {
        self.subscriptions = are_copied;
        self
    }

    /// Reports after each page how far the copy is.
    pub fn progress(mut self, report: impl FnMut(&CopyProgress) + Send + 's) -> Self {
        self.progress = Box::new(report);
        self
    }

    async fn run(self) -> Result<Copied> {
        let Self { from, to, pages, positions, snapshots, subscriptions, mut progress } = self;
        let mut anchors = if subscriptions { Anchors::of(from).await? } else { Anchors::default() };
        let mut source = Source::new(from.clone(), pages.clone(), positions);
        let end = from.adapter().live().head().await?;
        let mut at = CopyProgress { done: Copied::default(), position: Position::START, end };
        while let Some(batch) = source.next().await? {
            check(to, &batch)?;
            let Imported { stored, skipped } = to.import_batch(&batch).await?;
            at.done.stored += stored;
            at.done.skipped += skipped;
            if let ImportBatch::Events { events, .. } = &batch {
                at.position = events.last().map_or(at.position, RecordedEvent::position);
                for event in events {
                    anchors.passed(event);
                }
            }
            progress(&at);
        }
        if snapshots {
            at.done.snapshots = snapshots::carry(from, to, pages, positions).await?;
        }
        if subscriptions {
            subscriptions::carry(from, to, anchors, &mut at.done).await?;
        }
        progress(&at);
        Ok(at.done)
    }
}

impl<'s> IntoFuture for CopyTo<'s> {
    type Output = Result<Copied>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
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
