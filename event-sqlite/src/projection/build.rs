//! [`SqliteBuild`]: the tables of one build of a projection, and how it begins: its row, its tables.

use std::fmt;
use std::sync::Arc;

use event_core::{Error, Result};
use event_sql::projector::ProjectionBuild;

use super::{SqliteProjection, SqliteTables, status};
use crate::error::application;
use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement};
use crate::store::Store;

const OPERATION: &str = "begin a projection";

/// The tables of one build of a projection; what a [`SqliteProjector`](crate::SqliteProjector) writes.
pub struct SqliteBuild<P>(pub(super) Arc<BuildTables<P>>);

/// The same, for the store's thread: its transactions run there.
pub(super) struct BuildTables<P> {
    pub(super) store: Arc<Store>,
    pub(super) projection: P,
    pub(super) build: ProjectionBuild,
    pub(super) tables: SqliteTables,
}

impl<P: SqliteProjection> SqliteBuild<P> {
    /// Registers the build and creates its tables, unless that is done, in one transaction.
    pub(super) async fn begin(store: Arc<Store>, projection: P) -> Result<Self> {
        let filter = projection.filter();
        let prefix = |own| own + "_";
        let build = ProjectionBuild::new(OPERATION, (P::NAME, P::BUILD), filter, prefix)?;
        let tables = SqliteTables::new(build.schema.clone());
        let begun = Self(Arc::new(BuildTables { store, projection, build, tables }));
        if status::find(&begun.0.store, P::NAME, Some(P::BUILD)).await?.is_none() {
            begun.on_thread(|build| async move { build.create().await }).await??;
        }
        Ok(begun)
    }

    /// Runs a transaction on the store's thread.
    pub(super) async fn on_thread<T, F>(
        &self,
        work: impl FnOnce(Arc<BuildTables<P>>) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.0.store.thread.run("write a projection", work(Arc::clone(&self.0))).await
    }
}

impl<P: SqliteProjection> BuildTables<P> {
    async fn create(&self) -> Result<()> {
        let (mut transaction, _) = self.store.begin(OPERATION, sql::BEGIN.query()).await?;
        let register = named(sql::BEGIN_PROJECTION, &self.build)
            .bind(self.tables.prefix().to_owned())
            .bind(self.build.filter.to_string());
        if transaction.execute(register).await? == 0 {
            transaction.rollback().await;
            return Ok(());
        }
        if let Err(error) = check_free(&mut transaction, self.tables.prefix()).await {
            transaction.rollback().await;
            return Err(error);
        }
        let created = self.projection.create(transaction.connection(), &self.tables).await;
        if let Err(error) = created {
            transaction.rollback().await;
            let operation = "create the tables of a projection";
            return Err(application(operation, self.store.path(), error));
        }
        Ok(transaction.commit().await?)
    }
}

/// Refuses a build where something in the file has one of its names.
pub(super) async fn check_free(transaction: &mut Transaction<'_>, prefix: &str) -> Result<()> {
    let pattern = format!("{prefix}*");
    let others = transaction.fetch(sql::NAMED_LIKE.query().bind(pattern)).await?;
    let Some(other) = others.first() else { return Ok(()) };
    let other: String = Cells::new(other).first()?;
    let reason = format!("`{other}` is in the file already, and does not belong to the build");
    Err(Error::adapter(OPERATION, reason))
}

/// A statement about one build: its name and its number come first.
pub(super) fn named(statement: Statement, build: &ProjectionBuild) -> SqliteQuery {
    statement.query().bind(build.name).bind(i64::from(build.number))
}

impl<P> fmt::Debug for SqliteBuild<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteBuild").field("build", &self.0.build).finish_non_exhaustive()
    }
}
