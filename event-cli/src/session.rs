//! [`Session`]: what a running command has: its host, its output, and the stores that it opens.

use std::time::Duration;

use clap::Args;
use event_core::value::Printable;
use event_core::{Error, EventStore, Migrate, Scope, StreamId, StreamInfo, Tenant};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::host::Host;
use crate::output::Output;

/// How long the close of a store may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of nearly every command.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Common {
    /// Prints JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Only this tenant; without it every tenant is read, and `default` is written.
    #[arg(long, value_name = "TENANT", env = "EVENT_TENANT", global = true)]
    pub(crate) tenant: Option<String>,
}

impl Common {
    pub(crate) fn tenant(&self) -> Result<Option<Tenant>, Failure> {
        let tenant = self.tenant.as_deref().map(Tenant::new).transpose();
        tenant.map_err(|error| Error::from(error).into())
    }
}

/// What a running command has.
pub(crate) struct Session {
    pub(crate) host: Host,
    pub(crate) out: Output,
    opened: Vec<EventStore>,
}

impl Session {
    pub(crate) const fn new(host: Host, out: Output) -> Self {
        Self { host, out, opened: Vec::new() }
    }

    /// The URL of the store.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        self.host.store.clone().ok_or_else(|| {
            Failure::usage("which store? `--store URL` or EVENT_STORE names it: `sqlite:shop.db`, `postgres://user@host/shop`")
        })
    }

    /// Opens the store as it is: nothing is created and nothing is migrated.
    pub(crate) async fn store(&mut self) -> Result<EventStore, Failure> {
        let url = self.url()?;
        self.open(&url, Migrate::Never).await
    }

    /// Opens a store, and closes it when the command ends.
    pub(crate) async fn open(
        &mut self,
        url: &str,
        migrate: Migrate,
    ) -> Result<EventStore, Failure> {
        if migrate == Migrate::Never {
            is_there(url)?;
        }
        let store = EventStore::connect(url).migrate(migrate).await?;
        self.opened.push(store.clone());
        Ok(store)
    }

    /// Opens the store to write into it. One that does not exist is created; the schema of one that does is left as it is.
    pub(crate) async fn writer(&mut self) -> Result<EventStore, Failure> {
        let url = self.url()?;
        self.open_or_create(&url).await
    }

    /// Opens a store, or creates it.
    pub(crate) async fn open_or_create(&mut self, url: &str) -> Result<EventStore, Failure> {
        let pending = EventStore::connect(url).schema().await?.pending().await?;
        let is_new = pending.first().is_some_and(|first| first.version == 1);
        self.open(url, if is_new { Migrate::OnConnect } else { Migrate::Never }).await
    }

    /// Opens the store as it is, for the tenant of the options or for all.
    pub(crate) async fn reader(&mut self, common: &Common) -> Result<EventStore, Failure> {
        let tenant = common.tenant()?;
        Ok(scoped(&self.store().await?, tenant))
    }

    /// Opens the store as it is, for the tenant that a stream belongs to.
    pub(crate) async fn stream(
        &mut self,
        common: &Common,
        name: &str,
    ) -> Result<(EventStore, StreamInfo), Failure> {
        let stream_id = StreamId::new(name).map_err(Error::from)?;
        let store = self.reader(common).await?;
        let info = match store.stream_info(&stream_id).await {
            Err(error @ Error::AmbiguousStream { .. }) => {
                return Err(Failure::from(error).hint("`--tenant TENANT` names one"));
            }
            Err(Error::StreamNotFound { .. }) if common.tenant.is_none() => {
                let name = Printable(name);
                return Err(Failure::not_found(format!("no tenant has a stream {name}")));
            }
            info => info?,
        };
        Ok((store.with_scope(Scope::tenant(info.tenant.clone())), info))
    }

    pub(crate) async fn close(&mut self) {
        for store in self.opened.drain(..) {
            // One that went away may not answer any more.
            let _ = timeout(PATIENCE, store.close()).await;
        }
    }
}

/// Refuses a file that does not exist, before something looks for a store in it.
fn is_there(url: &str) -> Result<(), Failure> {
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        let options: event_sqlite::SqliteOptions = url.parse()?;
        if !options.path().exists() {
            let path = options.path().display().to_string();
            let failure = Failure::not_found(format!("there is no file {}", Printable(&path)));
            return Err(failure.hint("`append`, `import` and `migrate apply` create a store"));
        }
    }
    let _ = url;
    Ok(())
}

/// The store as a tenant sees it, or as an operator does.
pub(crate) fn scoped(store: &EventStore, tenant: Option<Tenant>) -> EventStore {
    match tenant {
        Some(tenant) => store.with_scope(Scope::tenant(tenant)),
        None => store.all_tenants(),
    }
}
