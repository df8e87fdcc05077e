//! [`Export`]: what a store holds, as lines of JSON.

use std::fmt;
use std::io::Write;

use crate::adapter::import::{ImportBatch, Positions};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::line;
use crate::transfer::source::Source;
use crate::value::{BatchSize, StreamId};

/// Which streams are exported, and how many lines are held at a time.
///
/// ```
/// use event_core::{BatchSize, StreamId};
/// use event_core::transfer::ExportOptions;
///
/// let all = ExportOptions::new();
/// let games = ExportOptions::new().category("game").page(BatchSize::new(5_000)?);
/// let one = ExportOptions::new().stream(StreamId::new("game-1")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportOptions {
    pub(super) which: Which,
    pub(super) page: BatchSize,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Which {
    #[default]
    All,
    Category(String),
    Prefix(String),
    Stream(StreamId),
}

impl Which {
    /// The category that holds them all, where that is known.
    pub(super) fn category(&self) -> Option<&str> {
        match self {
            Self::Category(category) => Some(category),
            Self::Prefix(prefix) => prefix.split_once('-').map(|(category, _)| category),
            Self::All | Self::Stream(_) => None,
        }
    }

    pub(super) fn has(&self, stream_id: &StreamId) -> bool {
        match self {
            Self::Prefix(prefix) => stream_id.as_str().starts_with(prefix),
            // The store was asked for no others.
            _ => true,
        }
    }
}

impl ExportOptions {
    /// Everything that the store's handle sees: its tenant, or with `all_tenants()` everybody's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only streams of a category. Takes the place of any other choice, as the next two do.
    #[must_use]
    pub fn category(self, category: impl Into<String>) -> Self {
        Self { which: Which::Category(category.into()), ..self }
    }

    /// Only streams whose name starts with this text, taken literally.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        Self { which: Which::Prefix(prefix.into()), ..self }
    }

    /// Only this stream.
    #[must_use]
    pub fn stream(self, stream_id: StreamId) -> Self {
        Self { which: Which::Stream(stream_id), ..self }
    }

    /// Sets how many lines are read, and held, at a time; 1 000 by default.
    #[must_use]
    pub const fn page(mut self, size: BatchSize) -> Self {
        self.page = size;
        self
    }
}

/// How much was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Streams, deleted ones included.
    pub streams: u64,
    /// Events.
    pub events: u64,
    /// Links.
    pub links: u64,
}

impl Exported {
    pub(super) const fn count(&mut self, batch: &ImportBatch) {
        match batch {
            ImportBatch::Streams(streams) => self.streams += streams.len() as u64,
            ImportBatch::Events { events, .. } => self.events += events.len() as u64,
            ImportBatch::Links(links) => self.links += links.len() as u64,
        }
    }
}

/// An export under way: text with whole lines, page by page.
///
/// The first line names the format, the last one counts the others, so that a file that was cut is told from a whole
/// one. Between them stand streams (where they start, what may be done with them), events in global order, links. A
/// payload that holds a line break comes as `data_text`, a JSON string, so that one line is one event.
#[must_use = "nothing is read before `next` or `write_to`"]
pub struct Export {
    source: Source,
    exported: Exported,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Begin,
    Body,
    Done,
}

impl EventStore {
    /// Exports streams as lines of JSON, as they are now; what is appended meanwhile may or may not be among them.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
    /// # use event_core::transfer::{ExportOptions, ImportOptions};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// let clock = StreamId::new("clock")?;
    /// store.append(&clock, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
    /// let mut file = Vec::new();
    /// let exported = store.export(ExportOptions::new()).write_to(&mut file).await?;
    /// assert_eq!((exported.streams, exported.events), (1, 2));
    ///
    /// let other = EventStore::in_memory()?;
    /// let imported = other.import(ImportOptions::new()).read(&file[..]).await?;
    /// assert_eq!((imported.stored, other.stream_version(&clock).await?.get()), (2, 2));
    /// let again = other.import(ImportOptions::new()).read(&file[..]).await?;
    /// assert_eq!((again.stored, again.skipped), (0, 2));
    /// # Ok(()) }
    /// ```
    pub fn export(&self, options: ExportOptions) -> Export {
        Export {
            source: Source::new(self.clone(), options, Positions::Keep),
            exported: Exported::default(),
            stage: Stage::Begin,
        }
    }
}

impl Export {
    /// The next lines, each with its line break; `None` after the last one. Ends after the first error.
    ///
    /// # Errors
    /// As [`EventStore::read_all`] and [`EventStore::list_streams`].
    pub async fn next(&mut self) -> Option<Result<String>> {
        match self.stage {
            Stage::Begin => {
                self.stage = Stage::Body;
                Some(line::header())
            }
            Stage::Body => match self.source.next().await {
                Ok(Some(batch)) => {
                    self.exported.count(&batch);
                    Some(line::lines(&batch))
                }
                Ok(None) => {
                    self.stage = Stage::Done;
                    Some(line::end(&self.exported))
                }
                Err(error) => {
                    self.stage = Stage::Done;
                    Some(Err(error))
                }
            },
            Stage::Done => None,
        }
    }

    /// Writes all lines, page by page. The sink is written to from async code: give it a buffer, and a file rather than
    /// a slow network.
    ///
    /// # Errors
    /// As [`Export::next`]; [`Error::Adapter`] with what the sink says.
    pub async fn write_to(mut self, mut sink: impl Write + Send) -> Result<Exported> {
        let fail = |error| Error::adapter("write the export", error);
        while let Some(lines) = self.next().await {
            sink.write_all(lines?.as_bytes()).map_err(fail)?;
        }
        sink.flush().map_err(fail)?;
        Ok(self.exported)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("exported", &self.exported).finish_non_exhaustive()
    }
}
