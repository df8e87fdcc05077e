//! Compares the lock file with the registered events of the crate.

use std::fmt;

use crate::lock::difference::Difference;
use crate::lock::file::{Block, LockFile};
use crate::lock::judge::judge;
use crate::lock::stub;
use crate::lock::verdict::Verdict;
use event_core::registry::Registration;
use event_core::{EventVersion, Registry};

/// One difference between the lock file and the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The shape of a struct differs from the locked one.
    Changed {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
        /// The source location of the struct.
        location: String,
        /// The lines of the shape that differ.
        differences: Vec<Difference>,
        /// Source code to start the next version from.
        stub: String,
    },
    /// A locked version is not registered, and no migration reads it.
    Vanished {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
        /// A new event type with the same shape, which may be this one renamed.
        renamed_to: Option<String>,
    },
    /// The shape of a struct differs from the locked one, and reads everything that the locked one reads.
    Grown {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
        /// The lines of the shape that differ.
        differences: Vec<Difference>,
        /// Whether other payloads are written than before, so that the lock has to know.
        is_written: bool,
    },
    /// A registered version is not locked yet.
    Missing {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
    },
    /// A retired version can still be decoded.
    StillReadable {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
    },
    /// A retired version was never locked.
    NeverLocked {
        /// The event type.
        event_type: String,
        /// The event version.
        version: EventVersion,
    },
}

impl Finding {
    /// The event type that a vanished version may have been renamed to.
    pub(crate) fn renamed_to(&self) -> Option<&str> {
        match self {
            Self::Vanished { renamed_to, .. } => renamed_to.as_deref(),
            _ => None,
        }
    }

    /// Whether stored events are concerned; what is only not recorded yet is no problem of theirs.
    pub(crate) const fn is_problem(&self) -> bool {
        !matches!(self, Self::Grown { .. } | Self::Missing { .. })
    }

    /// The event type and version of the finding.
    pub fn about(&self) -> (&str, EventVersion) {
        match self {
            Self::Changed { event_type, version, .. }
            | Self::Vanished { event_type, version, .. }
            | Self::Grown { event_type, version, .. }
            | Self::Missing { event_type, version }
            | Self::StillReadable { event_type, version }
            | Self::NeverLocked { event_type, version } => (event_type, *version),
        }
    }
}

/// `is_proved` says whether every recorded payload of a version reads as recorded, as `Debug` shows it.
pub(crate) fn compare(
    lock: &LockFile,
    registry: &Registry,
    own: &[&Registration],
    is_proved: &dyn Fn(&str, EventVersion, &Block) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (event_type, version, block) in lock.blocks() {
        // Whatever reads the stored events now: the struct, or that of the renamed type.
        match registry.lookup(event_type, version) {
            Ok(event) => {
                let is_proved = || is_proved(event_type, version, block);
                findings.extend(changed(event_type, event, block, lock, registry, &is_proved));
            }
            Err(_) => findings.extend(vanished(event_type, version, block, lock, registry, own)),
        }
    }
    for (event_type, version, _) in lock.retired() {
        let (event_type, paths) = (event_type.to_owned(), registry.paths(event_type, version));
        if lock.block(&event_type, version).is_none() {
            findings.push(Finding::NeverLocked { event_type, version });
        } else if paths.is_ok() {
            findings.push(Finding::StillReadable { event_type, version });
        }
    }
    let missing = own.iter().filter(|it| lock.block(it.event_type(), it.version()).is_none());
    findings.extend(missing.map(|event| Finding::Missing {
        event_type: event.event_type().into(),
        version: event.version(),
    }));
    findings
}

/// What stands before the advice where only the function changed that reads a value.
const UNPROVEN: &str = "That another function reads the same needs `Debug` and a lock that was blessed before the change, and every payload in it has to read as recorded. ";

/// The lines in which two shapes differ, by path, each with what it means.
pub(crate) fn differences(locked: &Block, now: &Block) -> Vec<(Verdict, Difference)> {
    judge(locked.lines(), now.lines(), false)
}

fn changed(
    event_type: &str,
    event: &Registration,
    locked: &Block,
    lock: &LockFile,
    registry: &Registry,
    is_proved: &dyn Fn() -> bool,
) -> Option<Finding> {
    let form = event.shape();
    let judged = judge(locked.lines(), &form.lines(), lock.is_first_format());
    let worst = judged.iter().map(|(verdict, _)| *verdict).max()?;
    let differences: Vec<Difference> = judged.into_iter().map(|(_, it)| it).collect();
    let (event_type, version) = (event_type.to_owned(), event.version());
    if worst < Verdict::Unproven || (worst == Verdict::Unproven && is_proved()) {
        let is_written = worst >= Verdict::Grown;
        return Some(Finding::Grown { event_type, version, differences, is_written });
    }
    let latest = registry.latest(event.event_type()).map_or(version, Registration::version);
    let advice = stub::advice(event, locked, &form, &differences, latest);
    Some(Finding::Changed {
        event_type,
        version,
        location: event.origin().to_string(),
        stub: if worst == Verdict::Unproven { format!("{UNPROVEN}{advice}") } else { advice },
        differences,
    })
}

fn vanished(
    event_type: &str,
    version: EventVersion,
    block: &Block,
    lock: &LockFile,
    registry: &Registry,
    own: &[&Registration],
) -> Option<Finding> {
    // The struct may be removed once a JSON step or an alias reads its stored events.
    if registry.paths(event_type, version).is_ok() {
        return None;
    }
    let renamed = own.iter().find(|event| {
        lock.block(event.event_type(), event.version()).is_none()
            && differences(block, &Block::of(&event.shape())).is_empty()
    });
    Some(Finding::Vanished {
        event_type: event_type.into(),
        version,
        renamed_to: renamed.map(|event| event.event_type().to_owned()),
    })
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { event_type, version, location, differences, stub } => {
                writeln!(f, "the shape of {event_type} {version} changed ({location}):")?;
                differences.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
                write!(f, "stored events keep the locked shape. {stub}")
            }
            Self::Grown { event_type, version, differences, .. } => {
                writeln!(f, "the shape of {event_type} {version} is not the locked one:")?;
                differences.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
                write!(
                    f,
                    "every stored event reads as before; `EVENTS_LOCK=bless cargo test` records what is written from now on"
                )
            }
            Self::Vanished { event_type, version, renamed_to: Some(new) } => write!(
                f,
                "{event_type} {version} is locked, but no longer defined, and {new} has its shape. If the type was renamed, write `alias = \"{event_type}\"` beside `type = \"{new}\"`: stored events keep their old name"
            ),
            Self::Vanished { event_type, version, renamed_to: None } => write!(
                f,
                "{event_type} {version} is locked, but no longer defined: stored events of it could not be read. Restore the struct, add `migrate(from = {number}, with = path)` to the next version, or, if no store holds it, write `retired {event_type} {version}: <reason>` before `end`",
                number = version.get()
            ),
            Self::Missing { event_type, version } => write!(
                f,
                "{event_type} {version} is not locked yet; `EVENTS_LOCK=bless cargo test` adds it"
            ),
            Self::StillReadable { event_type, version } => write!(
                f,
                "{event_type} {version} is retired, but can still be read; remove its `retired` line, or the migration or struct that reads it"
            ),
            Self::NeverLocked { event_type, version } => write!(
                f,
                "{event_type} {version} is retired, but was never locked; remove its `retired` line"
            ),
        }
    }
}
