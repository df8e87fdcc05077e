//! [`StoredDocument`]: a document of a view, and what a batch of events changes in the documents of a build.

use super::builds::BuildMove;
use crate::value::Tenant;

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
