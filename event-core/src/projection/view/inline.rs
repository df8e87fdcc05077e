//! A view that is written in the transaction of each append.

use std::marker::PhantomData;
use std::sync::Arc;

use super::View;
use super::cache::Changes;
use super::fold::{FOLD, Failed, Folder, fault, keys_of_all};
use crate::adapter::{
    AfterCommit, AllOptions, BuildMove, DocumentKey, DocumentWrite, Inline, InlineModel,
    InlineTransaction, IntoInline, StoredBuild, StoredDocument, async_trait, not_moved,
};
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::{BoxError, Error, Result};
use crate::projection::builds::Model;
use crate::projection::inline::InlineDefinition;
use crate::projection::projector::ProjectionBuild;
use crate::store::EventStore;

/// Tells views apart from what else [`Connect::inline`](crate::store::Connect::inline) takes.
#[derive(Debug)]
pub struct OfView;

impl<V: View> IntoInline<OfView> for V {
    fn into_inline(self) -> Inline {
        Inline::of_model(
            Arc::new(InlineView::<V>::new()),
            Arc::new(|adapter| {
                Box::pin(
                    async move { EventStore::new(adapter)?.view::<V>().catch_up().await.map(drop) },
                )
            }),
        )
    }
}

/// A view that is written with the append.
pub(super) struct InlineView<V> {
    definition: InlineDefinition,
    view: PhantomData<fn() -> V>,
}

impl<V: View> InlineView<V> {
    pub(super) fn new() -> Self {
        let definition = InlineDefinition::new(Model::of_view::<V>(), V::filter());
        Self { definition, view: PhantomData }
    }
}

#[async_trait]
impl<V: View> InlineModel for InlineView<V> {
    fn name(&self) -> &'static str {
        V::NAME
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
        let own = self.definition.build(FOLD, build.number)?;
        let typed: Result<Vec<_>> =
            events.into_iter().map(|event| Ok((V::Event::decode(&event)?, event))).collect();
        let typed = typed?;
        let (keyed, bad_key) = keys_of_all::<V>(&typed);
        if let Some(failed) = bad_key {
            return Err(refused(&own, &typed, failed));
        }
        let mut folder = Folder::<V>::new(step.is_current == Some(true));
        let missing = folder.missing(&keyed);
        let loaded = transaction.load(V::NAME, build.number, &missing).await?;
        let changes = fold_all(&mut folder, &typed, &keyed, loaded);
        let documents = changes.map_err(|failed| refused(&own, &typed, failed))?;
        let write = DocumentWrite { name: V::NAME, build: build.number, step, documents };
        if !transaction.write_documents(write).await? {
            return Err(not_moved(V::NAME));
        }
        let effects = folder.effects;
        Ok((!effects.is_empty())
            .then(|| -> AfterCommit { Box::pin(async move { effects.run(V::NAME).await }) }))
    }
}

/// Folds events into the documents that were loaded for them; what is to be written then.
fn fold_all<V: View>(
    folder: &mut Folder<V>,
    typed: &[(V::Event, RecordedEvent)],
    keyed: &[Vec<DocumentKey>],
    loaded: Vec<StoredDocument>,
) -> Result<Changes, (usize, Failed)> {
    if let Some(failed) = folder.put(keyed, loaded) {
        return Err(failed);
    }
    for (at, ((event, recorded), keys)) in typed.iter().zip(keyed).enumerate() {
        folder.fold(event, recorded, keys).map_err(|failed| (at, failed))?;
    }
    folder.cache.changes().map_err(|(key, error)| {
        let at = keyed.iter().rposition(|keys| keys.contains(&key)).unwrap_or_default();
        (at, (Some(key), BoxError::from(error)))
    })
}

/// The error of an event that was not folded.
fn refused<E>(
    build: &ProjectionBuild,
    typed: &[(E, RecordedEvent)],
    (at, failed): (usize, Failed),
) -> Error {
    match typed.get(at) {
        Some((_, recorded)) => fault(build, recorded, failed),
        None => Error::adapter(FOLD, failed.1),
    }
}
