//! [`copy`] and [`copy_with`]: from store to store, without a file between them.

mod snapshots;
mod subscriptions;

use self::subscriptions::Anchors;
use crate::adapter::import::{ImportBatch, Imported, Positions};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::transfer::export::ExportOptions;
use crate::transfer::source::Source;
use crate::value::Position;

/// What is copied, and how.
///
/// ```
/// use event_core::transfer::{CopyOptions, ExportOptions};
///
/// let all = CopyOptions::new(); // a store moves: positions are kept, and subscriptions go on there
/// let saved = CopyOptions::new().snapshots(true);
/// let merged = CopyOptions::new().new_positions().streams(ExportOptions::new().category("game"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    streams: ExportOptions,
    positions: Positions,
    snapshots: bool,
    subscriptions: bool,
}

impl CopyOptions {
    /// All streams; events keep their positions, which must be beyond all that the target ever used; durable
    /// subscriptions go on where they are. Snapshots are left behind: each is made again when its stream is recovered.
    pub fn new() -> Self {
        Self {
            streams: ExportOptions::new(),
            positions: Positions::Keep,
            snapshots: false,
            subscriptions: true,
        }
    }

    /// Copies only some streams, or other pages than of 1 000.
    #[must_use]
    pub fn streams(self, streams: ExportOptions) -> Self {
        Self { streams, ..self }
    }

    /// Gives events new positions, in the order of the old ones: into any store, also one that is in use. Subscriptions
    /// stay behind then, unless they are asked for after this.
    #[must_use]
    pub const fn new_positions(mut self) -> Self {
        self.positions = Positions::Assign;
        self.subscriptions = false;
        self
    }

    /// Sets whether snapshots are copied. A truncated stream cannot be recovered without its own.
    #[must_use]
    pub const fn snapshots(mut self, are_copied: bool) -> Self {
        self.snapshots = are_copied;
        self
    }

    /// Sets whether durable subscriptions are copied: names, filters, parts, parked events, and where they go on, which is
    /// behind the last event that they had passed when the copy started. Events that the target held before count as
    /// handled.
    ///
    /// None goes back: one that is further in the target stays there, and one that is consumed or paused there is left
    /// alone.
    #[must_use]
    pub const fn subscriptions(mut self, are_copied: bool) -> Self {
        self.subscriptions = are_copied;
        self
    }
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self::new()
    }
}

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

/// Copies one store into another, page by page, whatever their backends are.
///
/// Ids, times, stream versions, order, metadata, payloads, states and links are kept; what is there already is skipped,
/// so a copy that was interrupted, or whose source went on, is done again. Each handle's tenant counts: with
/// `all_tenants()` on both sides everybody's data is copied. The tables of projections stay behind: they are built anew.
///
/// ```
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
/// # use event_core::transfer::{CopyOptions, copy};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
/// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// let (from, to) = (EventStore::in_memory()?, EventStore::in_memory()?);
/// from.append(&StreamId::new("clock")?, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
/// assert_eq!(copy(&from, &to, CopyOptions::new()).await?.stored, 2);
/// from.append(&StreamId::new("clock")?, ExpectedVersion::StreamExists, [Ticked]).await?;
/// let rest = copy(&from, &to, CopyOptions::new()).await?;
/// assert_eq!((rest.stored, rest.skipped), (1, 2));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of reading the one, and those of [`Import::push`](crate::Import::push) for the other;
/// [`Error::Subscription`](crate::Error::Subscription) for a subscription whose name the target has with another filter or
/// other parts.
pub async fn copy(from: &EventStore, to: &EventStore, options: CopyOptions) -> Result<Copied> {
    copy_with(from, to, options, |_| ()).await
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// What it has done so far.
    pub done: Copied,
    /// The last event that was copied or skipped, by its position in the source.
    pub position: Position,
    /// The last position of the source when the copy started; the copy goes on to what was stored since.
    pub end: Position,
}

/// [`copy`], which says after each page how far it is.
///
/// # Errors
/// Those of [`copy`].
pub async fn copy_with(
    from: &EventStore,
    to: &EventStore,
    options: CopyOptions,
    mut progress: impl FnMut(&CopyProgress) + Send,
) -> Result<Copied> {
    let CopyOptions { streams, positions, snapshots, subscriptions } = options;
    // Where they are before the events are read: each has passed only what is copied.
    let mut anchors = if subscriptions { Anchors::of(from).await? } else { Anchors::default() };
    let mut source = Source::new(from.clone(), streams.clone(), positions);
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
        at.done.snapshots = snapshots::carry(from, to, streams, positions).await?;
    }
    if subscriptions {
        subscriptions::carry(from, to, anchors, &mut at.done).await?;
    }
    progress(&at);
    Ok(at.done)
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
