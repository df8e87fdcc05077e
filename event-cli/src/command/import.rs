//! `import`: what `export` wrote. Interrupted, it is repeated: what the store has already is skipped.

use std::path::PathBuf;

use clap::Args;
use event_core::adapter::import::Imported;
use event_core::transfer::Import as Importing;
use event_core::{BatchSize, Error};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::interrupt::{Interrupt, interrupted};
use crate::lines::Lines;
use crate::output::text::transferred;
use crate::progress::{Progress, share};
use crate::session::{Common, Session, scoped};

const AGAIN: &str = "what was stored stays; run the same command again to go on: it skips what the store has already";
const MENDED: &str = "what was stored before stays; once that is mended, run the same command again: it skips what the store has already";

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

impl Import {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        let tenant = self.common.tenant()?;
        let lines = Lines::of(self.file.as_deref())?;
        let store = session.writer().await?;
        let store = scoped(&store, tenant);
        let mut import = store.import().limit(BatchSize::default());
        if self.keep_positions {
            import = import.keep_positions();
        }
        let imported = read(import, lines, &Interrupt::listen()).await?;
        if self.common.json {
            return session
                .out
                .json(&json!({ "stored": imported.stored, "skipped": imported.skipped }));
        }
        session.out.line(format!("imported {}", amount(imported)))
    }
}

fn amount(done: Imported) -> String {
    transferred(done.stored, done.skipped)
}

/// Imports all lines. An interrupt ends it between two batches.
async fn read(
    mut import: Importing,
    mut lines: Lines,
    interrupt: &Interrupt,
) -> Result<Imported, Failure> {
    let mut progress = Progress::of("bytes");
    let mut bytes = 0;
    let size = lines.size;
    let stopped = |bytes: u64, done| {
        let place = if size == 0 {
            String::new()
        } else {
            format!(", at {:.0} % of the file", share(bytes, size) * 100.0)
        };
        Err(interrupted(format!("imported {}{place}", amount(done))).hint(AGAIN))
    };
    loop {
        let part = tokio::select! {
            biased;
            () = interrupt.first() => return stopped(bytes, import.done()),
            part = lines.next() => part,
        };
        let part = part.map_err(|error| Failure::from(Error::adapter("read the import", error)))?;
        if part.is_empty() {
            break;
        }
        bytes += part.len() as u64;
        progress.at(bytes, share(bytes, size.max(bytes)));
        for line in part.split_inclusive(|byte| *byte == b'\n') {
            let done = import.done();
            tokio::select! {
                pushed = import.push_bytes(line) => pushed.map_err(|error| mend(error, done))?,
                () = interrupt.second() => return stopped(bytes, done),
            }
        }
    }
    let done = import.done();
    tokio::select! {
        imported = import.finish() => Ok(imported.map_err(|error| mend(error, done))?),
        () = interrupt.second() => stopped(bytes, done),
    }
}

/// The failure of an import, with how far it came.
fn mend(error: Error, done: Imported) -> Failure {
    let failure = Failure::from(error);
    // A store that refuses goes on refusing, one that went away may be back.
    let hint = if failure.exit() == Exit::Refused { MENDED } else { AGAIN };
    failure.hint(format!("imported {} until then", amount(done))).hint(hint)
}
