//! [`diff`]: two lock files of one crate, and what each change asks of those who use the crate.

use std::fmt;

use crate::lock::compare::{Difference, differences};
use crate::lock::file::LockFile;
use event_core::EventVersion;

/// What a change asks of users, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// What is stored reads as before.
    Additive,
    /// A shape changed under its version: what is stored does not fit it; a new version with a migration does.
    NeedsMigration,
    /// What is stored cannot be read any more.
    Breaking,
}

/// One change between two lock files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The type.
    pub event_type: String,
    /// The version.
    pub version: EventVersion,
    /// What it asks for.
    pub impact: Impact,
    /// What happened, in words.
    pub what: String,
    /// Field by field, where a shape changed.
    pub differences: Vec<Difference>,
}

/// Every change from one lock file to another, by type and version.
///
/// ```
/// use event_testing::lock::{Impact, LockFile, diff};
///
/// let old: LockFile = "format 1\ncrate cards\n\nevent shuffled v1 cbf29ce484222325\n\nend\n".parse()?;
/// let changes = diff(&old, &LockFile::new("cards"));
/// assert_eq!(changes[0].impact, Impact::Breaking);
/// # Ok::<(), event_testing::lock::LockError>(())
/// ```
pub fn diff(old: &LockFile, new: &LockFile) -> Vec<Change> {
    let mut keys: Vec<(&str, EventVersion)> = old.all().chain(new.all()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .filter_map(|(event_type, version)| change(old, new, event_type, version))
        .collect()
}

fn change(
    old: &LockFile,
    new: &LockFile,
    event_type: &str,
    version: EventVersion,
) -> Option<Change> {
    let change = |impact, what: &str, differences| {
        Some(Change {
            event_type: event_type.into(),
            version,
            impact,
            what: what.into(),
            differences,
        })
    };
    match (old.block(event_type, version), new.block(event_type, version)) {
        (Some(_), Some(_))
            if !old.is_retired(event_type, version) && new.is_retired(event_type, version) =>
        {
            let reason = new.retired().find(|(name, at, _)| (*name, *at) == (event_type, version));
            let reason = reason.map_or("", |(_, _, reason)| reason);
            change(Impact::Breaking, &format!("retired: {reason}"), Vec::new())
        }
        (Some(before), Some(after)) => {
            let differences = differences(before, after);
            let impact = differences.iter().map(|it| impact(it, &differences)).max()?;
            change(impact, "the shape changed under its version", differences)
        }
        (Some(_), None) => change(Impact::Breaking, "gone, without a `retired` line", Vec::new()),
        (None, Some(_)) if old.all().any(|(name, _)| name == event_type) => change(
            Impact::Additive,
            "a new version; deploy what reads it before what writes it",
            Vec::new(),
        ),
        (None, Some(_)) => change(Impact::Additive, "a new event", Vec::new()),
        (None, None) => None,
    }
}

/// A key that may be missing can come and stay away, with all that is inside of it; so can a variant. Anything else does
/// not fit what is stored.
fn impact(difference: &Difference, all: &[Difference]) -> Impact {
    let can_be_missing = |path: &str, text: &str| {
        text.contains(", may be missing") || text.starts_with("option ") || path.ends_with('>')
    };
    let new = |it: &&Difference| it.locked.is_none();
    let comes_with = |it: &Difference| {
        let inside = difference.path.strip_prefix(&it.path);
        inside.is_some_and(|rest| rest.starts_with(['.', '[', '{', '<']))
    };
    let optional =
        |it: &Difference| it.now.as_deref().is_some_and(|text| can_be_missing(&it.path, text));
    match (&difference.locked, &difference.now) {
        (None, Some(_)) if optional(difference) => Impact::Additive,
        (None, Some(_)) if all.iter().filter(new).any(|it| comes_with(it) && optional(it)) => {
            Impact::Additive
        }
        _ => Impact::NeedsMigration,
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Additive => "additive",
            Self::NeedsMigration => "needs a migration",
            Self::Breaking => "breaking",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}: {}", self.event_type, self.version, self.impact, self.what)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}
