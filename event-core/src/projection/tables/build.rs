//! [`TablesBuild`]: applies events to the tables of one build.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{TableProjection, TablesTx};
use crate::adapter::{
    BuildMove, ModelKind, OpenTables, StoredBuild, Switch, TableConnection, TableWork, async_trait,
};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result};
use crate::projection::builds::{self, Model, stored_status};
use crate::projection::effects::{Busy, Collected, Effects};
use crate::projection::projector::{
    NotWritten, ProjectedBatch, ProjectionBuild, ProjectionStatus, ProjectionTables,
};
use crate::store::EventStore;
use crate::subscription::guarded;
use crate::value::{Escaped, Position, Tenant};

pub(super) const OPERATION: &str = "write a table projection";

/// The tables of one build.
pub(super) struct TablesBuild<P: TableProjection> {
    store: EventStore,
    projection: Arc<P>,
    build: ProjectionBuild,
    tables: Box<dyn OpenTables>,
    /// Whether it is the build that readers read, by its status.
    is_current: bool,
    effects: Collected,
    busy: Busy,
}

impl<P: TableProjection> TablesBuild<P> {
    pub(super) async fn open(
        store: EventStore,
        projection: Arc<P>,
        build: &StoredBuild,
        busy: Busy,
    ) -> Result<Self> {
        let named = (P::NAME, build.number);
        let build = ProjectionBuild::new(OPERATION, named, P::filter(), |own| own)?;
        let model = Model::of_tables::<P>().table_model(build.number);
        let model = model.ok_or_else(|| Error::adapter(OPERATION, "it has no tables"))?;
        let tables = builds::tables(&store, OPERATION)?.open(model).await?;
        let effects = Collected::default();
        Ok(Self { store, projection, build, tables, is_current: false, effects, busy })
    }

    fn work(
        &self,
        events: Vec<(P::Event, RecordedEvent)>,
        effects: Option<Collected>,
    ) -> (Box<dyn TableWork>, Failed) {
        let failed = Failed::default();
        let without_tenant = self.tables.without_tenant().filter(|_| !P::SHARED);
        let work = ApplyEvents {
            projection: Arc::clone(&self.projection),
            events,
            without_tenant: without_tenant.map(str::to_owned),
            failed: Arc::clone(&failed),
            effects,
        };
        (Box::new(work), failed)
    }
}

/// The index of the event that is applied.
pub(super) type Failed = Arc<AtomicUsize>;

impl<P: TableProjection> ProjectionTables for TablesBuild<P> {
    type Event = P::Event;

    fn build(&self) -> &ProjectionBuild {
        &self.build
    }

    async fn status(&mut self) -> Result<Option<ProjectionStatus>> {
        let models = builds::models(&self.store, OPERATION)?;
        let builds = models.builds(P::NAME).await?;
        let own = builds.into_iter().find(|build| build.number == self.build.number);
        let Some(own) = own else { return Ok(None) };
        Model::of_tables::<P>().check(&own)?;
        Ok(Some(stored_status(&own)))
    }

    async fn write(
        &mut self,
        from: Position,
        batch: ProjectedBatch<P::Event>,
    ) -> Result<bool, NotWritten> {
        let ProjectedBatch { events, up_to, epoch, count, last } = batch;
        let is_current = self.is_current;
        let step =
            BuildMove { from, up_to, epoch, events: count, last, is_current: Some(is_current) };
        self.effects.forget();
        let (work, _) = self.work(events, is_current.then(|| self.effects.clone()));
        self.busy.set(is_current);
        let written = self.tables.write(step, work).await;
        self.busy.set(is_current && matches!(written, Ok(true)));
        written
    }

    async fn committed(&mut self) {
        self.effects.run(P::NAME).await;
        self.busy.set(false);
    }

    fn forget(&mut self, status: &ProjectionStatus) {
        self.is_current = status.is_current;
        self.effects.forget();
    }

    async fn first_to_fail(
        &mut self,
        from: Position,
        events: Vec<(P::Event, RecordedEvent)>,
    ) -> Option<(usize, NotWritten)> {
        let (work, failed) = self.work(events, None);
        let refused = self.tables.try_out(from, work).await?;
        Some((failed.load(Ordering::Relaxed), refused))
    }

    async fn switch(&mut self) -> Result<Switch> {
        builds::models(&self.store, OPERATION)?.switch(P::NAME, self.build.number).await
    }
}

/// Applies events, one after the other.
pub(super) struct ApplyEvents<P: TableProjection> {
    pub(super) projection: Arc<P>,
    pub(super) events: Vec<(P::Event, RecordedEvent)>,
    /// A table that holds rows of the default tenant only.
    pub(super) without_tenant: Option<String>,
    pub(super) failed: Failed,
    /// Where effects are collected; `None` where none are run.
    pub(super) effects: Option<Collected>,
}

#[async_trait]
impl<P: TableProjection> TableWork for ApplyEvents<P> {
    async fn run(self: Box<Self>, connection: &mut dyn TableConnection) -> Result<(), BoxError> {
        let Self { projection, events, without_tenant, failed, effects: collected } = *self;
        for (index, (event, recorded)) in events.into_iter().enumerate() {
            failed.store(index, Ordering::Relaxed);
            if let Some(table) = &without_tenant {
                check_tenant(table, recorded.tenant())?;
            }
            let mut tables = TablesTx::new(&mut *connection, Effects::new(collected.is_some()));
            guarded(|| projection.apply(event, &recorded, &mut tables)).await?;
            let effects = tables.end()?;
            if let Some(collected) = &collected {
                collected.take_in(recorded.position(), effects);
            }
        }
        Ok(())
    }
}

fn check_tenant(table: &str, tenant: &Tenant) -> Result<()> {
    if *tenant == Tenant::default() {
        return Ok(());
    }
    let tenant = Escaped(tenant.as_str());
    let reason = format!(
        "the event is of the tenant `{tenant}`, and the table `{table}` has no column `tenant` to tell its rows apart; declare one, \
         or let the projection be `SHARED`"
    );
    Err(Error::adapter(OPERATION, reason))
}

impl Model {
    /// The definition of a table projection.
    pub(super) fn of_tables<P: TableProjection>() -> Self {
        Self::new(P::NAME, ModelKind::Tables, P::VERSION, &P::filter())
            .with_tables(P::create(), P::SHARED)
    }
}
