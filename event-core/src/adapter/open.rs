//! [`OpenOptions`]: what a backend is told when it opens the store of a URL.

use std::any::Any;
use std::fmt;

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

    /// Refuses what only a backend with a schema and with tables can do.
    pub(crate) fn require_defaults(mut self, backend: &'static str) -> Result<()> {
        if self.migrate != Migrate::OnConnect {
            let hint = "open the store without `migrate`";
            return Err(Error::unsupported("open a store without migrating it", backend, hint));
        }
        self.take_inline::<()>(backend).map(drop)
    }
}

/// An inline projection for the store that is opened. A backend crate makes it from its own kind of projection:
/// `event_postgres::inline(..)`, `event_sqlite::inline(..)`.
pub struct Inline {
    backend: &'static str,
    tables: Box<dyn Any + Send + Sync>,
}

impl Inline {
    /// For authors of backends: a projection for the adapter of this name, as
    /// [`take_inline`](OpenOptions::take_inline) returns it.
    pub fn new(backend: &'static str, tables: impl Any + Send + Sync) -> Self {
        Self { backend, tables: Box::new(tables) }
    }

    fn take<T: Any>(self, backend: &'static str) -> Result<T> {
        let hint = || format!("the projection is one for `{}`", self.backend);
        let refused = Error::unsupported("run the inline projection", backend, hint());
        if self.backend != backend {
            return Err(refused);
        }
        self.tables.downcast().map(|tables| *tables).map_err(|_| refused)
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").field("backend", &self.backend).finish_non_exhaustive()
    }
}
