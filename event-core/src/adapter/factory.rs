//! [`AdapterFactory`]: registers a backend crate for URL schemes.

use std::fmt;
use std::sync::Arc;

use super::{Adapter, BoxFuture, OpenOptions, SchemaStore};
use crate::error::{Error, Result};

/// Opens the adapter of a backend crate for its URL schemes. `inventory` collects one factory per linked backend.
///
/// ```
/// use std::sync::Arc;
///
/// use event_core::adapter::{Adapter, AdapterFactory};
/// use event_core::{MemoryAdapter, Result};
///
/// event_core::adapter::submit! {
///     AdapterFactory::new(&["throwaway"], |_url| {
///         Box::pin(async { Ok(Arc::new(MemoryAdapter::new()) as Arc<dyn Adapter>) })
///     })
/// }
/// ```
#[derive(Clone, Copy)]
pub struct AdapterFactory {
    schemes: &'static [&'static str],
    open: Open,
    schema: Option<OpenSchema>,
}

#[derive(Clone, Copy)]
enum Open {
    Plain(OpenPlain),
    Configured(OpenConfigured),
}

type OpenPlain = fn(&str) -> BoxFuture<'_, Result<Arc<dyn Adapter>>>;
type OpenConfigured = fn(&str, OpenOptions) -> BoxFuture<'_, Result<Arc<dyn Adapter>>>;
type OpenSchema = fn(&str) -> BoxFuture<'_, Result<Box<dyn SchemaStore>>>;

impl AdapterFactory {
    /// A factory for URLs of these schemes, of a backend without a schema and without inline projections.
    pub const fn new(schemes: &'static [&'static str], open: OpenPlain) -> Self {
        Self { schemes, open: Open::Plain(open), schema: None }
    }

    /// A factory for URLs of these schemes, of a backend that follows the [`OpenOptions`]. `schema` gives access to the
    /// migrations of a store that cannot be opened before they are applied.
    pub const fn configured(
        schemes: &'static [&'static str],
        open: OpenConfigured,
        schema: OpenSchema,
    ) -> Self {
        Self { schemes, open: Open::Configured(open), schema: Some(schema) }
    }

    /// The factory for a scheme, if its crate is linked.
    pub(crate) fn of_scheme(scheme: &str) -> Option<&'static Self> {
        inventory::iter::<Self>().find(|factory| factory.schemes.contains(&scheme))
    }

    /// The schemes of all linked backends.
    pub(crate) fn schemes() -> impl Iterator<Item = &'static str> {
        inventory::iter::<Self>().flat_map(|factory| factory.schemes.iter().copied())
    }

    /// Opens the adapter that a URL names.
    pub(crate) async fn open(&self, url: &str, options: OpenOptions) -> Result<Arc<dyn Adapter>> {
        match self.open {
            Open::Configured(open) => open(url, options).await,
            Open::Plain(open) => {
                options.require_defaults(self.name())?;
                open(url).await
            }
        }
    }

    /// Opens the migrations of the store that a URL names.
    pub(crate) async fn open_schema(&self, url: &str) -> Result<Box<dyn SchemaStore>> {
        match self.schema {
            Some(open) => open(url).await,
            None => Err(Error::unsupported("migrate the schema", self.name(), "")),
        }
    }

    fn name(&self) -> &'static str {
        self.schemes.first().copied().unwrap_or_default()
    }
}

impl fmt::Debug for AdapterFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdapterFactory").field("schemes", &self.schemes).finish_non_exhaustive()
    }
}

inventory::collect!(AdapterFactory);
