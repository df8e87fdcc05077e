//! What the lock file says against what the crate holds.

use std::fmt;

use crate::lock::file::{Block, LockFile};
use crate::lock::stub;
use event_core::registry::Registration;
use event_core::{EventVersion, Registry};

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A stored shape is no longer that of its struct.
    Changed {
        /// The type.
        event_type: String,
        /// The version.
        version: EventVersion,
        /// Where the struct is written.
        place: String,
        /// Field by field.
        differences: Vec<Difference>,
        /// How the next version would begin, to copy.
        stub: String,
    },
    /// A locked version is neither registered nor read through a migration.
    Vanished {
        /// The type.
        event_type: String,
        /// The version.
        version: EventVersion,
        /// A type that is not locked and has the same shape: perhaps the same event under a new name.
        renamed_to: Option<String>,
    },
    /// A version that is not locked yet.
    Missing {
        /// The type.
        event_type: String,
        /// The version.
        version: EventVersion,
    },
    /// A version that was given up, and is there.
    StillThere {
        /// The type.
        event_type: String,
        /// The version.
        version: EventVersion,
    },
    /// A version that was given up, and never locked.
    NeverThere {
        /// The type.
        event_type: String,
        /// The version.
        version: EventVersion,
    },
}

/// One line of a shape that is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where in the payload; empty for the whole.
    pub path: String,
    /// What was locked; none for a new key.
    pub locked: Option<String>,
    /// What is there now; none for a key that is gone.
    pub now: Option<String>,
}

impl Finding {
    /// The type that a vanished version seems to have become.
    pub(crate) fn renamed_to(&self) -> Option<&str> {
        match self {
            Self::Vanished { renamed_to, .. } => renamed_to.as_deref(),
            _ => None,
        }
    }

    /// The version that it is about.
    pub fn about(&self) -> (&str, EventVersion) {
        match self {
            Self::Changed { event_type, version, .. }
            | Self::Vanished { event_type, version, .. }
            | Self::Missing { event_type, version }
            | Self::StillThere { event_type, version }
            | Self::NeverThere { event_type, version } => (event_type, *version),
        }
    }
}

pub(crate) fn compare(lock: &LockFile, registry: &Registry, own: &[&Registration]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (event_type, version, block) in lock.blocks() {
        let event = own.iter().find(|it| it.event_type() == event_type && it.version() == version);
        match event {
            Some(event) => findings.extend(changed(event, block)),
            None => findings.extend(vanished(event_type, version, block, lock, registry, own)),
        }
    }
    for (event_type, version, _) in lock.retired() {
        let (event_type, there) = (event_type.to_owned(), registry.paths(event_type, version));
        if lock.block(&event_type, version).is_none() {
            findings.push(Finding::NeverThere { event_type, version });
        } else if there.is_ok() {
            findings.push(Finding::StillThere { event_type, version });
        }
    }
    let missing = own.iter().filter(|it| lock.block(it.event_type(), it.version()).is_none());
    findings.extend(missing.map(|event| Finding::Missing {
        event_type: event.event_type().into(),
        version: event.version(),
    }));
    findings
}

/// The lines of two shapes that are not the same, by path.
pub(crate) fn differences(locked: &Block, now: &Block) -> Vec<Difference> {
    let (locked, now) = (locked.by_path(), now.by_path());
    let mut paths: Vec<&str> = locked.keys().chain(now.keys()).copied().collect();
    paths.sort_unstable();
    paths.dedup();
    let owned = |text: Option<&&str>| text.map(|text| (*text).to_owned());
    paths
        .into_iter()
        .filter(|path| locked.get(path) != now.get(path))
        .map(|path| Difference {
            path: path.to_owned(),
            locked: owned(locked.get(path)),
            now: owned(now.get(path)),
        })
        .collect()
}

fn changed(event: &Registration, locked: &Block) -> Option<Finding> {
    let form = event.shape();
    let differences = differences(locked, &Block::of(&form));
    if differences.is_empty() {
        return None;
    }
    Some(Finding::Changed {
        event_type: event.event_type().into(),
        version: event.version(),
        place: event.origin().to_string(),
        stub: stub::next_version(event, locked, &form),
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
    // The struct may go once a step over JSON, or an alias, reads what it stored.
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

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "." } else { &self.path };
        match (&self.locked, &self.now) {
            (Some(locked), Some(now)) => write!(f, "~ {path}: {locked} → {now}"),
            (Some(locked), None) => write!(f, "- {path}: {locked}"),
            (None, Some(now)) => write!(f, "+ {path}: {now}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { event_type, version, place, differences, stub } => {
                writeln!(f, "the shape of {event_type} {version} changed ({place}):")?;
                differences.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
                write!(
                    f,
                    "what is stored keeps the locked shape. Undo the change, or make it the next version:\n\n{stub}"
                )
            }
            Self::Vanished { event_type, version, renamed_to: Some(new) } => write!(
                f,
                "{event_type} {version} is locked and gone, and {new} has its shape. If the type was renamed, write `alias = \"{event_type}\"` beside `type = \"{new}\"`: what is stored keeps its old name"
            ),
            Self::Vanished { event_type, version, renamed_to: None } => write!(
                f,
                "{event_type} {version} is locked and gone: stored events of it could not be read. Bring the struct back, add `migrate(from = {number}, with = path)` to the next version, or, if no store holds it, write `retired {event_type} {version}: <reason>` before `end`",
                number = version.get()
            ),
            Self::Missing { event_type, version } => write!(
                f,
                "{event_type} {version} is not locked yet; `EVENTS_LOCK=bless cargo test` adds it"
            ),
            Self::StillThere { event_type, version } => write!(
                f,
                "{event_type} {version} is retired and can still be read; remove its `retired` line, or what reads it"
            ),
            Self::NeverThere { event_type, version } => write!(
                f,
                "{event_type} {version} is retired and was never locked; remove its `retired` line"
            ),
        }
    }
}
