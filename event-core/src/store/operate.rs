//! What an operator asks of a store beside its health: a backup, rights for a role, the state of projections. A backend that
//! does not have it says so, with [`Error::Unsupported`].

use std::path::Path;

use crate::adapter::{ProjectionReport, Switch};
use crate::error::{Error, Result};
use crate::store::{EventStore, Operation, RetryPolicy};

impl EventStore {
    /// Copies the whole store into a new file, while others read and write. An existing file is never overwritten, and the
    /// file gets its name once the copy is whole.
    ///
    /// On SQLite. PostgreSQL has its own tools: `pg_dump`, or a base backup.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; [`Error::Adapter`] if the file exists or cannot
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
    /// [`Error::Unsupported`]; [`Error::Adapter`] if there is no such role,
    /// or the caller does not own the schema.
    pub async fn grant(&self, role: &str) -> Result<()> {
        let adapter = &self.shared.adapter;
        self.operation("grant", None).run(|_| adapter.grant(role)).await
    }

    /// Every build of every projection in tables, whichever program runs it: by name and number, and how far each is.
    ///
    /// The projections in the memory of a program are not the store's.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Connection`].
    pub async fn projections(&self) -> Result<Vec<ProjectionReport>> {
        let adapter = &self.shared.adapter;
        self.operation("projections", None).run(|_| adapter.projections()).await
    }

    /// Makes a build of a projection the one that readers read: the switch after a build, or back to the previous one.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a build that is behind the current one or does not exist;
    /// [`Error::Unsupported`], [`Error::Connection`].
    pub async fn switch_projection(&self, name: &str, build: u32) -> Result<()> {
        let adapter = &self.shared.adapter;
        let operation = self.operation("switch_projection", None);
        let switched = operation.run(|_| adapter.switch_projection(name, build)).await?;
        let refused = |reason| {
            let reason = format!("`{name}`, build {build}: {reason}");
            Err(operation.refuse(Error::adapter("switch a projection", reason)))
        };
        match switched {
            Switch::Done => Ok(()),
            Switch::Behind => refused("it is behind the current build; let it catch up first"),
            Switch::Missing => refused("there is no such build"),
        }
    }

    /// Removes a build of a projection that readers do not read, with its tables or documents. False if it does not exist.
    ///
    /// # Errors
    /// [`Error::Adapter`] for the current build;
    /// [`Error::Unsupported`], [`Error::Connection`].
    pub async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        let adapter = &self.shared.adapter;
        let operation = self.operation("drop_projection", None);
        let builds = operation.run(|_| adapter.projections()).await?;
        if builds.iter().any(|it| it.name == name && it.build == build && it.is_current) {
            let reason = "readers read it; switch to another build first";
            let reason = format!("`{name}`, build {build}: {reason}");
            return Err(operation.refuse(Error::adapter("drop a projection", reason)));
        }
        operation.run(|_| adapter.drop_projection(name, build)).await
    }
}
