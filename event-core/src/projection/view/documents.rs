//! [`Documents`]: reads the documents of a view, and runs it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::View;
use super::build::ViewBuild;
use super::fold::Undecodable;
use super::inline::InlineView;
use super::keys::{check_key, shown};
use crate::adapter::{
    DocumentKey, DocumentQuery, InlineModel, StoredBuild, StoredDocument, TenantView,
};
use crate::error::{Error, Result};
use crate::projection::builds::{Model, models};
use crate::projection::effects::Busy;
use crate::projection::progress::{ReadModelStatus, WaitFor};
use crate::projection::runner::{self, Run, Source};
use crate::store::EventStore;
use crate::value::{BatchSize, Position, Tenant};

const READ: &str = "read a view";
/// So many events are taken from the log at once.
const BATCH: u32 = 4_096;

/// The documents of a view, in the scope of a store: those of its tenant. [`EventStore::view`] makes it.
pub struct Documents<V> {
    store: EventStore,
    prefix: String,
    view: PhantomData<fn() -> V>,
}

/// A document with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document<V> {
    /// The tenant whose events it is folded from.
    pub tenant: Tenant,
    /// Its key.
    pub key: String,
    /// The document.
    pub value: V,
}

/// A page of documents, sorted by key in byte order; under all tenants, by tenant first.
///
/// ```
/// use event_core::BatchSize;
/// use event_core::projection::ViewPage;
///
/// # fn main() -> Result<(), event_core::InvalidBatchSize> {
/// let page = ViewPage::first().limit(BatchSize::new(20)?);
/// # let _ = page;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewPage {
    after: Option<(Option<Tenant>, String)>,
    limit: BatchSize,
}

impl ViewPage {
    /// The first page, of 1 000 documents at most.
    pub fn first() -> Self {
        Self::default()
    }

    /// The page after a key: that of the last document of the page before.
    pub fn after(key: impl Into<String>) -> Self {
        Self { after: Some((None, key.into())), ..Self::default() }
    }

    /// The page after a document. Under all tenants the key alone does not say where that is.
    pub fn after_document<V>(document: &Document<V>) -> Self {
        let after = Some((Some(document.tenant.clone()), document.key.clone()));
        Self { after, ..Self::default() }
    }

    /// Sets how many documents it has at most.
    #[must_use]
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }
}

impl<V: View> Documents<V> {
    pub(super) const fn new(store: EventStore) -> Self {
        Self { store, prefix: String::new(), view: PhantomData }
    }

