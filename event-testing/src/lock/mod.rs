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
//! It fails when a stored event would read as something else, or not at all: when the shape of a locked version no longer
//! reads what it read, when a version is no longer defined, and when a golden payload (`fixtures/<type>.v<N>.json`) does not
//! decode, decodes differently on another path of migrations, or reads as another event than the lock has recorded. It also
//! fails when a version, or what a version writes, is not recorded yet.
//!
//! `EVENTS_LOCK=bless cargo test` records new versions, what payloads read as, and shapes that read everything that the locked
//! one reads; it never accepts another one. Before a release, delete a block and its fixture by hand and bless again; after a
//! release, add a new version instead. A version that no store holds any more is retired with a line
//! `retired <type> v<N>: <reason>` before the last line.
//!
//! Where functions convert what is read (`with`, `from`, `default = "…"`), the JSON written again can hide that something else
//! was read. There the lock also keeps the event as its `Debug` shows it (`~`), for payloads with several values; only the
//! values count, not the names of types. Another path of such a function is recorded by bless if every one of these payloads
//! still reads as recorded. For an event without `Debug` it is refused, and another body of the function is not seen.
//!
//! A type without [`Shape`](event_core::Shape) is known by its name only, and what is inside of it can change unnoticed. Bless
//! lists such types, and [`check_strict`] refuses them.
//!
//! # serde's attributes
//!
//! What the check says where one attribute appears, goes or changes, and nothing else does. `same`: it passes. `bless`: every
//! stored event reads as before, and it fails until `EVENTS_LOCK=bless` has recorded what is written from now on. `refused`:
//! stored events would read as something else, or not at all, and a new version is needed. A test writes this table: it
//! compiles both types of each pair, and reads the same payloads with them. `getter` and `borrow` are not in it: the one belongs
//! to `remote`, the other does not compile in an event, which owns its data.
//!
#![doc = include_str!("table.md")]
#![allow(clippy::test_attr_in_doctest, reason = "the example is a test")]

mod compare;
mod diff;
mod difference;
mod file;
pub mod golden;
mod judge;
mod memory;
mod payloads;
mod probes;
mod reading;
mod stub;
mod types;
mod verdict;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

pub use self::compare::Finding;
pub use self::diff::{Change, Impact, diff};
pub use self::difference::Difference;
pub use self::file::{Block, LockError, LockFile};
use self::judge::unknown_name;
use self::payloads::Payloads;
pub use self::reading::{Reading, Sample};
use event_core::Registry;
use event_core::registry::Registration;

/// The environment variable that makes [`check`] add new versions when it is `bless`.
const BLESS: &str = "EVENTS_LOCK";

/// Compares the events of a crate with its `events.lock` and its golden payloads, in the folder of its manifest.
///
/// # Panics
/// Panics with all problems and the remedy for each, so that the test fails; also when a file cannot be read or written,
/// or the registry is unsound.
#[track_caller]
pub fn check(crate_name: &str, manifest_dir: &str) {
    checked(crate_name, manifest_dir, false);
}

/// As [`check`], and refuses types that are known by name only: what is inside of them could change unnoticed.
///
/// # Panics
/// As [`check`].
#[track_caller]
pub fn check_strict(crate_name: &str, manifest_dir: &str) {
    checked(crate_name, manifest_dir, true);
}

#[track_caller]
fn checked(crate_name: &str, manifest_dir: &str, strict: bool) {
    let bless = std::env::var(BLESS).is_ok_and(|value| value == "bless");
    let report = Registry::global().map_err(|errors| errors.to_string()).and_then(|registry| {
        let mode = Mode { bless, strict };
        checked_with(registry, crate_name, Path::new(manifest_dir), mode)
    });
    if let Err(report) = report {
        panic!("{report}");
    }
}

/// What a run does beside comparing.
#[derive(Debug, Clone, Copy, Default)]
struct Mode {
    /// Records what is new.
    bless: bool,
    /// Refuses types that are known by name only.
    strict: bool,
}

fn checked_with(
    registry: &Registry,
    crate_name: &str,
    folder: &Path,
    Mode { bless, strict }: Mode,
) -> Result<(), String> {
    let path = folder.join("events.lock");
    let own: Vec<&Registration> =
        registry.iter().filter(|event| event.origin().krate == crate_name).collect();
    // Two runs that bless at once write one after the other.
    let turn = if bless { Some(take_turn(folder)?) } else { None };
    let before = read(&path, crate_name)?;
    if own.is_empty() {
        return Err(no_events(crate_name));
    }
    let payloads = Payloads::new(registry, &own, folder.join("fixtures"), bless);
    let is_proved = |event_type: &str, version, block: &Block| {
        payloads.is_proved(event_type, version, block.samples())
    };
    let findings = compare::compare(&before, registry, &own, &is_proved);
    let mut run =
        Run { reports: Vec::new(), faulty: BTreeSet::new(), lock: before.clone(), payloads };
    run.payloads_of_locked(&before, &findings);
    run.findings(findings, bless);
    run.reports.extend(run.payloads.without_version(&run.lock));
    let unknown = known_by_name(&own);
    if strict {
        run.reports.extend(unknown.iter().map(|name| {
            format!("{name} is known by name only: derive `Shape` for the type, or write `#[event(shape = \"…\")]` on the field")
        }));
    } else if bless && !unknown.is_empty() {
        eprintln!("{}: known by name only, so that changes inside go unnoticed:", path.display());
        for name in &unknown {
            eprintln!("  {name}");
        }
    }
    if bless && (run.lock != before || before.is_first_format()) {
        run.lock.upgrade();
        // Without a change the file is not written, so that comments in it are kept.
        write(&path, &run.lock.to_string())?;
    }
    drop(turn);
    if run.reports.is_empty() { Ok(()) } else { Err(joined(&path, &run.reports)) }
}

