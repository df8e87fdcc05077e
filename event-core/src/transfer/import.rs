//! [`Import`]: lines of an export, into a store.

use std::fmt;
use std::io::BufRead;

use crate::adapter::import::{ImportBatch, Imported, Positions};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::line::{self, Said};
use crate::transfer::selection::Exported;
use crate::value::{BatchSize, Tenant};

/// Lines longer than this in sum are stored before there are enough for a batch.
const BATCH_BYTES: usize = 8 << 20;

/// An import under way: takes lines, stores them batch by batch.
///
/// Ids, times, stream versions, metadata and payloads are kept; nothing is validated, no stream limit holds, and events
/// of types that this program does not know are as welcome as others. What is stored already in its place is skipped,
/// so an import that was interrupted is repeated with the whole file. While it goes on, streams are there that end
/// earlier than they will: writers should wait.
#[must_use = "lines are stored by `finish` at the latest"]
pub struct Import {
    store: EventStore,
    positions: Positions,
    limit: BatchSize,
    pending: Option<ImportBatch>,
    bytes: usize,
    line: u64,
    came: Exported,
    done: Imported,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Body,
    End,
}

impl EventStore {
    /// Imports lines that [`EventStore::export`] wrote, whatever the backend was.
    ///
    /// A handle that is bound to a tenant takes this tenant's lines and refuses others; with `all_tenants()` it takes
    /// everybody's.
    pub fn import(&self) -> Import {
        Import {
            store: self.clone(),
            positions: Positions::default(),
            limit: BatchSize::default(),
            pending: None,
            bytes: 0,
            line: 0,
            came: Exported::default(),
            done: Imported::default(),
            stage: Stage::Begin,
        }
    }
}

impl Import {
    /// Keeps the positions of the events, which must be after all that this store ever used: into an empty store, or after
    /// what was imported before. By default events get new positions, in the order of the old ones.
    pub const fn keep_positions(mut self) -> Self {
        self.positions = Positions::Keep;
        self
    }

    /// Sets how many lines are stored at a time; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// Takes all lines of a source, and stores the last of them. The source is read from async code: give it a buffer,
    /// and a file rather than a slow network.
    ///
    /// # Errors
    /// As [`Import::push`] and [`Import::finish`]; [`Error::Adapter`] with what the source says.
    pub async fn read(mut self, mut source: impl BufRead + Send) -> Result<Imported> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = source.read_until(b'\n', &mut line);
            if read.map_err(|error| Error::adapter("read the import", error))? == 0 {
                return self.finish().await;
            }
            let text = std::str::from_utf8(&line).map_err(|error| {
                let reason = "it is not UTF-8; an export is";
                self.fault(self.line + 1, error.valid_up_to() + 1, reason)
            })?;
            self.push(text.strip_suffix('\n').unwrap_or(text)).await?;
        }
    }

    /// Takes one line, and stores a batch when there are enough. After an error the import is over.
    ///
    /// # Errors
    /// [`Error::InvalidLine`] for a line that cannot be read; of the batch it belongs to nothing is stored.
    /// [`Error::InvalidImport`], [`Error::EventIdConflict`] and their kin for a batch that does not fit the store.
    pub async fn push(&mut self, text: &str) -> Result<()> {
        self.line += 1;
        let said = line::read(text);
        let said = said.map_err(|(column, reason)| self.fault(self.line, column, &reason))?;
        match (self.stage, &said) {
            (Stage::Begin, Said::Header) => {
                self.stage = Stage::Body;
                return Ok(());
            }
            (Stage::Begin, _) => {
                return Err(self.misplaced("the first line names the format of an export"));
            }
            (Stage::Body, Said::Header) => {
                return Err(
                    self.misplaced("an export begins within another; import them one by one")
                );
            }
            (Stage::End, _) => {
                return Err(self.misplaced("nothing follows the line that ends an export"));
            }
            (Stage::Body, _) => {}
        }
        match said {
            Said::Header => Ok(()),
            Said::Stream(info) => {
                self.check(&info.tenant)?;
                self.add(ImportBatch::Streams(vec![info]), text.len()).await
            }
            Said::Event(event) => {
                self.check(event.tenant())?;
                let positions = self.positions;
                let batch = ImportBatch::Events { positions, events: vec![*event] };
                self.add(batch, text.len()).await
            }
            Said::Link(link) => {
                self.check(&link.tenant)?;
                self.add(ImportBatch::Links(vec![link]), text.len()).await
            }
            Said::End(counted) => {
                self.flush().await?;
                self.stage = Stage::End;
                if counted == self.came {
                    return Ok(());
                }
                let Exported { streams, events, links } = self.came;
                let reason = format!(
                    "it counts {} streams, {} events and {} links, and {streams}, {events} and {links} came; lines are missing or were added",
                    counted.streams, counted.events, counted.links
                );
                Err(self.fault(self.line, 0, &reason))
            }
        }
    }

    /// Stores what is left, and says what was stored by this import.
    ///
    /// # Errors
    /// As [`Import::push`]; [`Error::InvalidLine`] when the last line of the export did not come: the file was cut. What
    /// came is stored then, and is skipped when the whole file is imported.
    pub async fn finish(mut self) -> Result<Imported> {
        self.flush().await?;
        if self.stage == Stage::End {
            return Ok(self.done);
        }
        let reason = "the export ends here without its last line: it was cut; what came is stored, import the whole file to add the rest";
        Err(self.fault(self.line, 0, reason))
    }

    /// Adds to the batch that waits, which has things of one kind.
    async fn add(&mut self, one: ImportBatch, bytes: usize) -> Result<()> {
        self.came.count(&one);
        let one = match (&mut self.pending, one) {
            (Some(ImportBatch::Streams(waiting)), ImportBatch::Streams(one)) => {
                waiting.extend(one);
                None
            }
            (
                Some(ImportBatch::Events { events: waiting, .. }),
                ImportBatch::Events { events: one, .. },
            ) => {
                waiting.extend(one);
                None
            }
            (Some(ImportBatch::Links(waiting)), ImportBatch::Links(one)) => {
                waiting.extend(one);
                None
            }
            (_, one) => Some(one),
        };
        if let Some(one) = one {
            self.flush().await?;
            self.pending = Some(one);
        }
        self.bytes += bytes;
        let waiting = match &self.pending {
            Some(ImportBatch::Streams(waiting)) => waiting.len(),
            Some(ImportBatch::Events { events, .. }) => events.len(),
            Some(ImportBatch::Links(waiting)) => waiting.len(),
            None => 0,
        };
        if waiting >= self.limit.get() as usize || self.bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        let Some(batch) = self.pending.take() else { return Ok(()) };
        let Imported { stored, skipped } = self.store.import_batch(&batch).await?;
        self.done.stored += stored;
        self.done.skipped += skipped;
        Ok(())
    }

    fn check(&mut self, tenant: &Tenant) -> Result<()> {
        self.store.check_tenant(tenant)
    }

    fn misplaced(&mut self, reason: &str) -> Error {
        self.fault(self.line, 0, reason)
    }

    /// A line that ends the import: the batch it belongs to is not stored.
    fn fault(&mut self, line: u64, column: usize, reason: &str) -> Error {
        self.pending = None;
        Error::InvalidLine { line, column, reason: reason.to_owned() }
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import")
            .field("line", &self.line)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}
