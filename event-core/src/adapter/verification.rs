//! [`Verification`]: what a backend finds when it reads all of a store and compares its records with one another.

use std::fmt;

use crate::value::Escaped;

/// How many places a [`Finding`] names at most.
const MOST_PLACES: usize = 5;

/// The result of [`EventStore::verify`](crate::EventStore::verify).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    findings: Vec<Finding>,
}

/// One kind of fault: how often it was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The kind of fault, such as `gap_in_versions`; a stable name.
    pub kind: &'static str,
    /// How many there are.
    pub count: u64,
    /// Where the first of them are, at most five.
    pub places: Vec<String>,
}

impl Verification {
    /// Returns the faults by kind; empty for a sound store.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the finding of a kind, if there is one.
    pub fn finding(&self, kind: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.kind == kind)
    }

    /// Returns whether nothing was found.
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds a finding; for adapters.
    pub fn add(&mut self, finding: Finding) {
        if finding.count > 0 {
            self.findings.push(finding);
        }
    }
}

impl Finding {
    /// Creates a finding without faults; for adapters.
    pub const fn new(kind: &'static str) -> Self {
        Self { kind, count: 0, places: Vec::new() }
    }

    /// Adds a fault.
    pub fn add(&mut self, place: impl Into<String>) {
        self.count += 1;
        if self.places.len() < MOST_PLACES {
            self.places.push(place.into());
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, count, places } = self;
        write!(f, "{kind} ({count}):")?;
        for (at, place) in places.iter().enumerate() {
            write!(f, "{} {}", if at == 0 { "" } else { ";" }, Escaped(place))?;
        }
        match count.saturating_sub(places.len() as u64) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sound() {
            return f.write_str("sound");
        }
        for (at, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
