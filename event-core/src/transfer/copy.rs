//! [`copy`] and [`copy_with`]: from store to store, without a file between them.

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::number::Position;
use crate::seam::{ImportBatch, Imported, Positions};
use crate::store::EventStore;
use crate::transfer::export::ExportOptions;
use crate::transfer::source::Source;

/// Copies streams from one store to another, page by page, whatever their backends are.
///
/// Ids, times, stream versions, order, metadata, payloads, states and links are kept; what is there already is skipped,
/// so a copy that was interrupted, or whose source went on, is done again. Each handle's tenant counts: with
/// `all_tenants()` on both sides everybody's data is copied.
///
/// ```
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, ExportOptions, Positions, StreamId, copy};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
/// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// let (from, to) = (EventStore::in_memory()?, EventStore::in_memory()?);
/// from.append(&StreamId::new("clock")?, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
/// assert_eq!(copy(&from, &to, ExportOptions::new(), Positions::Keep).await?.stored, 2);
/// from.append(&StreamId::new("clock")?, ExpectedVersion::StreamExists, [Ticked]).await?;
/// let rest = copy(&from, &to, ExportOptions::new(), Positions::Keep).await?;
/// assert_eq!((rest.stored, rest.skipped), (1, 2));
/// # Ok(()) }
/// ```
///
/// # Errors
/// Those of reading the one, and those of [`Import::push`](crate::Import::push) for the other.
pub async fn copy(
    from: &EventStore,
    to: &EventStore,
    options: ExportOptions,
    positions: Positions,
) -> Result<Imported> {
    copy_with(from, to, options, positions, |_| ()).await
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Events and links so far.
    pub done: Imported,
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
    options: ExportOptions,
    positions: Positions,
    mut progress: impl FnMut(&CopyProgress) + Send,
) -> Result<Imported> {
    let mut source = Source::new(from.clone(), options, positions);
    let end = from.adapter().live().head().await?;
    let done = Imported::default();
    let mut at = CopyProgress { done, position: Position::START, end };
    while let Some(batch) = source.next().await? {
        check(to, &batch)?;
        let Imported { stored, skipped } = to.import_batch(&batch).await?;
        at.done.stored += stored;
        at.done.skipped += skipped;
        if let ImportBatch::Events { events, .. } = &batch {
            at.position = events.last().map_or(at.position, RecordedEvent::position);
        }
        progress(&at);
    }
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
