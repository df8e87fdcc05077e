//! What a recovery reads, and what it does about problems.

use crate::value::{BatchSize, StreamVersion};

/// The options of one recovery.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Options {
    /// The last version to apply.
    pub(super) until: Option<StreamVersion>,
    /// Events a page.
    pub(super) limit: BatchSize,
    /// Whether to continue after a problem and list them all.
    pub(super) report_all: bool,
}
