//! [`Schema`]: the migrations of a store's schema, applied on purpose.

use std::fmt;

use crate::adapter::{SchemaMigration, SchemaStore};
use crate::error::{Error, Result};
use crate::store::{EventStore, Operation, RetryPolicy};
use crate::value::Scope;

/// The schema of a store: which migrations are not applied, and how they are, by this program or by hand.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// let schema = event_core::EventStore::connect("memory:").schema().await?;
/// assert!(schema.pending().await?.is_empty());
/// # Ok(()) }
/// ```
pub struct Schema<'s>(Source<'s>);

enum Source<'s> {
    /// That of an open store.
    Open(&'s EventStore),
    /// That of a store that may not even exist.
    Apart(Box<dyn SchemaStore>, RetryPolicy, Scope),
}

impl Schema<'static> {
    pub(super) fn apart(schema: Box<dyn SchemaStore>, policy: RetryPolicy) -> Self {
        Self(Source::Apart(schema, policy, Scope::default()))
    }
}

impl Schema<'_> {
    /// The migrations that are not applied, in order, with their statements. Nothing is changed or created.
    ///
    /// # Errors
    /// [`Error::Unsupported`] from a backend without migrations of its own; [`Error::IncompatibleSchema`] if a newer
    /// program wrote the schema; the errors of the backend.
    pub async fn pending(&self) -> Result<Vec<SchemaMigration>> {
        let schema = self.backend()?;
        self.operation("schema_pending").run(|_| schema.pending()).await
    }

    /// A script for `psql` or `sqlite3` that does by hand what [`apply`](Self::apply) does, in one transaction: the pending
    /// migrations and the record of them. A store that is opened with [`Migrate::Check`](crate::Migrate::Check) accepts the
    /// result. Empty if nothing is pending.
    ///
    /// # Errors
    /// As [`pending`](Self::pending).
    pub async fn sql(&self) -> Result<String> {
        let schema = self.backend()?;
        self.operation("schema_sql").run(|_| schema.script()).await
    }

    /// Applies the pending migrations, all or none, and returns them. Programs that call it together wait for each other.
    ///
    /// # Errors
    /// As [`pending`](Self::pending); those of the database, such as missing rights.
    pub async fn apply(&self) -> Result<Vec<SchemaMigration>> {
        let schema = self.backend()?;
        self.operation("schema_apply").run(|_| schema.apply()).await
    }

    fn backend(&self) -> Result<&dyn SchemaStore> {
        match &self.0 {
            Source::Apart(schema, ..) => Ok(&**schema),
            Source::Open(store) => {
                let adapter = store.adapter();
                adapter
                    .schema()
                    .ok_or_else(|| Error::unsupported("migrate the schema", adapter.name(), ""))
            }
        }
    }

    fn operation(&self, name: &'static str) -> Operation<'_> {
        match &self.0 {
            Source::Open(store) => store.operation(name, None),
            Source::Apart(_, policy, scope) => {
                Operation { name, adapter: "schema", scope, stream_id: None, policy }
            }
        }
    }
}

impl fmt::Debug for Schema<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl EventStore {
    /// The schema of the store: which migrations are pending, and how to apply them. For a store that cannot be opened
    /// before, ask [`Connect::schema`](crate::store::Connect::schema).
    pub const fn schema(&self) -> Schema<'_> {
        Schema(Source::Open(self))
    }
}
