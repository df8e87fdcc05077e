//! [`Settings`]: what a console was told by its builder.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use event_core::{EventStore, Result};

/// Renders the metrics of the application as Prometheus text.
pub(crate) type Render = dyn Fn() -> String + Send + Sync;

/// Rebuilds a projection in a store, and returns how many events it folded.
pub(crate) type Rebuild =
    dyn Fn(EventStore) -> Pin<Box<dyn Future<Output = Result<u64>> + Send>> + Send + Sync;

/// What a console was told by its builder.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) allows_actions: bool,
    pub(crate) token: Option<String>,
    /// The path in front of every link; `None` to find it out from each request.
    pub(crate) base_path: Option<String>,
    /// Host names beside those of this machine.
    pub(crate) hosts: Vec<String>,
    pub(crate) sample_every: Duration,
    pub(crate) render: Option<Arc<Render>>,
    /// By the name of the projection.
    pub(crate) rebuilds: BTreeMap<String, Arc<Rebuild>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allows_actions: false,
            token: None,
            base_path: None,
            hosts: Vec::new(),
            sample_every: Duration::from_secs(5),
            render: None,
            rebuilds: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Settings {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("allows_actions", &self.allows_actions)
            .field("has_token", &self.token.is_some())
            .field("base_path", &self.base_path)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}
