//! [`AdapterFactory`]: how a backend crate offers itself for the URLs of its schemes.

use std::sync::Arc;

use super::{Adapter, BoxFuture};
use crate::error::Result;

/// How a backend crate offers itself: `inventory` collects one per backend that is linked.
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
    /// A backend for URLs of these schemes.
    pub const fn new(schemes: &'static [&'static str], open: Open) -> Self {
        Self { schemes, open }
    }

    /// The one that opens URLs of a scheme, if its crate is linked.
    pub(crate) fn of_scheme(scheme: &str) -> Option<&'static Self> {
        inventory::iter::<Self>().find(|factory| factory.schemes.contains(&scheme))
    }

    /// Every scheme that a linked crate opens.
    pub(crate) fn schemes() -> impl Iterator<Item = &'static str> {
        inventory::iter::<Self>().flat_map(|factory| factory.schemes.iter().copied())
    }

    /// Opens the adapter that a URL names.
    pub(crate) async fn open(&self, url: &str) -> Result<Arc<dyn Adapter>> {
        (self.open)(url).await
    }
}

inventory::collect!(AdapterFactory);
