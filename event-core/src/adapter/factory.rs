//! [`AdapterFactory`]: registers a backend crate for URL schemes.

use std::sync::Arc;

use super::{Adapter, BoxFuture};
use crate::error::Result;

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
#[derive(Debug, Clone, Copy)]
pub struct AdapterFactory {
    schemes: &'static [&'static str],
    open: Open,
}

type Open = fn(&str) -> BoxFuture<'_, Result<Arc<dyn Adapter>>>;

impl AdapterFactory {
    /// A factory for URLs of these schemes.
    pub const fn new(schemes: &'static [&'static str], open: Open) -> Self {
        Self { schemes, open }
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
    pub(crate) async fn open(&self, url: &str) -> Result<Arc<dyn Adapter>> {
        (self.open)(url).await
    }
}

inventory::collect!(AdapterFactory);
