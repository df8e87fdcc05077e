//! [`Model`]: which build of a read model a program reads and writes.

use crate::adapter::{
    ModelDefinition, ModelKind, ReadModelStore, StoredBuild, TableModel, TableStore,
};
use crate::error::{Error, Result};
use crate::projection::projector::ProjectionStatus;
use crate::store::EventStore;
use crate::subscription::Filter;
use crate::subscription::filter_text::is_same;

const FIND: &str = "find a read model";
/// What follows the filter in the text of a definition with tables: a hash of the statements that create them.
const TABLES: &str = "; tables ";

/// The read models of a store's backend.
pub(super) fn models<'s>(
    store: &'s EventStore,
    operation: &'static str,
) -> Result<&'s dyn ReadModelStore> {
    let adapter = store.adapter();
    adapter.read_models().ok_or_else(|| Error::unsupported(operation, adapter.name(), ""))
}

/// The tables of a store's backend.
pub(super) fn tables<'s>(
    store: &'s EventStore,
    operation: &'static str,
) -> Result<&'s dyn TableStore> {
    let hint = "a view is stored by every backend";
    let refused = || Error::unsupported(operation, store.adapter().name(), hint);
    models(store, operation)?.tables().ok_or_else(refused)
}

/// A read model as this program defines it.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) definition: ModelDefinition,
    /// The statements that create its tables, and whether every tenant may read them.
    tables: Option<(&'static [&'static str], bool)>,
}

impl Model {
    pub(super) fn new(name: &'static str, kind: ModelKind, version: u32, filter: &Filter) -> Self {
        let definition = ModelDefinition { kind, version, filter: filter.to_string() };
        Self { name, definition, tables: None }
    }

    /// The same with tables, which are part of the definition.
    pub(super) fn with_tables(mut self, create: &'static [&'static str], is_shared: bool) -> Self {
        let hash = hash(create, is_shared);
        self.definition.filter = format!("{}{TABLES}{hash:016x}", self.definition.filter);
        self.tables = Some((create, is_shared));
        self
    }

    /// A build with tables.
    pub(super) fn table_model(&self, build: u32) -> Option<TableModel> {
        let (create, is_shared) = self.tables?;
        Some(TableModel { name: self.name, build, create, is_shared })
    }

    /// Refuses a build that was made from another definition.
    pub(super) fn check(&self, build: &StoredBuild) -> Result<()> {
        let (own, found) = (&self.definition, &build.definition);
        let (name, number) = (self.name, build.number);
        let is_same_filter = is_same(filter_of(found), filter_of(own))?;
        let is_same_kind = own.kind == found.kind && own.version == found.version;
        if is_same_kind && is_same_filter && tables_of(own) == tables_of(found) {
            return Ok(());
        }
        let reason = if own.kind != found.kind {
            format!(
                "`{name}` is {} in this store, not {}; choose another name",
                found.kind, own.kind
            )
        } else if own.version < found.version {
            format!(
                "`{name}`, build {number}, was made by a newer program: its definition has version {}, this program's has {}; \
                 update this program",
                found.version, own.version
            )
        } else if own.version > found.version {
            format!(
                "`{name}`, build {number}, was made from version {} of its definition, and this program's has {}: `rebuild()` \
                 makes a new build and moves the readers over",
                found.version, own.version
            )
        } else if is_same_filter {
            format!(
                "`{name}`, build {number}, was created by other statements than this program's, of the same version {}; raise \
                 `VERSION`, then `rebuild()`",
                own.version
            )
        } else {
            format!(
                "`{name}`, build {number}, is folded from the events {}, and this program's definition of the same version {} from \
                 {}; raise `VERSION`, then `rebuild()`",
                filter_of(found),
                own.version,
                filter_of(own)
            )
        };
        Err(Error::adapter(FIND, reason))
    }

    /// The current build, if there is one and it is of this definition.
    pub(super) fn current<'b>(&self, builds: &'b [StoredBuild]) -> Result<Option<&'b StoredBuild>> {
        let current = builds.iter().find(|build| build.is_current);
        current.map(|build| self.check(build).map(|()| build)).transpose()
    }

    /// A build of this definition that was begun after the current one, and is not finished.
    fn unfinished<'b>(&self, builds: &'b [StoredBuild]) -> Option<&'b StoredBuild> {
        let current = builds.iter().find(|build| build.is_current);
        let after = current.map_or(0, |build| build.number);
        let own = |build: &&StoredBuild| build.number > after && self.check(build).is_ok();
        builds.iter().rfind(own)
    }

    /// The build to write: the current one; the first one, if there is none yet.
    pub(super) async fn build(&self, models: &dyn ReadModelStore) -> Result<StoredBuild> {
        let builds = models.builds(self.name).await?;
        match self.current(&builds)? {
            Some(build) => Ok(build.clone()),
            None => self.begin(models, builds).await,
        }
    }

    /// A build beside the current one: an unfinished one, or a new one.
    pub(super) async fn next(&self, models: &dyn ReadModelStore) -> Result<StoredBuild> {
        let builds = models.builds(self.name).await?;
        if let Some(current) = builds.iter().find(|build| build.is_current)
            && (current.definition.version > self.definition.version
                || current.definition.kind != self.definition.kind)
        {
            self.check(current)?;
        }
        self.begin(models, builds).await
    }

    async fn begin(
        &self,
        models: &dyn ReadModelStore,
        builds: Vec<StoredBuild>,
    ) -> Result<StoredBuild> {
        if let Some(build) = self.unfinished(&builds) {
            return Ok(build.clone());
        }
        let number = builds.last().map_or(1, |build| build.number.saturating_add(1));
        match (self.table_model(number), models.tables()) {
            (Some(model), Some(tables)) => tables.begin(model, &self.definition).await?,
            (Some(_), None) => return Err(Error::unsupported(FIND, "without tables", "")),
            (None, _) => models.begin(self.name, number, &self.definition).await?,
        }
        // Another program may have taken the number.
        let builds = models.builds(self.name).await?;
        let build = builds.into_iter().find(|build| build.number == number);
        let gone = || Error::overloaded(FIND, format!("build {number} of `{}` is gone", self.name));
        let build = build.ok_or_else(gone)?;
        self.check(&build)?;
        Ok(build)
    }
}

/// The filter in a definition.
fn filter_of(definition: &ModelDefinition) -> &str {
    parts(definition).0
}

/// The hash of the statements that create the tables in a definition.
fn tables_of(definition: &ModelDefinition) -> Option<&str> {
    parts(definition).1
}

fn parts(definition: &ModelDefinition) -> (&str, Option<&str>) {
    let text = definition.filter.as_str();
    match text.rsplit_once(TABLES) {
        Some((filter, hash)) if definition.kind == ModelKind::Tables => (filter, Some(hash)),
        _ => (text, None),
    }
}

/// FNV-1a of the statements that create tables: the same on every machine.
fn hash(create: &[&str], is_shared: bool) -> u64 {
    let text = create.iter().flat_map(|statement| statement.bytes().chain([0]));
    text.chain([is_shared.into()]).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The status of a build for its projector.
pub(super) fn stored_status(build: &StoredBuild) -> ProjectionStatus {
    ProjectionStatus {
        build: build.number,
        schema: String::new(),
        is_current: build.is_current,
        position: build.position,
        events: build.events,
        last_event_at: build.last_event_at,
        last_event: build.last_event,
        filter: filter_of(&build.definition).to_owned(),
    }
}
