//! [`Selection`]: which streams an export or a copy takes; [`Exported`]: how much that was.

use crate::adapter::import::ImportBatch;
use crate::value::{BatchSize, StreamId};

/// Which streams are exported or copied, with their events and links. Deleted and archived ones are part of it.
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

    /// Only streams whose name starts with a text, taken literally.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self(Which::Prefix(prefix.into()))
    }

    /// Only one stream.
    pub const fn stream(stream_id: StreamId) -> Self {
        Self(Which::Stream(stream_id))
    }
}

impl Which {
    /// The category that holds them all, where that is known.
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
            // The store was asked for no others.
            _ => true,
        }
    }
}

/// A selection and how much of it is read at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pages {
    pub(super) which: Which,
    pub(super) limit: BatchSize,
}

/// How much was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Exported {
    /// Streams, deleted ones included.
    pub streams: u64,
    /// Events.
    pub events: u64,
    /// Links.
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
