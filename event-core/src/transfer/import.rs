//! [`Import`]: reads the lines of an export into a store.

use std::fmt;
use std::io::BufRead;

use crate::adapter::import::{ImportBatch, Imported, Positions};
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::transfer::failed::Failed;
use crate::transfer::line::{self, Parsed};
use crate::transfer::selection::Exported;
use crate::value::{BatchSize, Tenant};

/// A batch is stored when its lines exceed this size, even if there are not enough for a full batch.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// An import in progress: it takes lines and stores them batch by batch. [`EventStore::import`] creates it.
///
/// Ids, times, stream versions, metadata and payloads are kept. Events are not validated, the stream limit is not applied, and
/// event types that this program does not know are accepted. Events and links that are already stored are skipped, so an
/// interrupted import is repeated with the whole file. During the import streams are incomplete: writers should wait.
#[must_use = "lines are stored by `finish` at the latest"]
pub struct Import {
    store: EventStore,
    positions: Positions,
    limit: BatchSize,
    pending: Option<ImportBatch>,
    bytes: usize,
    line: u64,
    received: Exported,
    done: Imported,
    /// Whether events were stored: what is said about streams of events afterwards changes them.
    events_came: bool,
    stage: Stage,
    /// The error that ended it.
    failed: Option<Failed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Body,
    End,
}

impl EventStore {
    /// Imports lines that [`EventStore::export`] wrote, from any backend.
    ///
    /// A handle that is bound to a tenant accepts only this tenant's lines; with `all_tenants()` it accepts those of all tenants.
    pub fn import(&self) -> Import {
        Import {
            store: self.clone(),
            positions: Positions::default(),
            limit: BatchSize::default(),
            pending: None,
            bytes: 0,
            line: 0,
            received: Exported::default(),
            done: Imported::default(),
            events_came: false,
            stage: Stage::Begin,
            failed: None,
        }
    }
}

impl Import {
    /// Keeps the positions of the events, which must be after all positions that this store ever used. Works with an empty store,
    /// and to repeat or continue an import. By default events get new positions, in the order of the old ones.
    pub const fn keep_positions(mut self) -> Self {
        self.positions = Positions::Keep;
        self
    }

