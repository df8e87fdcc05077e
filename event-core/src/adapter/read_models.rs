//! [`ReadModelStore`]: builds of read models, and the documents of views.
//!
//! A build is a fold of the log up to its checkpoint. The checkpoint moves in the transaction that writes what was folded, from
//! the one that was read: so each event is in a build exactly once, however many programs run it.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::TenantView;
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::{EventId, Position, Tenant};

/// What a build holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// The documents of a view.
    View,
    /// Tables that are written once for every backend.
    Tables,
    /// Tables of one backend only.
    Own,
}

impl ModelKind {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Tables => "tables",
            Self::Own => "own",
        }
    }

    /// The kind of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::View, Self::Tables, Self::Own].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "a view",
            Self::Tables => "a table projection",
            Self::Own => "a projection of one backend",
        })
    }
}

/// What identifies what a build holds: two programs share a build only if theirs are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDefinition {
    /// The kind.
    pub kind: ModelKind,
    /// The version that the author gives it.
    pub version: u32,
    /// The events it is folded from, as text.
    pub filter: String,
}

/// The last event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEvent {
    /// Its id.
    pub event_id: EventId,
    /// Its position.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl LastEvent {
    /// Of a stored event.
    pub fn of(event: &RecordedEvent) -> Self {
        Self {
            event_id: event.event_id(),
            position: event.position(),
            recorded_at: event.recorded_at(),
        }
    }
}

/// A build as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBuild {
    /// Its number, from 1.
    pub number: u32,
    /// What it holds.
    pub definition: ModelDefinition,
    /// Whether readers read it.
    pub is_current: bool,
    /// The checkpoint: everything up to here that passes the filter is in it.
    pub position: Position,
    /// How many events that were.
    pub events: u64,
    /// The last of them, and its position.
    pub last_event: Option<(EventId, Position)>,
    /// When that one was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
}

/// The key of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// The tenant of the events that it is folded from.
    pub tenant: Tenant,
    /// The key, as the view chose it.
    pub key: String,
}

/// A document of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// Its key.
    pub key: DocumentKey,
    /// The document, as JSON.
    pub text: String,
}

/// Moves the checkpoint of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuildMove {
    /// Where the checkpoint has to be.
    pub from: Position,
    /// Where it is afterwards.
    pub up_to: Position,
    /// The epoch of the log that the events were read from, see [`LiveLog::epoch`](super::LiveLog::epoch).
    pub epoch: u64,
    /// How many events are added.
    pub events: u64,
    /// The last of them.
    pub last: Option<LastEvent>,
}

/// What a batch of events changes in the documents of a build.
#[derive(Debug, Clone)]
pub struct DocumentWrite {
    /// The name of the view.
    pub name: &'static str,
    /// The number of the build.
    pub build: u32,
    /// The move of its checkpoint.
    pub step: BuildMove,
    /// Each document at most once, sorted by key; `None` removes it.
    pub documents: Vec<(DocumentKey, Option<String>)>,
}

/// Which documents are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentQuery {
    /// Those with this key: at most one of each tenant.
    Key(String),
    /// A page, sorted by tenant and key in byte order.
    Page {
        /// Those after this one.
        after: Option<DocumentKey>,
        /// Those whose key begins with this; all, if it is empty.
        prefix: String,
        /// At most so many.
        limit: u32,
    },
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// It is stored.
    Done,
    /// Nothing is written: the checkpoint is not the expected one, the build is gone, or the log is not the one that the events
    /// were read from.
    Stale,
    /// Nothing is written: it reached a limit of time, and fewer documents may succeed.
    TooSlow(Error),
}

/// Whether a build became the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It is current.
    Done,
    /// It is behind the current build, which stays current.
    Behind,
    /// The build does not exist.
    Missing,
}

/// Stores builds of read models. The contract suite tests every promise, in the group `views`.
#[async_trait]
pub trait ReadModelStore: Send + Sync {
    /// The builds of a name, by number.
    async fn builds(&self, name: &str) -> Result<Vec<StoredBuild>>;

    /// Registers a build of a view, unless its number is taken. It is not the current one, and holds nothing.
    async fn begin(
        &self,
        name: &'static str,
        build: u32,
        definition: &ModelDefinition,
    ) -> Result<()>;

    /// Moves the checkpoint of a build of a view and writes its documents, all or nothing.
    async fn write(&self, write: DocumentWrite) -> Result<Written>;

    /// The documents of a build with these keys; those that do not exist are left out.
    async fn load(
        &self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>>;

    /// Documents of the current build that the view of tenants includes, and the build. A page ends early where it would hold
    /// more than [`PAGE_BYTES`](super::PAGE_BYTES), but never before its first document. `None` if no build is current.
    async fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>>;

    /// Makes a build the current one, unless it is behind the one that is.
    async fn switch(&self, name: &str, build: u32) -> Result<Switch>;

    /// Removes a build and its documents, unless it is the current one. Returns whether it was removed.
    async fn remove(&self, name: &str, build: u32) -> Result<bool>;
}