    /// The same view, of which [`list`](Self::list) shows the documents whose key begins with a text only.
    #[must_use]
    pub fn where_key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The document with a key; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Adapter`] for what cannot be a key, for a view that was never run, and for documents of another definition;
    /// [`Error::Adapter`] under all tenants where several have the key, naming them; [`Error::Unsupported`],
    /// [`Error::Connection`].
    pub async fn get(&self, key: impl AsRef<str> + Send) -> Result<Option<V>> {
        let key = key.as_ref();
        self.store.operation("view_get", None).check(check_key(key))?;
        let mut found = self.read("view_get", DocumentQuery::Key(key.to_owned())).await?;
        if found.len() > 1 {
            let tenants: Vec<_> = found.iter().map(|it| it.key.tenant.as_str()).collect();
            let (key, tenants) = (shown(key), tenants.join(", "));
            let reason = format!(
                "`{}`: several tenants have a document with the key {key} ({tenants}, …); bind one with `with_scope`",
                V::NAME
            );
            return Err(Error::adapter(READ, reason));
        }
        found.pop().map(|found| Document::decode(found).map(|found| found.value)).transpose()
    }

    /// A page of documents, in the order of their keys. A page may have fewer documents than it was asked for, when they are
    /// large; the last page is the empty one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn list(&self, page: ViewPage) -> Result<Vec<Document<V>>> {
        if self.prefix.contains('\0') {
            // No key has it.
            return Ok(Vec::new());
        }
        let after = page.after.map(|(tenant, mut key)| {
            let tenant = tenant.or_else(|| self.store.tenant_view().tenant().cloned());
            // The keys after it are those after what is before a U+0000: no key has one.
            key.truncate(key.find('\0').unwrap_or(key.len()));
            DocumentKey { tenant: tenant.unwrap_or_default(), key }
        });
        let (prefix, limit) = (self.prefix.clone(), page.limit.get());
        let found = self.read("view_list", DocumentQuery::Page { after, prefix, limit }).await?;
        found.into_iter().map(Document::decode).collect()
    }

    async fn read(&self, name: &'static str, query: DocumentQuery) -> Result<Vec<StoredDocument>> {
        let operation = self.store.operation(name, None);
        let models = operation.check(models(&self.store, READ))?;
        let view: &TenantView = self.store.tenant_view();
        let found = operation.run(|_| models.read(V::NAME, view, &query)).await?;
        let Some((build, found)) = found else {
            let reason = format!(
                "`{}` has nothing to read yet: `run()` or `catch_up()` makes its first build",
                V::NAME
            );
            return Err(operation.refuse(Error::adapter(READ, reason)));
        };
        operation.check(Model::of_view::<V>().check(&build))?;
        Ok(found)
    }

    /// Runs the view: it catches up, then follows the log until the future is dropped or [`until`](Run::until) ends it. Any number
    /// of programs may run a view; each event is applied exactly once.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a view of another definition, and for an event that cannot be folded, with the event and the key;
    /// decoding errors; [`Error::LogDiverged`]. Transient errors are retried.
    pub fn run(&self) -> Run<'static> {
        Run::new(ViewSource::<V>::new(), self.store.clone())
    }

    /// Applies all events that are stored now; returns their number.
    ///
    /// # Errors
    /// As [`run`](Self::run), and the first transient error.
    pub async fn catch_up(&self) -> Result<u64> {
        runner::catch_up(&ViewSource::<V>::new(), &self.store.all_tenants()).await
    }

    /// Builds the documents from all events beside the current ones, which are read meanwhile; then switches readers to the new build
    /// and removes the old one. An interrupted rebuild is continued. Returns the number of applied events.
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up); a view of a newer definition is not replaced.
    pub async fn rebuild(&self) -> Result<u64> {
        runner::rebuild(&ViewSource::<V>::new(), &self.store.all_tenants()).await
    }

    /// Waits until the documents include a position, such as that of an append.
    pub fn wait_for(&self, position: Position) -> WaitFor {
        WaitFor::new(self.store.clone(), Model::of_view::<V>(), position)
    }

    /// How far the view is, whichever program runs it.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Connection`].
    pub async fn status(&self) -> Result<ReadModelStatus> {
        Model::of_view::<V>().status(&self.store).await
    }
}

impl<V: View> Document<V> {
    fn decode(found: StoredDocument) -> Result<Self> {
        let DocumentKey { tenant, key } = found.key;
        let value = serde_json::from_str(&found.text).map_err(|error| {
            let reason = format!(
                "`{}`: the document with the key {}: {}",
                V::NAME,
                shown(&key),
                Undecodable(error)
            );
            Error::adapter(READ, reason)
        })?;
        Ok(Self { tenant, key, value })
    }
}

/// A view to be run.
struct ViewSource<V>(Model, Busy, PhantomData<fn() -> V>);

impl<V: View> ViewSource<V> {
    fn new() -> Self {
        Self(Model::of_view::<V>(), Busy::default(), PhantomData)
    }
}

impl<V: View> Source for ViewSource<V> {
    type Tables = ViewBuild<V>;

    fn model(&self) -> &Model {
        &self.0
    }

    fn inline(&self) -> Arc<dyn InlineModel> {
        Arc::new(InlineView::<V>::new())
    }

    fn busy(&self) -> &Busy {
        &self.1
    }

    fn batch(&self) -> BatchSize {
        BatchSize::new(BATCH).unwrap_or_default()
    }

    async fn open(&self, store: &EventStore, build: &StoredBuild) -> Result<ViewBuild<V>> {
        ViewBuild::new(store.clone(), build, self.1.clone())
    }
}

impl<V> Clone for Documents<V> {
    fn clone(&self) -> Self {
        let (store, prefix) = (self.store.clone(), self.prefix.clone());
        Self { store, prefix, view: PhantomData }
    }
}

impl<V> fmt::Debug for Documents<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("store", &self.store).finish_non_exhaustive()
    }
}