    /// Sets how many lines are stored at a time; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// Imports all lines of a source and finishes. The source is read synchronously from async code: use a buffered file, not a
    /// slow network connection.
    ///
    /// # Errors
    /// As [`Import::push`] and [`Import::finish`]; [`Error::Adapter`] with the error of the source.
    pub async fn read(mut self, mut source: impl BufRead + Send) -> Result<Imported> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = source.read_until(b'\n', &mut line);
            if read.map_err(|error| Error::adapter("read the import", error))? == 0 {
                return self.finish().await;
            }
            self.push_bytes(&line).await?;
        }
    }

    /// Adds one line, and stores the batch if it is full. An error ends the import: every later call repeats it, and nothing
    /// more is stored. So does a call that is given up (its future is dropped).
    ///
    /// # Errors
    /// [`Error::InvalidLine`] for a line that cannot be read; nothing of its batch is stored. [`Error::InvalidImport`],
    /// [`Error::EventIdConflict`], [`Error::MixedStream`], [`Error::EventsNotFound`] and [`Error::StreamDeleted`] for a batch that
    /// does not fit the store.
    pub async fn push(&mut self, text: &str) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(failed.again());
        }
        // For as long as the call lasts: one that is given up loses its batch.
        self.failed = Some(Failed::given_up());
        let pushed = self.take(text).await;
        self.failed = None;
        self.note(pushed)
    }

    /// The same for a line as it was read, which may have its end.
    ///
    /// # Errors
    /// As [`Import::push`]; [`Error::InvalidLine`] for a line that is not UTF-8.
    pub async fn push_bytes(&mut self, line: &[u8]) -> Result<()> {
        match std::str::from_utf8(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(text) => self.push(text).await,
            Err(_) if self.failed.is_some() => self.push("").await,
            Err(error) => {
                let reason = "it is not UTF-8; an export is";
                let fault = self.fault(self.line + 1, error.valid_up_to() + 1, reason);
                self.note(Err(fault))
            }
        }
    }

    /// What this import has stored and skipped so far.
    pub const fn done(&self) -> Imported {
        self.done
    }

    /// Remembers the error that ends the import.
    fn note<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.failed = Some(Failed::of(error));
            self.pending = None;
        }
        result
    }

    async fn take(&mut self, text: &str) -> Result<()> {
        self.line += 1;
        // Editors write a byte order mark before the first line, and empty lines after the last.
        let text = text.strip_prefix('\u{feff}').filter(|_| self.line == 1).unwrap_or(text);
        if self.stage == Stage::End && text.trim_ascii().is_empty() {
            return Ok(());
        }
        let parsed = line::parse(text);
        let parsed = parsed.map_err(|(column, reason)| self.fault(self.line, column, &reason))?;
        match (self.stage, &parsed) {
            (Stage::Begin, Parsed::Header) => {
                self.stage = Stage::Body;
                return Ok(());
            }
            (Stage::Begin, _) => {
                return Err(self.misplaced("the first line names the format of an export"));
            }
            (Stage::Body, Parsed::Header) => {
                return Err(
                    self.misplaced("an export begins within another; import them one by one")
                );
            }
            (Stage::End, _) => {
                return Err(self.misplaced("nothing follows the line that ends an export"));
            }
            (Stage::Body, _) => {}
        }
        match parsed {
            Parsed::Header => Ok(()),
            Parsed::Stream(info) => {
                self.check(&info.tenant)?;
                self.add(ImportBatch::Streams(vec![info]), text.len()).await
            }
            Parsed::Event(event) => {
                self.check(event.tenant())?;
                let positions = self.positions;
                let batch = ImportBatch::Events { positions, events: vec![*event] };
                self.add(batch, text.len()).await
            }
            Parsed::Link(link) => {
                self.check(&link.tenant)?;
                self.add(ImportBatch::Links(vec![link]), text.len()).await
            }
            Parsed::End(counted) => {
                self.flush().await?;
                self.stage = Stage::End;
                if counted == self.received {
                    return Ok(());
                }
                let Exported { streams, events, links } = self.received;
                let reason = format!(
                    "it counts {} streams, {} events and {} links, but {streams}, {events} and {links} were read; lines are missing or were added",
                    counted.streams, counted.events, counted.links
                );
                Err(self.fault(self.line, 0, &reason))
            }
        }
    }

    /// Stores the last batch. Returns what this import stored and skipped.
    ///
    /// # Errors
    /// As [`Import::push`]; [`Error::InvalidLine`] if the last line of the export is missing because the file was truncated. The
    /// lines that were read are stored, and are skipped when the whole file is imported. The error of a call before.
    pub async fn finish(mut self) -> Result<Imported> {
        if let Some(failed) = &self.failed {
            return Err(failed.again());
        }
        self.flush().await?;
        if self.stage == Stage::End {
            return Ok(self.done);
        }
        let reason = "the export ends without its last line: it was cut; the lines before are stored, import the whole file to add the rest";
        Err(self.fault(self.line, 0, reason))
    }

    /// Adds a record to the pending batch, or flushes that batch if it holds another kind of record.
    async fn add(&mut self, one: ImportBatch, bytes: usize) -> Result<()> {
        self.received.count(&one);
        let one = match (&mut self.pending, one) {
            (Some(ImportBatch::Streams(pending)), ImportBatch::Streams(one)) => {
                pending.extend(one);
                None
            }
            (
                Some(ImportBatch::Events { events: pending, .. }),
                ImportBatch::Events { events: one, .. },
            ) => {
                pending.extend(one);
                None
            }
            (Some(ImportBatch::Links(pending)), ImportBatch::Links(one)) => {
                pending.extend(one);
                None
            }
            (_, one) => Some(one),
        };
        if let Some(one) = one {
            self.flush().await?;
            self.pending = Some(one);
        }
        self.bytes += bytes;
        let pending = match &self.pending {
            Some(ImportBatch::Streams(pending)) => pending.len(),
            Some(ImportBatch::Events { events, .. }) => events.len(),
            Some(ImportBatch::Links(pending)) => pending.len(),
            None => 0,
        };
        if pending >= self.limit.get() as usize || self.bytes >= MAX_BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.bytes = 0;
        let Some(batch) = self.pending.take() else { return Ok(()) };
        let events_came = self.events_came;
        self.events_came |= matches!(batch, ImportBatch::Events { .. });
        let Imported { stored, skipped } = self.store.import_after(&batch, events_came).await?;
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

    /// The error for a line that ends the import; drops the batch that the line belongs to.
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
