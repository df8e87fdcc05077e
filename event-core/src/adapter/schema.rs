//! [`SchemaStore`]: the seam for the migrations of a backend's schema.

use super::async_trait;
use crate::error::Result;

/// A migration of a backend's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaMigration {
    /// Its number, from 1.
    pub version: i64,
    /// Its name, `0001_tables`.
    pub name: String,
    /// Its statements, for this store.
    pub sql: String,
}

impl SchemaMigration {
    /// For authors of backends.
    pub const fn new(version: i64, name: String, sql: String) -> Self {
        Self { version, name, sql }
    }
}

/// The schema of a store, as its backend migrates it.
#[async_trait]
pub trait SchemaStore: Send + Sync {
    /// The migrations that are not applied, in order. Nothing is changed or created.
    async fn pending(&self) -> Result<Vec<SchemaMigration>>;

    /// A script that does what [`apply`](Self::apply) does, the record of migrations included, in one transaction; empty if
    /// nothing is pending.
    async fn script(&self) -> Result<String>;

    /// Applies the migrations that are not applied, all or none, and returns them.
    async fn apply(&self) -> Result<Vec<SchemaMigration>>;
}