/// One run of the check.
struct Run<'a> {
    reports: Vec<String>,
    /// The event types with a report: nothing new of them is recorded.
    faulty: BTreeSet<String>,
    lock: LockFile,
    payloads: Payloads<'a>,
}

impl Run<'_> {
    fn report(&mut self, event_type: &str, report: String) {
        self.faulty.insert(event_type.to_owned());
        // Stored under a former name, read by the type of today.
        let today = self.payloads.registry.latest(event_type).map(Registration::event_type);
        self.faulty.extend(today.map(str::to_owned));
        self.reports.push(report);
    }

    /// Checks the payloads of every locked version but those with a finding, whose payloads would only repeat it.
    fn payloads_of_locked(&mut self, before: &LockFile, findings: &[Finding]) {
        let reported: Vec<_> =
            findings.iter().filter(|it| it.is_problem()).map(Finding::about).collect();
        let first_format = before.is_first_format();
        for (event_type, version, block) in before.blocks() {
            if reported.contains(&(event_type, version)) {
                continue;
            }
            match self.payloads.check(event_type, version, block.samples(), first_format) {
                Ok(samples) => {
                    let kept = self.payloads.keep(event_type, version);
                    if let (Some(samples), true) = (samples, self.payloads.bless) {
                        self.lock.set_samples(event_type, version, samples);
                    }
                    if let Err(report) = kept {
                        self.report(event_type, report);
                    }
                }
                Err(report) => self.report(event_type, report),
            }
        }
    }

    /// Reports what is wrong; then records what is new, or reports that it is not recorded.
    fn findings(&mut self, findings: Vec<Finding>, bless: bool) {
        let (problems, news): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(Finding::is_problem);
        // An event that looks like a renamed one is not locked as new: it may need an alias.
        let renamed: Vec<String> =
            problems.iter().filter_map(Finding::renamed_to).map(str::to_owned).collect();
        for problem in &problems {
            self.report(problem.about().0, problem.to_string());
        }
        let mut added = Vec::new();
        for finding in news {
            let (event_type, version) = finding.about();
            match &finding {
                Finding::Missing { .. } if bless => {
                    let is_it = |it: &&Registration| {
                        (it.event_type(), it.version()) == (event_type, version)
                    };
                    let event = self.payloads.own.iter().copied().find(is_it);
                    added.extend(event.filter(|_| !renamed.iter().any(|new| new == event_type)));
                }
                Finding::Grown { is_written: false, .. } if !bless => {}
                Finding::Grown { .. } if bless => {
                    let form =
                        self.payloads.registry.lookup(event_type, version).map(Registration::shape);
                    if let (Ok(form), false) = (form, self.faulty.contains(event_type)) {
                        self.lock.set_lines(event_type, version, &form);
                    }
                }
                _ => self.report(event_type, finding.to_string()),
            }
        }
        self.add(&added);
    }

    /// Locks new versions, each with its payload; none of a type that has a problem.
    fn add(&mut self, added: &[&Registration]) {
        let mut checked = Vec::new();
        for event in added {
            let (event_type, version) = (event.event_type(), event.version());
            match self.payloads.check(event_type, version, &[], false) {
                Ok(samples) => checked.push((*event, samples.unwrap_or_default())),
                Err(report) => self.report(event_type, report),
            }
        }
        for (event, samples) in checked {
            let (event_type, version) = (event.event_type(), event.version());
            if self.faulty.contains(event_type) {
                continue;
            }
            if let Err(report) = self.payloads.keep(event_type, version) {
                self.report(event_type, report);
            } else {
                self.lock.add(std::iter::once(event));
                self.lock.set_samples(event_type, version, samples);
            }
        }
    }
}

/// The types without a known form, each with the place where it is used.
fn known_by_name(own: &[&Registration]) -> Vec<String> {
    let mut names = Vec::new();
    for event in own {
        let (event_type, version) = (event.event_type(), event.version());
        for line in event.shape().lines() {
            if let Some(name) = unknown_name(&line.text) {
                let path = if line.path.is_empty() { "." } else { &line.path };
                names.push(format!("`{name}`, at `{path}` of {event_type} {version},"));
            }
        }
    }
    names
}

/// Waits until no other run blesses the crate in this folder.
fn take_turn(folder: &Path) -> Result<File, String> {
    let file = File::open(folder).and_then(|file| file.lock().map(|()| file));
    file.map_err(|error| format!("could not lock {}: {error}", folder.display()))
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
    static WRITES: AtomicU32 = AtomicU32::new(0);
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    // Another run, or another thread of this one, may write the same file.
    let unique = format!("{}-{}.new", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
    let temporary = path.with_extension(unique);
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&temporary, text))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| format!("could not write {}: {error}", path.display()))
}

#[cfg(test)]
mod converted;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upgrade;
