//! [`Selection`]: the streams that an export or a copy includes; [`Exported`]: how much an export wrote.

use crate::adapter::import::ImportBatch;
use crate::value::{BatchSize, StreamId};

/// The streams that are exported or copied, with their events and links. Deleted and archived streams are included.
///
/// ```
/// use event_core::transfer::Selection;
///
/// assert_ne!(Selection::category("game"), Selection::prefix("game-"));
/// assert_eq!(Selection::all(), Selection::default());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection(pub(super) Which);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Which {
    #[default]
    All,
    Category(String),
    Prefix(String),
    Stream(StreamId),
}

impl Selection {
    /// Every stream.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only streams of a category: the text before the first `-` of their name.
    pub fn category(category: impl Into<String>) -> Self {
        Self(Which::Category(category.into()))
    }

    /// Only streams whose name starts with this text, taken literally.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self(Which::Prefix(prefix.into()))
    }

    /// Only one stream.
    pub const fn stream(stream_id: StreamId) -> Self {
        Self(Which::Stream(stream_id))
    }
}

impl Which {
    /// The category of all selected streams, if it is known.
    pub(super) fn category(&self) -> Option<&str> {
        match self {
            Self::Category(category) => Some(category),
            Self::Prefix(prefix) => prefix.split_once('-').map(|(category, _)| category),
            Self::All | Self::Stream(_) => None,
        }
    }

    pub(super) fn has(&self, stream_id: &StreamId) -> bool {
        match self {
            Self::Prefix(prefix) => stream_id.as_str().starts_with(prefix),
            // The query of the store has filtered the others.
            _ => true,
        }
    }
}

/// A selection and the page size with which it is read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pages {
    pub(super) which: Which,
    pub(super) limit: BatchSize,
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Exported {
    /// The number of streams, including deleted ones.
    pub streams: u64,
    /// The number of events.
    pub events: u64,
    /// The number of links.
    pub links: u64,
}

impl Exported {
    pub(super) const fn count(&mut self, batch: &ImportBatch) {
        match batch {
            ImportBatch::Streams(streams) => self.streams += streams.len() as u64,
            ImportBatch::Events { events, .. } => self.events += events.len() as u64,
            ImportBatch::Links(links) => self.links += links.len() as u64,
        }
    }
}
