//! [`Host`]: the program that the commands are part of.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use event_core::{EventStore, Result, View};

/// Rebuilds a projection in a store, and returns how many events it folded.
type Rebuild =
    Arc<dyn Fn(EventStore) -> Pin<Box<dyn Future<Output = Result<u64>> + Send>> + Send + Sync>;

/// The program that the commands are part of: what it is called, and which store it uses.
#[derive(Clone)]
#[must_use = "nothing happens before a command is run on it"]
pub struct Host {
    pub(crate) program: clap::Command,
    pub(crate) store: Option<String>,
    /// By the name of the projection.
    pub(crate) rebuilds: BTreeMap<String, Rebuild>,
}

impl Host {
    /// The program with this command line, for its name, its completions and its man pages.
    pub const fn new(program: clap::Command) -> Self {
        Self { program, store: None, rebuilds: BTreeMap::new() }
    }

    /// Adds a view, so that `projections rebuild` can rebuild it, which needs the code of its fold.
    pub fn view<V: View>(self) -> Self {
        self.projection(V::NAME, |store| async move { store.view::<V>().rebuild().await })
    }

    /// Adds a projection of any kind by what rebuilds it, which returns how many events were folded.
    pub fn projection<F>(
        mut self,
        name: impl Into<String>,
        rebuild: impl Fn(EventStore) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<u64>> + Send + 'static,
    {
        self.rebuilds.insert(name.into(), Arc::new(move |store| Box::pin(rebuild(store))));
        self
    }

    /// Sets the URL of the store; without one, a command that needs a store says how to name it.
    pub fn store(mut self, url: Option<String>) -> Self {
        self.store = url;
        self
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("program", &self.program.get_name()).finish_non_exhaustive()
    }
}
