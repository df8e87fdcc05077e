//! `export`: streams as lines of JSON, which `import` of any store reads.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use event_core::transfer::{Export as Lines, Selection};
use event_core::{Error, StreamId};

use crate::failure::Failure;
use crate::output::text::count;
use crate::progress::{Progress, share};
use crate::session::{Common, Session};

/// The arguments of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The file, which gets its name once it is whole; without it, or for `-`, standard output.
    file: Option<PathBuf>,
    /// Replaces the file if it exists.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: Common,
}

/// Which streams are exported or copied.
#[derive(Debug, Clone, Args)]
pub(super) struct Which {
    /// Only streams of a category.
    #[arg(long)]
    category: Option<String>,
    /// Only streams whose name starts with this text.
    #[arg(long, conflicts_with = "category", allow_hyphen_values = true)]
    prefix: Option<String>,
    /// Only this stream.
    #[arg(long, conflicts_with_all = ["category", "prefix"])]
    stream: Option<String>,
}

impl Which {
    pub(super) fn selection(&self) -> Result<Selection, Failure> {
        Ok(match (&self.category, &self.prefix, &self.stream) {
            (Some(category), ..) => Selection::category(category),
            (_, Some(prefix), _) => Selection::prefix(prefix),
            (.., Some(stream)) => Selection::stream(StreamId::new(stream).map_err(Error::from)?),
            _ => Selection::all(),
        })
    }

    /// Whether nothing is left out.
    pub(super) const fn is_all(&self) -> bool {
        self.category.is_none() && self.prefix.is_none() && self.stream.is_none()
    }
}

/// Counts lines, and shows how far the export is.
struct Counted {
    lines: u64,
    expected: u64,
    progress: Progress,
}

impl Counted {
    fn count(&mut self, lines: &str) {
        self.lines += lines.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.progress.at(self.lines, share(self.lines, self.expected.max(self.lines)));
    }
}

impl Export {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        let export = store.export().select(self.which.selection()?);
        // Positions have gaps: an estimate is enough for a bar.
        let expected = store.head().await?.get();
        let counted = Counted { lines: 0, expected, progress: Progress::of("lines") };
        match self.file.as_deref().filter(|file| *file != Path::new("-")) {
            None => to_stdout(session, export, counted).await,
            Some(path) => {
                let lines = to_file(export, path, self.force, counted).await?;
                session.out.line(format!("{} written to {}", count(lines, "line"), path.display()))
            }
        }
    }
}

async fn to_stdout(
    session: &mut Session,
    mut export: Lines,
    mut counted: Counted,
) -> Result<(), Failure> {
    while let Some(lines) = export.next().await {
        let lines = lines?;
        session.out.raw(lines.as_bytes())?;
        counted.count(&lines);
    }
    Ok(())
}

async fn to_file(
    mut export: Lines,
    path: &Path,
    force: bool,
    mut counted: Counted,
) -> Result<u64, Failure> {
    let fail = |what: &str, error: std::io::Error| {
        Failure::general(format!("could not {what} {}: {error}", path.display()))
    };
    if path.exists() && !force {
        return Err(Failure::general(format!("{} exists; `--force` replaces it", path.display())));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    let unfinished = PathBuf::from(name);
    let file = File::create(&unfinished).map_err(|error| fail("create", error))?;
    let mut file = BufWriter::with_capacity(1 << 16, file);
    let written = async {
        while let Some(lines) = export.next().await {
            let lines = lines?;
            file.write_all(lines.as_bytes()).map_err(|error| fail("write", error))?;
            counted.count(&lines);
        }
        file.flush().map_err(|error| fail("write", error))?;
        file.get_ref().sync_all().map_err(|error| fail("write", error))?;
        fs::rename(&unfinished, path).map_err(|error| fail("rename", error))
    };
    let written: Result<(), Failure> = written.await;
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.map(|()| counted.lines)
}
