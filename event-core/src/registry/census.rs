//! [`Census`]: compares the event versions stored in a store with those that this binary knows.
//!
//! Check it before a deployment: readers fail on a stored version that the binary cannot read; code for a version that
//! was never stored can be removed.

use std::collections::BTreeSet;
use std::fmt;

use crate::event::DecodeError;
use crate::registry::{Registration, Registry, StoredVersion};
use crate::value::Escaped;

/// Every event version that a store holds or held, or that this binary knows, in exactly one of three lists.
#[derive(Debug)]
#[non_exhaustive]
pub struct Census {
    /// Stored versions that this binary can read, including those stored under an alias.
    pub readable: Vec<StoredVersion>,
    /// Stored versions that this binary cannot read.
    pub unreadable: Vec<Unreadable>,
    /// Versions that this binary knows and that were never stored. They can be removed, unless they are about to be
    /// appended for the first time.
    pub unused: Vec<Registration>,
}

/// A stored version that this binary cannot read.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unreadable {
    /// The stored version.
    pub stored: StoredVersion,
    /// Why: an unknown type, an unknown version, or a version newer than the binary knows.
    pub reason: DecodeError,
}

impl Census {
    /// Compares stored versions with a registry.
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

    /// Whether this binary can read every stored version.
    pub const fn is_sound(&self) -> bool {
        self.unreadable.is_empty()
    }
}

impl fmt::Display for Census {
    /// Writes a table with one version per line, unreadable ones first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |stored: &StoredVersion| Escaped(&stored.event_type).to_string();
        let unreadable = self.unreadable.iter().map(|Unreadable { stored, reason }| {
            let status = format!("stored, cannot be read: {reason}");
            (name(stored), stored.event_version, status)
        });
        let readable = self.readable.iter();
        let readable =
            readable.map(|it| (name(it), it.event_version, "stored, readable".to_owned()));
        let unused = self.unused.iter().map(|known| {
            let status = format!("never stored ({})", known.origin());
            (known.event_type().to_owned(), known.version(), status)
        });
        let lines: Vec<_> = unreadable.chain(readable).chain(unused).collect();
        let width = lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
        for (index, (name, version, status)) in lines.iter().enumerate() {
            let end = if index + 1 == lines.len() { "" } else { "\n" };
            write!(f, "{name:width$}  {:4}  {status}{end}", version.to_string())?;
        }
        Ok(())
    }
}
