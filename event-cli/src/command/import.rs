//! `import`: what `export` wrote. Interrupted, it is repeated: what the store has already is skipped.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::Args;
use event_core::BatchSize;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::progress::{Progress, share};
use crate::session::{Common, Session, scoped};

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The file; without it, or for `-`, standard input.
    file: Option<PathBuf>,
    /// Keeps the positions, which must be after all that the store ever used.
    #[arg(long)]
    keep_positions: bool,
    #[command(flatten)]
    common: Common,
}

/// A source that shows how much of it was read.
struct Counted<R> {
    source: R,
    read: u64,
    size: u64,
    progress: Progress,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.source.consume(amount);
        self.read += amount as u64;
        self.progress.at(self.read, share(self.read, self.size.max(self.read)));
    }
}

impl Import {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        let tenant = self.common.tenant()?;
        let (source, size): (Box<dyn BufRead + Send>, u64) = match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let fail =
                    |error| Failure::general(format!("could not open {}: {error}", path.display()));
                let file = File::open(path).map_err(fail)?;
                let size = file.metadata().map_or(0, |it| it.len());
                (Box::new(BufReader::with_capacity(1 << 16, file)), size)
            }
            _ => (Box::new(BufReader::with_capacity(1 << 16, io::stdin())), 0),
        };
        let store = session.writer().await?;
        let store = scoped(&store, tenant);
        let mut import = store.import().limit(BatchSize::default());
        if self.keep_positions {
            import = import.keep_positions();
        }
        let source = Counted { source, read: 0, size, progress: Progress::of("bytes") };
        let imported = tokio::select! {
            imported = import.read(source) => imported.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
        };
        let imported = imported.map_err(|failure| {
            failure.hint(
                "what was stored before stays; once that is mended, run the same command again: it skips what the store has already",
            )
        })?;
        if self.common.json {
            return session
                .out
                .json(&json!({ "stored": imported.stored, "skipped": imported.skipped }));
        }
        session.out.line(format!(
            "imported {} events and links, skipped {} already present",
            imported.stored, imported.skipped
        ))
    }
}
