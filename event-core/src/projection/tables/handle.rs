//! [`Tables`]: reads the tables of a projection, and runs it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::TableProjection;
use super::build::TablesBuild;
use super::inline::InlineTables;
use super::tx::checked;
use crate::adapter::tables::{IntoParams, TableRow};
use crate::adapter::{InlineModel, StoredBuild};
use crate::error::{Error, Result};
use crate::projection::builds::{self, Model, models};
use crate::projection::effects::Busy;
use crate::projection::progress::{ReadModelStatus, WaitFor};
use crate::projection::runner::{self, Run, Source};
use crate::store::EventStore;
use crate::value::{BatchSize, Position};

const READ: &str = "read tables";
const RUN: &str = "run a table projection";
/// So many events are written in one transaction at most: on SQLite appends wait for it.
const BATCH: u32 = 500;
/// How often a query is repeated whose build was replaced meanwhile.
const REPLACED: usize = 5;

/// The tables of a projection, in the scope of a store. [`EventStore::tables`] makes it.
pub struct Tables<P> {
    store: EventStore,
    projection: PhantomData<fn() -> P>,
}

impl<P: TableProjection> Tables<P> {
    pub(super) const fn new(store: EventStore) -> Self {
        Self { store, projection: PhantomData }
    }

    /// Runs a statement that only reads, `SELECT` or `WITH`, on the tables of the current build; `{orders}` names a table, `$1` the
    /// first parameter. All rows are in memory at once.
    ///
    /// A store that is bound to a tenant reads the rows of that tenant only.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a projection that was never run, or of another definition, for a table that was not declared, for
    /// parameters that do not fit, and for what the database refuses; [`Error::Unsupported`], [`Error::Connection`].
    pub async fn query(&self, sql: &str, params: impl IntoParams) -> Result<Vec<TableRow>> {
        let operation = self.store.operation("tables_query", None);
        let params = operation.check(checked(READ, params))?;
        let models = operation.check(models(&self.store, READ))?;
        let tables = operation.check(builds::tables(&self.store, READ))?;
        let own = Model::of_tables::<P>();
        let view = self.store.tenant_view();
        let mut tried = None;
        for _ in 0..REPLACED {
            let builds = operation.run(|_| models.builds(P::NAME)).await?;
            let Some(current) = operation.check(own.current(&builds))? else {
                let reason = format!(
                    "`{}` has nothing to read yet: `run()` or `catch_up()` makes its first build",
                    P::NAME
                );
                return Err(operation.refuse(Error::adapter(READ, reason)));
            };
            let number = current.number;
            // The tables of a build that was replaced since may be gone: those of the new one answer.
            if let Some((before, error)) = tried.take()
                && before == number
            {
                return Err(error);
            }
            let Some(model) = own.table_model(number) else { break };
            let found = operation.run(|_| tables.query(model, view, sql, params.clone())).await;
            match found {
                Ok(rows) => return Ok(rows),
                Err(error) => tried = Some((number, error)),
            }
        }
        let busy = || Error::overloaded(READ, "the builds replace one another too fast");
        Err(tried.map_or_else(busy, |(_, error)| error))
    }

    /// The same tables, run by a given value of the projection instead of its default.
    pub fn by(&self, projection: P) -> TableRunner<P> {
        self.by_shared(Arc::new(projection))
    }

    pub(super) fn by_shared(&self, projection: Arc<P>) -> TableRunner<P> {
        TableRunner { store: self.store.clone(), projection }
    }

    /// Waits until the tables include a position, such as that of an append.
    pub fn wait_for(&self, position: Position) -> WaitFor {
        WaitFor::new(self.store.clone(), Model::of_tables::<P>(), position)
    }

    /// How far the projection is, whichever program runs it.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Connection`].
    pub async fn status(&self) -> Result<ReadModelStatus> {
        builds::tables(&self.store, READ)?;
        Model::of_tables::<P>().status(&self.store).await
    }
}

impl<P: TableProjection + Default> Tables<P> {
    /// As [`TableRunner::run`], with the default projection.
    ///
    /// # Errors
    /// As there.
    pub fn run(&self) -> Run<'static> {
        self.by(P::default()).run()
    }

    /// As [`TableRunner::catch_up`], with the default projection.
    ///
    /// # Errors
    /// As there.
    pub async fn catch_up(&self) -> Result<u64> {
        self.by(P::default()).catch_up().await
    }

    /// As [`TableRunner::rebuild`], with the default projection.
    ///
    /// # Errors
    /// As there.
    pub async fn rebuild(&self) -> Result<u64> {
        self.by(P::default()).rebuild().await
    }
}

/// A projection and its tables, to be run. [`Tables::by`] makes it.
pub struct TableRunner<P> {
    store: EventStore,
    projection: Arc<P>,
}

impl<P: TableProjection> TableRunner<P> {
    fn source(&self) -> TablesSource<P> {
        let (model, busy) = (Model::of_tables::<P>(), Busy::default());
        TablesSource { model, projection: Arc::clone(&self.projection), busy }
    }

    /// Runs the projection: it catches up, then follows the log until the future is dropped or [`until`](Run::until) ends it. Any
    /// number of programs may run it; each event is applied exactly once.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a projection of another definition, for statements that the backend refuses, and for an event that
    /// cannot be applied, with the event and the statement; decoding errors; [`Error::LogDiverged`]. Transient errors are retried.
    pub fn run(&self) -> Run<'static> {
        Run::new(self.source(), self.store.clone())
    }

    /// Applies all events that are stored now; returns their number.
    ///
    /// # Errors
    /// As [`run`](Self::run), and the first transient error.
    pub async fn catch_up(&self) -> Result<u64> {
        runner::catch_up(&self.source(), &self.store.all_tenants()).await
    }

    /// Builds the tables from all events beside the current ones, which are read meanwhile; then switches queries to the new build and
    /// drops the old one. An interrupted rebuild is continued. Returns the number of applied events.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up); a projection of a newer definition is not replaced.
    pub async fn rebuild(&self) -> Result<u64> {
        runner::rebuild(&self.source(), &self.store.all_tenants()).await
    }
}

/// A table projection to be run.
struct TablesSource<P> {
    model: Model,
    projection: Arc<P>,
    busy: Busy,
}

impl<P: TableProjection> Source for TablesSource<P> {
    type Tables = TablesBuild<P>;

    fn model(&self) -> &Model {
        &self.model
    }

    fn inline(&self) -> Arc<dyn InlineModel> {
        Arc::new(InlineTables::new(Arc::clone(&self.projection)))
    }

    fn busy(&self) -> &Busy {
        &self.busy
    }

    fn batch(&self) -> BatchSize {
        BatchSize::new(BATCH).unwrap_or_default()
    }

    fn check(&self, store: &EventStore) -> Result<()> {
        let tables = builds::tables(store, RUN)?;
        self.model.table_model(1).map_or(Ok(()), |model| tables.check(model))
    }

    async fn remove(&self, store: &EventStore, build: u32) -> Result<bool> {
        builds::tables(store, RUN)?.remove(self.model.name, build).await
    }

    async fn open(&self, store: &EventStore, build: &StoredBuild) -> Result<TablesBuild<P>> {
        let projection = Arc::clone(&self.projection);
        TablesBuild::open(store.clone(), projection, build, self.busy.clone()).await
    }
}

impl<P> Clone for Tables<P> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), projection: PhantomData }
    }
}

impl<P> fmt::Debug for Tables<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("store", &self.store).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for TableRunner<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableRunner").field("store", &self.store).finish_non_exhaustive()
    }
}
