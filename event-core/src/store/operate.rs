//! What an operator asks of a store beside its health: a backup, rights for a role, the state of projections. A backend that
//! does not have it says so, with [`Error::Unsupported`](crate::Error::Unsupported).

use std::path::Path;

use crate::adapter::ProjectionReport;
use crate::error::Result;
use crate::store::{EventStore, Operation, RetryPolicy};

impl EventStore {
    /// Copies the whole store into a new file, while others read and write. An existing file is never overwritten, and the
    /// file gets its name once the copy is whole.
    ///
    /// On SQLite. PostgreSQL has its own tools: `pg_dump`, or a base backup.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported); [`Error::Adapter`](crate::Error::Adapter) if the file exists or cannot
    /// be written.
    pub async fn backup(&self, path: impl AsRef<Path> + Send) -> Result<()> {
        let (adapter, never, path) = (&self.shared.adapter, RetryPolicy::never(), path.as_ref());
        let operation = Operation { policy: &never, ..self.operation("backup", None) };
        operation.run(|_| adapter.backup(path)).await
    }

    /// Lets a role of the database use this store as an application: read, write through the store's functions only, and
    /// run projections. To be called by the owner of the schema, again after an update that migrated it.
    ///
    /// On PostgreSQL. The adapter also grants what an administrator of projections needs:
    /// `store.backend::<PgAdapter>()` and its `grant_admin_to`.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported); [`Error::Adapter`](crate::Error::Adapter) if there is no such role,
    /// or the caller does not own the schema.
    pub async fn grant(&self, role: &str) -> Result<()> {
        let adapter = &self.shared.adapter;
        self.operation("grant", None).run(|_| adapter.grant(role)).await
    }

    /// Every build of every projection in tables, whichever program runs it: by name and number, and how far each is.
    ///
    /// On PostgreSQL and SQLite. The projections in the memory of a program are not the store's.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported), [`Error::Connection`](crate::Error::Connection).
    pub async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        let adapter = &self.shared.adapter;
        self.operation("projections", None).run(|_| adapter.projections()).await
    }
}
