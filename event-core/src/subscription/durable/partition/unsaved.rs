//! [`Unsaved`]: what has happened since a checkpoint was saved.

/// Numbers of events since the checkpoint was saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::subscription::durable) struct Unsaved {
    /// Those that the checkpoint moved over.
    pub(in crate::subscription::durable) passed: u64,
    /// Those of them that were parked or skipped.
    pub(in crate::subscription::durable) aside: u64,
    /// Those that the policy skipped; the checkpoint may not have moved over them yet.
    pub(in crate::subscription::durable) skipped: u64,
}

impl Unsaved {
    /// The events that were handled.
    pub(in crate::subscription::durable) fn handled(self) -> u64 {
        self.passed.saturating_sub(self.aside)
    }

    pub(super) fn subtract(&mut self, saved: Self) {
        self.passed = self.passed.saturating_sub(saved.passed);
        self.aside = self.aside.saturating_sub(saved.aside);
        self.skipped = self.skipped.saturating_sub(saved.skipped);
    }
}
