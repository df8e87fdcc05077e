//! [`OpenOptions`]: what a backend is told when it opens the store of a URL.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::inline::{InlineModel, InlineModels};
use super::{Adapter, BoxFuture};
use crate::error::{Error, Result};

/// What happens to a schema that lacks migrations when a store is opened.
///
/// A schema that a newer program wrote is refused in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migrate {
    /// Missing migrations are applied, and the schema is created if there is none.
    #[default]
    OnConnect,
    /// The schema is not touched. Opening is refused if it lacks what this program needs; a migration that only makes it
    /// faster may be missing.
    Never,
    /// The schema is not touched. Opening is refused if any migration is missing; the error lists them.
    Check,
}

/// What [`EventStore::connect`](crate::EventStore::connect) passes on to a backend.
#[derive(Debug, Default)]
pub struct OpenOptions {
    pub(crate) migrate: Migrate,
    pub(crate) inline: Vec<Inline>,
}

impl OpenOptions {
    /// Adds a read model that is written with the append.
    #[must_use]
    pub fn inline<K>(mut self, projection: impl IntoInline<K>) -> Self {
        self.inline.push(projection.into_inline());
        self
    }

    /// What happens to a schema that lacks migrations.
    pub const fn get_migrate(&self) -> Migrate {
        self.migrate
    }

    /// Takes the inline projections, in the order in which they were added; `T` is what the backend puts into an
    /// [`Inline`].
    ///
    /// # Errors
    /// [`Error::Unsupported`] for one of another backend.
    pub fn take_inline<T: Any>(&mut self, backend: &'static str) -> Result<Vec<T>> {
        let all = std::mem::take(&mut self.inline);
        all.into_iter().map(|inline| inline.take(backend)).collect()
    }

    /// Takes the views and table projections that are written with the append.
    pub fn take_models(&mut self) -> InlineModels {
        let mut models = InlineModels::default();
        let mut others = Vec::new();
        for inline in std::mem::take(&mut self.inline) {
            match inline {
                Inline(Kind::Model { model, .. }) => models.add(model),
                other => others.push(other),
            }
        }
        self.inline = others;
        models
    }

    /// What brings those models up to now, once the store is open.
    pub(crate) fn preparations(&self) -> Vec<Prepare> {
        let prepare = |inline: &Inline| match &inline.0 {
            Kind::Model { prepare, .. } => Some(Arc::clone(prepare)),
            Kind::Backend { .. } => None,
        };
        self.inline.iter().filter_map(prepare).collect()
    }

    /// Refuses what only a backend with a schema and with tables can do.
    pub(crate) fn require_defaults(mut self, backend: &'static str) -> Result<()> {
        if self.migrate != Migrate::OnConnect {
            let hint = "open the store without `migrate`";
            return Err(Error::unsupported("open a store without migrating it", backend, hint));
        }
        self.take_inline::<()>(backend).map(drop)
    }
}

/// A read model that is written in the transaction of each append it wants: a view, a table projection, or what a backend crate
/// makes of its own kind of projection by `event_postgres::inline(..)` and `event_sqlite::inline(..)`.
pub struct Inline(Kind);

enum Kind {
    Backend { backend: &'static str, tables: Box<dyn Any + Send + Sync> },
    Model { model: Arc<dyn InlineModel>, prepare: Prepare },
}

/// Brings an inline model up to now.
pub(crate) type Prepare =
    Arc<dyn Fn(Arc<dyn Adapter>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What [`Connect::inline`](crate::store::Connect::inline) takes. `Kind` tells the implementations apart, and is inferred.
pub trait IntoInline<Kind> {
    /// The read model as backends take it.
    fn into_inline(self) -> Inline;
}

impl IntoInline<Inline> for Inline {
    fn into_inline(self) -> Inline {
        self
    }
}

impl Inline {
    /// For authors of backends: a projection for the adapter of this name, as
    /// [`take_inline`](OpenOptions::take_inline) returns it.
    pub fn new(backend: &'static str, tables: impl Any + Send + Sync) -> Self {
        Self(Kind::Backend { backend, tables: Box::new(tables) })
    }

    /// A view or a table projection.
    pub(crate) fn of_model(model: Arc<dyn InlineModel>, prepare: Prepare) -> Self {
        Self(Kind::Model { model, prepare })
    }

    /// For authors of backends: makes the first build of a view or a table projection, and brings it up to now.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a build of another definition, and those of running the model.
    pub async fn prepare(&self, adapter: Arc<dyn Adapter>) -> Result<()> {
        match &self.0 {
            Kind::Model { prepare, .. } => prepare(adapter).await,
            Kind::Backend { .. } => Ok(()),
        }
    }

    fn take<T: Any>(self, backend: &'static str) -> Result<T> {
        const OPERATION: &str = "run the inline projection";
        let Kind::Backend { backend: own, tables } = self.0 else {
            return Err(Error::unsupported(OPERATION, backend, "let it run behind the log"));
        };
        let hint = || format!("the projection is one for `{own}`");
        let refused = Error::unsupported(OPERATION, backend, hint());
        if own != backend {
            return Err(refused);
        }
        tables.downcast().map(|tables| *tables).map_err(|_| refused)
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match &self.0 {
            Kind::Backend { backend, .. } => backend,
            Kind::Model { model, .. } => model.name(),
        };
        f.debug_tuple("Inline").field(&of).finish()
    }
}
