//! [`InlineModel`]: a view or a table projection that a backend writes in the transaction of each append it wants.
//!
//! [`InlineModels`] does the steps that all backends have in common: the current build is locked before the append, and after it
//! everything is applied that the build lacks, the events of the append last. So writers of one model take turns, and the model is
//! folded in global order, as a rebuild folds it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::append::Commit;
use super::builds::{BuildMove, LastEvent, StoredBuild};
use super::documents::{DocumentKey, DocumentWrite, StoredDocument};
use super::tables::{NotWritten, TableModel, TableWork};
use super::{AllOptions, BoxFuture};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::value::{BatchSize, Position};

const OPERATION: &str = "append with an inline read model";
/// So many events that others stored without the model are caught up by an append at most.
const MOST: usize = 1_000;

/// A read model that is written with the append.
#[async_trait]
pub trait InlineModel: Send + Sync {
    /// The name of the view or projection.
    fn name(&self) -> &'static str;

    /// The events that it is folded from, of all tenants.
    fn options(&self) -> &AllOptions;

    /// Whether an event of those is one of its own.
    fn admits(&self, event: &RecordedEvent) -> bool;

    /// Refuses a build of another definition.
    ///
    /// # Errors
    /// [`Error::Adapter`].
    fn check(&self, build: &StoredBuild) -> Result<()>;

    /// Writes what events change in a build, in the transaction; returns what is to be done after its commit.
    async fn apply(
        &self,
        build: &StoredBuild,
        step: BuildMove,
        events: Vec<RecordedEvent>,
        transaction: &mut dyn InlineTransaction,
    ) -> Result<Option<AfterCommit>>;
}

/// What is done after a commit.
pub type AfterCommit = BoxFuture<'static, ()>;

/// The transaction of an append, for the models that are written in it.
#[async_trait]
pub trait InlineTransaction: Send {
    /// The current build of a name, which stays current, and is moved by nobody else, until the end of the transaction.
    async fn lock(&mut self, name: &str) -> Result<Option<StoredBuild>>;

    /// A build of a name.
    async fn build(&mut self, name: &str, number: u32) -> Result<Option<StoredBuild>>;

    /// Makes a build the current one.
    async fn switch(&mut self, name: &str, number: u32) -> Result<()>;

    /// A page of the events that are stored, those of the append included, of all tenants.
    async fn events(&mut self, options: &AllOptions) -> Result<Vec<RecordedEvent>>;

    /// As [`ReadModelStore::load`](super::ReadModelStore::load).
    async fn load(
        &mut self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>>;

    /// As [`ReadModelStore::write`](super::ReadModelStore::write); false where nothing is written.
    async fn write_documents(&mut self, write: DocumentWrite) -> Result<bool>;

    /// As [`OpenTables::without_tenant`](super::OpenTables::without_tenant).
    ///
    /// # Errors
    /// [`Error::Adapter`] for statements that the backend cannot translate.
    fn without_tenant(&self, model: TableModel) -> Result<Option<String>>;

    /// As [`OpenTables::write`](super::OpenTables::write).
    async fn write_tables(
        &mut self,
        model: TableModel,
        step: BuildMove,
        work: Box<dyn TableWork>,
    ) -> Result<bool, NotWritten>;
}

/// What is done in a transaction that inline models are written in.
#[async_trait]
pub trait InlineWork: Send {
    /// Does it.
    async fn run(self: Box<Self>, transaction: &mut dyn InlineTransaction) -> Result<()>;
}

/// Lets a build catch up with the current one, which is not moved meanwhile, and makes it current: whoever writes that one waits.
pub(crate) struct Overtake {
    pub(crate) model: Arc<dyn InlineModel>,
    pub(crate) build: u32,
}

#[async_trait]
impl InlineWork for Overtake {
    async fn run(self: Box<Self>, transaction: &mut dyn InlineTransaction) -> Result<()> {
        let name = self.model.name();
        let Some(current) = transaction.lock(name).await? else { return Err(not_moved(name)) };
        let Some(own) = transaction.build(name, self.build).await? else {
            return Err(not_moved(name));
        };
        let models =
            WantingModels { wanting: vec![Arc::clone(&self.model)], own: 0, locked: vec![own] };
        if current.position > models.locked.first().map_or(Position::START, |own| own.position) {
            models.write(current.position, false, transaction).await?;
        }
        transaction.switch(name, self.build).await
    }
}

/// The models that a backend writes with its appends.
#[derive(Clone, Default)]
pub struct InlineModels(Vec<Arc<dyn InlineModel>>);

impl InlineModels {
    /// Adds a model.
    pub fn add(&mut self, model: Arc<dyn InlineModel>) {
        self.0.push(model);
        // All writers lock in one order.
        self.0.sort_by_key(|model| model.name());
    }

