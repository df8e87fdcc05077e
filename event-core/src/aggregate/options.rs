//! [`Options`]: how much a recovery reads, and how it handles problems.

use crate::value::{BatchSize, StreamVersion};

/// The options of one recovery.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// The last version to apply.
    pub(super) until: Option<StreamVersion>,
    /// The number of events in a page.
    pub(super) limit: BatchSize,
    /// Whether to continue after a problem and report all of them.
    pub(super) report_all: bool,
}
