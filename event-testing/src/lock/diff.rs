//! [`diff`]: compares two lock files of one crate, and classifies each change by its impact on users of the crate.

use std::fmt;

use crate::lock::compare::differences;
use crate::lock::difference::Difference;
use crate::lock::file::LockFile;
use crate::lock::verdict::Verdict;
use event_core::EventVersion;

/// The impact of a change on users of the crate, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// Stored events decode as before.
    Additive,
    /// A shape changed within a version, so stored events do not fit it: it needs a new version with a migration.
    NeedsMigration,
    /// Stored events can no longer be decoded.
    Breaking,
}

/// One change between two lock files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The event type.
    pub event_type: String,
    /// The event version.
    pub version: EventVersion,
    /// The impact on users.
    pub impact: Impact,
    /// A description of the change.
    pub what: String,
    /// The lines that differ, if a shape changed.
    pub differences: Vec<Difference>,
}

/// Returns every change from one lock file to another, by event type and version.
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
            let judged = differences(before, after);
            let worst = judged.iter().map(|(verdict, _)| *verdict).max()?;
            let impact = match worst {
                Verdict::Broken => Impact::NeedsMigration,
                Verdict::Unproven if !after.reads_as(before) => Impact::NeedsMigration,
                _ => Impact::Additive,
            };
            let differences = judged.into_iter().map(|(_, it)| it).collect();
            change(impact, "the shape changed within the version", differences)
        }
        (Some(_), None) => change(Impact::Breaking, "removed without a `retired` line", Vec::new()),
        (None, Some(_)) if old.all().any(|(name, _)| name == event_type) => {
            change(Impact::Additive, "a new version; deploy readers before writers", Vec::new())
        }
        (None, Some(_)) => change(Impact::Additive, "a new event", Vec::new()),
        (None, None) => None,
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
