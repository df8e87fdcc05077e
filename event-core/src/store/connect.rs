//! [`Connect`]: opens the store of a URL; the adapter is found by its scheme, at run time.

use std::any::Any;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use crate::adapter::{
    Adapter, AdapterFactory, BoxFuture, IntoInline, Migrate, OpenOptions, SchemaStore,
};
use crate::error::{Error, Result};
use crate::memory::{MemoryAdapter, NoSchema};
use crate::store::builder::{Settings, setters};
use crate::store::{EventStore, RetryPolicy, Schema};
use crate::value::Clock;

/// The store that [`EventStore::connect`] opens, and its settings. Awaiting it opens the store.
///
/// # Errors
/// [`Error::InvalidUrl`], which names the crate to mention if no linked backend opens the scheme; [`Error::Unsupported`]
/// for a setting that the backend does not have; the errors of the backend, such as [`Error::Connection`];
/// [`Error::Registry`] if the events of this binary contradict each other.
#[must_use = "nothing is opened before it is awaited"]
pub struct Connect {
    url: String,
    settings: Settings,
    options: OpenOptions,
}

setters!(Connect);

impl Connect {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), settings: Settings::default(), options: OpenOptions::default() }
    }

    /// Sets what happens to a schema that lacks migrations; by default they are applied.
    pub const fn migrate(mut self, migrate: Migrate) -> Self {
        self.options.migrate = migrate;
        self
    }

    /// Adds a read model that is written in the transaction of each append with an event that its filter selects: a view
    /// (`.inline(Sales::default())`) or a table projection (`.inline(Orders)`), on every backend that has them. It never lags. An
    /// event that it refuses is not stored: the append fails with an error that names the event and the key.
    ///
    /// Opening creates the first build and catches it up. If the stored build has another definition, opening fails: open the store
    /// without `inline` and make a new build, `store.view::<Sales>().rebuild()`. Every program that appends such events must write
    /// the model; events that others stored, or imported, are applied by the next append and by
    /// [`catch_up`](crate::projection::Documents::catch_up). Writers of one model take turns.
    ///
    /// `event_postgres::inline(..)` and `event_sqlite::inline(..)` add a projection of one backend. Opening fails if the store has
    /// another backend.
    pub fn inline<K>(mut self, projection: impl IntoInline<K>) -> Self {
        self.options.inline.push(projection.into_inline());
        self
    }

    /// The schema of the store, which need not exist, and is neither checked nor migrated: for an administrator who
    /// migrates it before the programs start that open it with [`Migrate::Never`] or [`Migrate::Check`].
    ///
    /// # Errors
    /// [`Error::InvalidUrl`]; [`Error::Unsupported`] from a backend that cannot.
    pub async fn schema(self) -> Result<Schema<'static>> {
        let schema: Box<dyn SchemaStore> = match find(&self.url)? {
            None => Box::new(NoSchema),
            Some(factory) => factory.open_schema(&self.url).await?,
        };
        Ok(Schema::apart(schema, self.settings.retry))
    }
}

impl EventStore {
    /// Opens the store of a URL, such as `postgres://…`, `sqlite:…` or `memory:`. The scheme selects the backend at run time.
    /// [`Connect`] has the settings; awaiting it opens the store.
    ///
    /// ```
    /// use event_core::{EventStore, RetryPolicy};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// let store = EventStore::connect("memory:").retry(RetryPolicy::never()).stream_limit(None).await?;
    /// # drop(store);
    /// # Ok(()) }
    /// ```
    pub fn connect(url: &str) -> Connect {
        Connect::new(url)
    }

    /// The adapter of this type, for what only one backend has; `None` if the store has another one.
    ///
    /// ```
    /// use event_core::{EventStore, MemoryAdapter};
    ///
    /// let store = EventStore::in_memory()?;
    /// assert!(store.backend::<MemoryAdapter>().is_some());
    /// # Ok::<(), event_core::Error>(())
    /// ```
    pub fn backend<A: Adapter>(&self) -> Option<&A> {
        let mut adapter = self.adapter();
        loop {
            if let Some(found) = (adapter as &dyn Any).downcast_ref() {
                return Some(found);
            }
            adapter = adapter.wrapped()?;
        }
    }
}

impl IntoFuture for Connect {
    type Output = Result<EventStore>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { url, settings, options } = self;
        Box::pin(async move {
            let preparations = options.preparations();
            let store = settings.build(open(&url, options).await?)?;
            for prepare in preparations {
                prepare(Arc::clone(&store.shared.adapter)).await?;
            }
            Ok(store)
        })
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("url", &without_password(&self.url))
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Opens the adapter that a URL names.
async fn open(url: &str, mut options: OpenOptions) -> Result<Arc<dyn Adapter>> {
    let Some(factory) = find(url)? else {
        let models = options.take_models();
        let memory = MemoryAdapter::new().inline(models);
        options.take_inline::<()>(memory.name())?;
        return Ok(Arc::new(memory));
    };
    factory.open(url, options).await
}

/// The factory for a URL; `None` for the store in memory.
fn find(url: &str) -> Result<Option<&'static AdapterFactory>> {
    let Some((scheme, _)) = url.split_once(':') else {
        return Err(unusable(
            url,
            "it has no scheme; write `postgres://host/database`, `sqlite:file.db` or `memory:`",
        ));
    };
    if scheme == "memory" {
        return Ok(None);
    }
    let factory = AdapterFactory::of_scheme(scheme);
    factory.map(Some).ok_or_else(|| unusable(url, &unknown_scheme(scheme)))
}

fn unknown_scheme(scheme: &str) -> String {
    let backend = match scheme {
        "postgres" | "postgresql" => "event_postgres",
        "sqlite" => "event_sqlite",
        _ => return no_such_scheme(scheme),
    };
    format!(
        "no linked backend opens `{scheme}:`; write `use {backend} as _;` in the application, a crate that is only in Cargo.toml is not linked"
    )
}

fn no_such_scheme(scheme: &str) -> String {
    let mut known: Vec<_> = AdapterFactory::schemes().chain(["memory"]).collect();
    known.sort_unstable();
    format!("unknown scheme `{scheme}:`; this binary opens `{}:`", known.join(":`, `"))
}

fn unusable(url: &str, reason: &str) -> Error {
    Error::InvalidUrl { given: without_password(url), reason: reason.to_owned() }
}

/// Returns the URL for messages and logs, with the password replaced by `***`.
///
/// ```
/// use event_core::store::without_password;
///
/// assert_eq!(without_password("postgres://bot:s3cret@db/games"), "postgres://bot:***@db/games");
/// assert_eq!(without_password("memory:"), "memory:");
/// ```
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password may hold a bare `/` or `@`: the last `@` ends the authority's credentials.
    let Some((credentials, rest)) = rest.rsplit_once('@') else { return url.to_owned() };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{rest}"),
        None => url.to_owned(),
    }
}
