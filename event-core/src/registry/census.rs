//! [`Census`]: what a store holds against what this program knows, version by version.
//!
//! Run it before a deploy: a version that is stored and cannot be read stops readers; one that was never stored can be
//! dropped.

use std::collections::BTreeSet;
use std::fmt;

use crate::event::DecodeError;
use crate::registry::{Registration, Registry, StoredVersion};
use crate::value::Escaped;

/// Every version that a store holds, or held, and every version that this program knows, each in one place.
#[derive(Debug)]
#[non_exhaustive]
pub struct Census {
    /// Stored, and read by this program; under a former name too.
    pub readable: Vec<StoredVersion>,
    /// Stored, and not read by this program.
    pub unreadable: Vec<Unreadable>,
    /// Known to this program and never stored: it could be dropped, unless it is about to be written.
    pub unused: Vec<Registration>,
}

/// A stored version that this program cannot read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unreadable {
    /// The version.
    pub stored: StoredVersion,
    /// Why: an unknown type, an unknown version, one from the future, no way to the latest.
    pub reason: DecodeError,
}

impl Census {
    /// Compares what is stored with a registry.
    ///
    /// ```
    /// use event_core::registry::StoredVersion;
    /// use event_core::{Event, EventVersion, Registry};
    /// use event_core::registry::Census;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened;
    /// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
    ///
    /// let registry = Registry::builder().event::<Opened>().build()?;
    /// let newer = StoredVersion { event_type: "opened".into(), event_version: EventVersion::new(2) };
    /// let census = Census::new(&registry, [newer]);
    /// assert_eq!((census.unreadable.len(), census.unused.len()), (1, 1));
    /// assert!(census.to_string().contains("stored, cannot be read"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(registry: &Registry, stored: impl IntoIterator<Item = StoredVersion>) -> Self {
        let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
        let stored: BTreeSet<StoredVersion> = stored.into_iter().collect();
        let unused = registry.iter().filter(|known| {
            let mut names = registry.stored_names(known.event_type());
            !names.any(|name| {
                stored.contains(&StoredVersion {
                    event_type: name.to_owned().into(),
                    event_version: known.version(),
                })
            })
        });
        let unused = unused.copied().collect();
        for stored in stored {
            match registry.reads(&stored.event_type, stored.event_version) {
                Ok(()) => readable.push(stored),
                Err(reason) => unreadable.push(Unreadable { stored, reason }),
            }
        }
        Self { readable, unreadable, unused }
    }

    /// Whether this program reads everything that is stored.
    pub const fn is_sound(&self) -> bool {
        self.unreadable.is_empty()
    }
}

impl fmt::Display for Census {
    /// A table, one version a line, what cannot be read first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |stored: &StoredVersion| Escaped(&stored.event_type).to_string();
        let unreadable = self.unreadable.iter().map(|Unreadable { stored, reason }| {
            let said = format!("stored, cannot be read: {reason}");
            (name(stored), stored.event_version, said)
        });
        let readable = self.readable.iter();
        let readable = readable.map(|it| (name(it), it.event_version, "stored, read".to_owned()));
        let unused = self.unused.iter().map(|known| {
            let said = format!("never stored ({})", known.origin());
            (known.event_type().to_owned(), known.version(), said)
        });
        let lines: Vec<_> = unreadable.chain(readable).chain(unused).collect();
        let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
        for (at, (name, version, said)) in lines.iter().enumerate() {
            let end = if at + 1 == lines.len() { "" } else { "\n" };
            write!(f, "{name:width$}  {:4}  {said}{end}", version.to_string())?;
        }
        Ok(())
    }
}
