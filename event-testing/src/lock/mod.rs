//! Locks the shape of every event version that may be stored (`events.lock`), with a golden payload of each.
//!
//! A crate that defines events has one test:
//!
//! ```
//! #[test]
//! fn events_are_locked() {
//!     event_testing::lock::check(env!("CARGO_PKG_NAME"), env!("CARGO_MANIFEST_DIR"));
//! }
//! ```
//!
//! It fails when a locked version changed its shape or is no longer defined, when a version is not locked yet, and when a
//! golden payload (`fixtures/<type>.v<N>.json`) does not decode, or decodes differently on another path of migrations.
//!
//! `EVENTS_LOCK=bless cargo test` adds new versions and never rewrites a block. Before a release, delete a block and its
//! fixture by hand and bless again; after a release, add a new version instead. A version that no store holds any more is
//! retired with a line `retired <type> v<N>: <reason>` before the last line.

#![allow(clippy::test_attr_in_doctest, reason = "the example is a test")]

mod compare;
mod diff;
mod file;
pub mod golden;
mod stub;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub use self::compare::{Difference, Finding};
pub use self::diff::{Change, Impact, diff};
pub use self::file::{Block, LockError, LockFile};
use event_core::registry::Registration;
use event_core::{EventVersion, Registry};

/// The environment variable that makes [`check`] add new versions when it is `bless`.
const BLESS: &str = "EVENTS_LOCK";

/// Compares the events of a crate with its `events.lock` and its golden payloads, in the folder of its manifest.
///
/// # Panics
/// Panics with all problems and the remedy for each, so that the test fails; also when a file cannot be read or written,
/// or the registry is unsound.
#[track_caller]
pub fn check(crate_name: &str, manifest_dir: &str) {
    let bless = std::env::var(BLESS).is_ok_and(|value| value == "bless");
    if let Err(report) = checked(crate_name, Path::new(manifest_dir), bless) {
        panic!("{report}");
    }
}

fn checked(crate_name: &str, folder: &Path, bless: bool) -> Result<(), String> {
    let registry = Registry::global().map_err(|errors| errors.to_string())?;
    checked_with(registry, crate_name, folder, bless)
}

fn checked_with(
    registry: &Registry,
    crate_name: &str,
    folder: &Path,
    bless: bool,
) -> Result<(), String> {
    let path = folder.join("events.lock");
    let own: Vec<&Registration> =
        registry.iter().filter(|event| event.origin().krate == crate_name).collect();
    let mut lock = read(&path, crate_name)?;
    if own.is_empty() {
        return Err(no_events(crate_name));
    }
    let findings = compare::compare(&lock, registry, &own);
    let (new, wrong): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| matches!(finding, Finding::Missing { .. }));
    let mut reports: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    // The payload of a reported version would only repeat the report.
    let reported: Vec<_> = wrong.iter().map(Finding::about).collect();
    if bless {
        // Without new versions the file is not written, so that comments in it are kept.
        if !new.is_empty() {
            // An event that looks like a renamed one is not locked as new: it may need an alias.
            let renamed = |event: &&&Registration| {
                wrong.iter().any(|finding| finding.renamed_to() == Some(event.event_type()))
            };
            lock.add(own.iter().filter(|event| !renamed(event)).copied());
            write(&path, &lock.to_string())?;
        }
    } else {
        reports.extend(new.iter().map(ToString::to_string));
    }
    let payloads = Payloads { registry, own: &own, folder: folder.join("fixtures"), bless };
    reports.extend(payloads.without_version(&lock));
    for (event_type, version, _) in
        lock.blocks().filter(|(name, at, _)| !reported.contains(&(*name, *at)))
    {
        reports.extend(payloads.check(event_type, version)?);
    }
    if reports.is_empty() { Ok(()) } else { Err(joined(&path, &reports)) }
}

fn joined(path: &Path, reports: &[String]) -> String {
    let mut text = format!("the events do not fit {}:", path.display());
    for report in reports {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n\n{report}");
    }
    text
}

fn no_events(crate_name: &str) -> String {
    format!(
        "no event of `{crate_name}` is linked into this test; write `use {} as _;` beside the test, or move it into the crate",
        crate_name.replace('-', "_")
    )
}

fn read(path: &Path, crate_name: &str) -> Result<LockFile, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LockFile::new(crate_name));
        }
        Err(error) => return Err(format!("could not read {}: {error}", path.display())),
    };
    let lock: LockFile = text.parse().map_err(|error| format!("{}:{error}", path.display()))?;
    lock.belongs_to(crate_name).map_err(|error| format!("{}:{error}", path.display()))?;
    Ok(lock)
}

/// Writes a file atomically; an unchanged file is not touched.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let temporary = path.with_extension("new");
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&temporary, text))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| format!("could not write {}: {error}", path.display()))
}

/// The folder of a crate's golden payloads.
struct Payloads<'a> {
    registry: &'a Registry,
    own: &'a [&'a Registration],
    folder: PathBuf,
    bless: bool,
}

impl Payloads<'_> {
    /// Checks the payload of a version, and returns the problem, if any. With `bless`, records a missing payload.
    fn check(&self, event_type: &str, version: EventVersion) -> Result<Option<String>, String> {
        let path = self.folder.join(format!("{event_type}.{version}.json"));
        let shown = path.display();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("could not read {shown}: {error}"));
            }
            Err(_) if !self.bless => {
                return Ok(Some(format!(
                    "{event_type} {version} has no golden payload; `{BLESS}=bless cargo test` records {shown}"
                )));
            }
            Err(_) => match self.record(event_type, version) {
                Ok(text) => {
                    write(&path, &text)?;
                    text
                }
                Err(reason) => {
                    return Ok(Some(format!(
                        "no golden payload of {event_type} {version} could be recorded: {reason}; write {shown} by hand"
                    )));
                }
            },
        };
        let verified = golden::verify(self.registry, event_type, version, &text);
        Ok(verified.err().map(|reason| format!("{shown}: {reason}")))
    }

    fn record(&self, event_type: &str, version: EventVersion) -> Result<String, String> {
        let is_version =
            |it: &&&Registration| it.event_type() == event_type && it.version() == version;
        match self.own.iter().find(is_version) {
            Some(event) => golden::generate(event),
            None => Err("its struct is no longer defined".to_owned()),
        }
    }

    /// Reports payloads of versions that are not locked, such as a misspelt file name.
    fn without_version(&self, lock: &LockFile) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let known = |path: &Path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            lock.all().any(|(event_type, version)| name == format!("{event_type}.{version}"))
        };
        paths
            .iter()
            .filter(|path| path.extension().is_some_and(|it| it == "json") && !known(path))
            .map(|path| {
                let path = path.display();
                format!("{path}: no version of that name is locked; rename or remove it")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
