//! [`Export`]: the contents of a store as lines of JSON.

use std::fmt;
use std::future::poll_fn;
use std::io::Write;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::adapter::BoxFuture;
use crate::adapter::import::{ImportBatch, Positions};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::line;
use crate::transfer::selection::{Exported, Pages, Selection};
use crate::transfer::source::Source;
use crate::value::BatchSize;

/// An export as text, page by page, in whole lines. [`EventStore::export`] creates it.
///
/// The first line names the format, and the last line counts the others, so that a truncated file is detected. In between are
/// streams (version, first version, state), events in global order, and links. A payload that contains a line break is written
/// as `data_text`, a JSON string, so that every event is one line.
#[must_use = "nothing is read before `next` or `write_to`"]
pub struct Export {
    exported: Exported,
    stage: Stage,
}

enum Stage {
    /// The header is next.
    Header(Box<Source>),
    Ready(Box<Source>),
    Reading(BoxFuture<'static, (Box<Source>, Result<Option<ImportBatch>>)>),
    Done,
}

impl EventStore {
    /// Exports streams as lines of JSON. Events that are appended during the export may be included or not.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// let clock = StreamId::new("clock")?;
    /// store.append(&clock, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
    /// let mut file = Vec::new();
    /// let exported = store.export().write_to(&mut file).await?;
    /// assert_eq!((exported.streams, exported.events), (1, 2));
    ///
    /// let other = EventStore::in_memory()?;
    /// let imported = other.import().read(&file[..]).await?;
    /// assert_eq!((imported.stored, other.stream_version(&clock).await?.get()), (2, 2));
    /// let again = other.import().read(&file[..]).await?;
    /// assert_eq!((again.stored, again.skipped), (0, 2));
    /// # Ok(()) }
    /// ```
    pub fn export(&self) -> Export {
        let source = Source::new(self.clone(), Pages::default(), Positions::Keep);
        Export { exported: Exported::default(), stage: Stage::Header(Box::new(source)) }
    }
}

impl Export {
    /// Exports only some streams; all streams by default.
    pub fn select(mut self, selection: Selection) -> Self {
        if let Stage::Header(source) = &mut self.stage {
            source.pages.which = selection.0;
        }
        self
    }

    /// Sets how many lines are read and held in memory at a time; 1 000 by default.
    pub fn limit(mut self, limit: BatchSize) -> Self {
        if let Stage::Header(source) = &mut self.stage {
            source.pages.limit = limit;
        }
        self
    }

    /// The next lines, each with its line break; `None` after the last line and after an error.
    ///
    /// # Errors
    /// As [`EventStore::read_all`] and [`EventStore::list_streams`].
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Writes all lines, page by page. The sink is written synchronously from async code: use a buffered file, not a slow network
    /// connection.
    ///
    /// # Errors
    /// As [`Export::next`]; [`Error::Adapter`] with the error of the sink.
    pub async fn write_to(mut self, mut sink: impl Write + Send) -> Result<Exported> {
        let fail = |error| Error::adapter("write the export", error);
        while let Some(lines) = self.next().await {
            sink.write_all(lines?.as_bytes()).map_err(fail)?;
        }
        sink.flush().map_err(fail)?;
        Ok(self.exported)
    }
}

impl Stream for Export {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match mem::replace(&mut self.stage, Stage::Done) {
                Stage::Header(source) => {
                    self.stage = Stage::Ready(source);
                    return Poll::Ready(Some(line::header()));
                }
                Stage::Ready(mut source) => {
                    self.stage = Stage::Reading(Box::pin(async move {
                        let batch = source.next().await;
                        (source, batch)
                    }));
                }
                Stage::Reading(mut reading) => {
                    let Poll::Ready((source, batch)) = reading.as_mut().poll(context) else {
                        self.stage = Stage::Reading(reading);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(match batch {
                        Ok(Some(batch)) => {
                            self.exported.count(&batch);
                            self.stage = Stage::Ready(source);
                            line::lines(&batch)
                        }
                        Ok(None) => line::end(&self.exported),
                        Err(error) => Err(error),
                    }));
                }
                Stage::Done => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("exported", &self.exported).finish_non_exhaustive()
    }
}
