//! A table projection that is written in the transaction of each append.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::TableProjection;
use super::build::{ApplyEvents, Failed, OPERATION};
use crate::adapter::{
    AfterCommit, AllOptions, BuildMove, Inline, InlineModel, InlineTransaction, IntoInline,
    StoredBuild, async_trait, not_moved,
};
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::{Error, Result};
use crate::projection::builds::Model;
use crate::projection::effects::Collected;
use crate::projection::inline::InlineDefinition;
use crate::projection::projector::{At, EventAt, Fault};
use crate::store::EventStore;

/// Tells table projections apart from what else [`Connect::inline`](crate::store::Connect::inline) takes.
#[derive(Debug)]
pub struct OfTables;

impl<P: TableProjection> IntoInline<OfTables> for P {
    fn into_inline(self) -> Inline {
        let projection = Arc::new(self);
        Inline::of_model(
            Arc::new(InlineTables::new(Arc::clone(&projection))),
            Arc::new(move |adapter| {
                let projection = Arc::clone(&projection);
                Box::pin(async move {
                    let tables = EventStore::new(adapter)?.tables::<P>();
                    tables.by_shared(projection).catch_up().await.map(drop)
                })
            }),
        )
    }
}

/// A table projection that is written with the append.
pub(super) struct InlineTables<P> {
    projection: Arc<P>,
    definition: InlineDefinition,
}

impl<P: TableProjection> InlineTables<P> {
    pub(super) fn new(projection: Arc<P>) -> Self {
        let definition = InlineDefinition::new(Model::of_tables::<P>(), P::filter());
        Self { projection, definition }
    }
}

#[async_trait]
impl<P: TableProjection> InlineModel for InlineTables<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn options(&self) -> &AllOptions {
        &self.definition.options
    }

    fn admits(&self, event: &RecordedEvent) -> bool {
        self.definition.admits(event)
    }

    fn check(&self, build: &StoredBuild) -> Result<()> {
        self.definition.model.check(build)
    }

    async fn apply(
        &self,
        build: &StoredBuild,
        step: BuildMove,
        events: Vec<RecordedEvent>,
        transaction: &mut dyn InlineTransaction,
    ) -> Result<Option<AfterCommit>> {
        let own = self.definition.build(OPERATION, build.number)?;
        let without_tables = || Error::adapter(OPERATION, "it has no tables");
        let model = self.definition.model.table_model(build.number).ok_or_else(without_tables)?;
        let at: Vec<_> = events.iter().map(EventAt::of).collect();
        let typed: Result<Vec<_>> =
            events.into_iter().map(|event| Ok((P::Event::decode(&event)?, event))).collect();
        let (failed, effects) = (Failed::default(), Collected::default());
        let work = ApplyEvents {
            projection: Arc::clone(&self.projection),
            events: typed?,
            without_tenant: transaction.without_tenant(model)?.filter(|_| !P::SHARED),
            failed: Arc::clone(&failed),
            effects: (step.is_current == Some(true)).then(|| effects.clone()),
        };
        match transaction.write_tables(model, step, Box::new(work)).await {
            Ok(true) => {}
            Ok(false) => return Err(not_moved(P::NAME)),
            Err(refused) => {
                let at = at.into_iter().nth(failed.load(Ordering::Relaxed));
                return Err(Fault::error(&own, at.map_or(At::Nothing, At::Event), refused));
            }
        }
        Ok((!effects.is_empty())
            .then(|| -> AfterCommit { Box::pin(async move { effects.run(P::NAME).await }) }))
    }
}
