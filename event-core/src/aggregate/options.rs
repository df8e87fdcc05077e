//! [`Options`]: how much a recovery reads, and how it handles problems.

use crate::value::{BatchSize, EventId, StreamVersion};

/// The options of one recovery.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// The last version to apply.
    pub(crate) until: Option<StreamVersion>,
    /// The number of events in a page.
    pub(crate) limit: BatchSize,
    /// Whether to continue after a problem and report all of them.
    pub(crate) report_all: bool,
    /// An event to look for among those that are read.
    pub(crate) sought: Option<EventId>,
}
