//! [`Console`]: configures a console, and serves it or gives its routes to an application.

use std::borrow::Borrow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_core::{EventStore, Result as StoreResult, View};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

use crate::error::ConsoleError;
use crate::routes::routes;
use crate::settings::Settings;
use crate::shared::Shared;

/// The least length of a token, in bytes.
const LEAST_TOKEN: usize = 16;

/// Configures a console over a store. It shows the events of all tenants.
///
/// ```no_run
/// # async fn run(store: event_core::EventStore) -> Result<(), event_console::ConsoleError> {
/// use event_console::Console;
///
/// Console::new(&store).allow_actions(true).serve(([127, 0, 0, 1], 4200).into()).await
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is served before `serve` or `router`"]
pub struct Console {
    store: EventStore,
    settings: Settings,
}

impl Console {
    /// A console that only shows, for this machine.
    pub fn new(store: impl Borrow<EventStore>) -> Self {
        Self { store: store.borrow().clone(), settings: Settings::default() }
    }

    /// Sets whether subscriptions and parked events can be changed; not by default.
    pub const fn allow_actions(mut self, allow: bool) -> Self {
        self.settings.allows_actions = allow;
        self
    }

    /// Sets the token that is asked for: by a form, or as `Authorization: Bearer` of a scraper. At least 16 bytes, random.
    /// Needed to listen on an address that other machines reach.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.token = Some(token.into());
        self
    }

    /// Sets the path in front of all links. By default it is what the routers around the console take off the path; set it
    /// behind a proxy that does so. It starts with `/` and does not end with one.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.settings.base_path = Some(path.into());
        self
    }

    /// Adds a host name under which the console is reached. IP addresses and `localhost` are always accepted; a request for
    /// any other host is refused, which defeats DNS rebinding.
    pub fn host(mut self, name: impl Into<String>) -> Self {
        self.settings.hosts.push(name.into());
        self
    }

    /// Sets how often the store is asked for its state; 5 s by default. 0 is refused.
    pub const fn sample_every(mut self, interval: Duration) -> Self {
        self.settings.sample_every = interval;
        self
    }

    /// Shows the metrics of the application on `/metrics`: a function that renders them as Prometheus text, such as
    /// `move || handle.render()` with the `PrometheusHandle` of the crate `metrics-exporter-prometheus`.
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.settings.render = Some(Arc::new(render));
        self
    }

    /// Adds a view that the console may rebuild where actions are allowed: that takes the code that folds it.
    pub fn view<V: View>(self) -> Self {
        self.projection(V::NAME, |store| async move { store.view::<V>().rebuild().await })
    }

    /// Adds a projection of any kind that the console may rebuild, by the function that does it and returns how many events
    /// were folded.
    pub fn projection<F>(
        mut self,
        name: impl Into<String>,
        rebuild: impl Fn(EventStore) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = StoreResult<u64>> + Send + 'static,
    {
        self.settings.rebuilds.insert(name.into(), Arc::new(move |store| Box::pin(rebuild(store))));
        self
    }

    /// The routes, to be merged into an application or nested under a path.
    ///
    /// An application that other machines reach sets a [`token`](Self::token), and its [`host`](Self::host) name.
    ///
    /// # Errors
    /// [`ConsoleError::ShortToken`], [`ConsoleError::InvalidBasePath`], [`ConsoleError::NoInterval`],
    /// [`ConsoleError::NoRandom`].
    pub fn router(self) -> Result<Router, ConsoleError> {
        self.check()?;
        Ok(routes(&Shared::new(&self.store, self.settings)?))
    }

    /// Serves the console at an address, until the program ends.
    ///
    /// If the program has no recorder of metrics, one is installed, so that `/metrics` shows what the store counts.
    ///
    /// # Errors
    /// [`ConsoleError::TokenNeeded`] for an address that other machines reach, without a token;
    /// [`ConsoleError::Listen`], [`ConsoleError::Serve`], and as [`router`](Self::router).
    pub async fn serve(self, address: SocketAddr) -> Result<(), ConsoleError> {
        self.bind(address).await?.serve().await
    }

    /// Listens at an address, which may have port 0 for a free one.
    ///
    /// # Errors
    /// As [`serve`](Self::serve).
    pub async fn bind(mut self, address: SocketAddr) -> Result<Listening, ConsoleError> {
        let is_near = address.ip().to_canonical().is_loopback();
        if !is_near && self.settings.token.is_none() {
            return Err(ConsoleError::TokenNeeded { address });
        }
        if self.settings.render.is_none()
            && let Ok(handle) = PrometheusBuilder::new().install_recorder()
        {
            self = self.metrics(move || {
                handle.run_upkeep();
                handle.render()
            });
        }
        let router = self.router()?;
        let failed = |source| ConsoleError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Listening { listener, address, router })
    }

    fn check(&self) -> Result<(), ConsoleError> {
        if let Some(token) = &self.settings.token
            && token.len() < LEAST_TOKEN
        {
            return Err(ConsoleError::ShortToken { length: token.len(), least: LEAST_TOKEN });
        }
        if self.settings.sample_every.is_zero() {
            return Err(ConsoleError::NoInterval);
        }
        match &self.settings.base_path {
            Some(path) if !path.is_empty() && (!path.starts_with('/') || path.ends_with('/')) => {
                Err(ConsoleError::InvalidBasePath)
            }
            _ => Ok(()),
        }
    }
}

/// A console that listens and is not served yet.
#[derive(Debug)]
#[must_use = "nothing is served before `serve`"]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Listening {
    /// The address, with the port that was found.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the console, until the program ends.
    ///
    /// # Errors
    /// [`ConsoleError::Serve`].
    pub async fn serve(self) -> Result<(), ConsoleError> {
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service).await.map_err(ConsoleError::Serve)
    }
}