    /// Those that may want events of a commit; `None` if there are none.
    pub fn wanting(&self, commit: &Commit) -> Option<WantingModels> {
        let wanting: Vec<_> =
            self.0.iter().filter(|model| may_want(&***model, commit)).cloned().collect();
        let own = commit.appends.iter().map(|append| append.events.len()).sum();
        (!wanting.is_empty()).then_some(WantingModels { wanting, own, locked: Vec::new() })
    }
}

/// Whether a model may want events of a commit, by what is known before they are stored.
fn may_want(model: &dyn InlineModel, commit: &Commit) -> bool {
    let options = model.options();
    commit.appends.iter().any(|append| {
        let category = options.get_category();
        options.get_stream().is_none_or(|stream| *stream == append.stream_id)
            && category.is_none_or(|category| category == append.stream_id.category())
            && append.events.iter().any(|event| {
                let types = options.get_event_types();
                types.is_none_or(|types| types.iter().any(|name| **name == *event.event_type))
            })
    })
}

/// The models that want events of one commit.
pub struct WantingModels {
    wanting: Vec<Arc<dyn InlineModel>>,
    /// The number of events in the commit.
    own: usize,
    locked: Vec<StoredBuild>,
}

impl WantingModels {
    /// Locks the current builds; to be called before the append.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a build of another definition.
    pub async fn lock(&mut self, transaction: &mut dyn InlineTransaction) -> Result<()> {
        self.locked.clear();
        for model in &self.wanting {
            let name = model.name();
            let Some(build) = transaction.lock(name).await? else {
                let reason = format!("`{name}` has no build that is read: `rebuild()` makes one");
                return Err(Error::adapter(OPERATION, reason));
            };
            model.check(&build)?;
            self.locked.push(build);
        }
        Ok(())
    }

    /// Applies what the builds lack, up to the last event of the append; to be called after it, before the commit.
    ///
    /// # Errors
    /// That of the first model that refuses, which refuses the append.
    pub async fn apply(
        &self,
        last: Position,
        transaction: &mut dyn InlineTransaction,
    ) -> Result<Vec<AfterCommit>> {
        self.write(last, true, transaction).await
    }

    async fn write(
        &self,
        last: Position,
        is_current: bool,
        transaction: &mut dyn InlineTransaction,
    ) -> Result<Vec<AfterCommit>> {
        let mut after = Vec::new();
        for (model, build) in self.wanting.iter().zip(&self.locked) {
            let from = build.position;
            let options = model.options().clone().after(from).up_to(last).limit(BatchSize::MAX);
            let mut events = self.lacking(model.name(), options, transaction).await?;
            events.retain(|event| model.admits(event));
            // A build that overtakes is moved past what does not pass, too.
            if events.is_empty() && is_current {
                continue;
            }
            let step = BuildMove {
                from,
                up_to: last,
                epoch: 0,
                events: events.len() as u64,
                last: events.last().map(LastEvent::of),
                is_current: Some(is_current),
            };
            after.extend(model.apply(build, step, events, transaction).await?);
        }
        Ok(after)
    }

    /// The events that a build lacks.
    async fn lacking(
        &self,
        name: &str,
        mut options: AllOptions,
        transaction: &mut dyn InlineTransaction,
    ) -> Result<Vec<RecordedEvent>> {
        let mut events = Vec::new();
        loop {
            let mut page = transaction.events(&options).await?;
            let is_full = page.len() >= options.get_limit().get() as usize;
            events.append(&mut page);
            if events.len() > self.own.saturating_add(MOST) {
                let reason = format!(
                    "`{name}` lacks more than {MOST} events, which were imported or stored by programs without it: let it catch up"
                );
                return Err(Error::adapter(OPERATION, reason));
            }
            match events.last().map(RecordedEvent::position) {
                Some(last) if is_full => options = options.after(last),
                _ => return Ok(events),
            }
        }
    }
}

/// The error of a model that was not moved, though its build is locked.
pub(crate) fn not_moved(name: &str) -> Error {
    Error::overloaded(OPERATION, format!("the log or a build of `{name}` changed meanwhile"))
}

impl fmt::Debug for InlineModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|model| model.name())).finish()
    }
}

impl fmt::Debug for WantingModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.wanting.iter().map(|model| model.name())).finish()
    }
}
