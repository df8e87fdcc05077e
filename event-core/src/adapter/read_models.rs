//! [`ReadModelStore`]: builds of read models, and the documents of views.
//!
//! A build is a fold of the log up to its checkpoint. The checkpoint moves in the transaction that writes what was folded, from
//! the one that was read: so each event is in a build exactly once, however many programs run it.

use async_trait::async_trait;

use super::builds::{ModelDefinition, StoredBuild};
use super::documents::{DocumentKey, DocumentWrite, StoredDocument};
use super::tables::TableStore;
use super::{InlineWork, TenantView};
use crate::error::{Error, Result};

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
    /// Nothing is written: the checkpoint is not the expected one, the build is gone, or is current where it must not be, or the
    /// reverse; or the log is not the one that the events were read from.
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

    /// Does work in a transaction that others who write builds wait for; after an error nothing of it is kept.
    async fn in_transaction(&self, work: Box<dyn InlineWork>) -> Result<()>;

    /// The tables of table projections; `None` if the backend has no tables.
    fn tables(&self) -> Option<&dyn TableStore> {
        None
    }
}
