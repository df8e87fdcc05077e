//! [`DurableSubscription`]: a named subscription with checkpoints, leases and parked events in the store.
//!
//! Each event is delivered at least once, events of one stream in order. A checkpoint moves only over acknowledged events.

mod acknowledge;
mod change;
mod consumer;
mod coordinator;
mod flush;
mod operator;
mod parked;
mod partition;
mod partitioning;
mod passed;
mod reader;
mod registered;
mod replaced;
mod replays;
mod run;
mod settings;
mod shared;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::change::{ChangeReport, NewEventsFrom, SubscriptionChange};
pub use self::consumer::{Consumer, Delivery, Stopper};
pub use self::parked::{Parked, ParkedList};
use self::partitioning::{PartitionKey, Partitioning};
pub(crate) use self::registered::{conflict, same};
pub use self::settings::OnFailure;
use self::settings::Settings;
use self::shared::Shared;
use crate::adapter::subscription_state::{self, SubscriptionInfo};
use crate::adapter::{CheckpointStore, Registered, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result, SubscriptionError};
use crate::registry::Registry;
use crate::store::{EventStore, Operation, RetryPolicy};
use crate::subscription::{Feed, Filter, StartFrom, filter_text};
use crate::value::EventId;

/// The largest number of partitions.
const MAX_PARTITIONS: u32 = 1_024;
/// The length of the longest name, in bytes.
const MAX_NAME_LENGTH: usize = 255;
/// The shortest lease.
const MIN_LEASE: Duration = Duration::from_millis(100);
/// The longest lease and the longest of the other times: far beyond use, and far below what a clock can add.
const MAX_TIME: Duration = Duration::from_hours(24);

impl EventStore {
    /// Returns a builder to open or to manage a durable subscription. Names are unique per tenant; subscriptions of
    /// [`all_tenants`](Self::all_tenants) have a separate namespace.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, Filter, StreamId};
    /// # use event_core::subscription::OnFailure;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # let clock = StreamId::new("clock-1")?;
    /// store.append(&clock, ExpectedVersion::Any, [Ticked, Ticked]).await?;
    /// let subscription = || store.subscription("bell").filter(Filter::all().category("clock"));
    ///
    /// let mut bell = subscription().open().await?;
    /// let first = bell.next().await.expect("an event")?;
    /// assert_eq!(first.event().stream_version().get(), 1);
    /// first.ack()?;
    /// bell.close().await?;
    ///
    /// let mut bell = subscription().open().await?;
    /// let second = bell.next().await.expect("an event")?;
    /// assert_eq!(second.event().stream_version().get(), 2);
    /// # second.ack()?;
    /// # Ok(()) }
    /// ```
    pub fn subscription(&self, name: impl Into<String>) -> DurableSubscription {
        DurableSubscription {
            store: self.clone(),
            name: name.into(),
            filter: Filter::all(),
            start: StartFrom::Beginning,
            owner: None,
            settings: Settings::default(),
        }
    }

    /// Lists the durable subscriptions of this scope's tenant; under the view of all tenants, those of every tenant.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        let checkpoints = checkpoints(self)?;
        let tenant = self.tenant_view().tenant();
        let operation = self.operation("list_subscriptions", None);
        let list = subscription_state::group(operation.run(|_| checkpoints.list(tenant)).await?);
        subscription_state::measure(&list);
        Ok(list)
    }
}

fn checkpoints(store: &EventStore) -> Result<&dyn CheckpointStore> {
    let adapter = store.adapter();
    adapter.checkpoints().ok_or_else(|| {
        let reason = format!("the backend `{}` does not support them", adapter.name());
        Error::adapter("use a durable subscription", reason)
    })
}

/// A durable subscription: opens it with its settings, or manages it as an operator. Created by
/// [`EventStore::subscription`].
#[must_use = "nothing happens before it is opened"]
#[derive(Clone)]
pub struct DurableSubscription {
    store: EventStore,
    name: String,
    filter: Filter,
    start: StartFrom,
    owner: Option<String>,
    settings: Settings,
}

impl DurableSubscription {
    /// Sets the filter; every event by default. [`open`](Self::open) refuses another one than the subscription has;
    /// [`change`](Self::change) gives it another one. A type that was renamed by an alias is the same.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets where the subscription starts when it is opened for the first time; the beginning by default. Later it resumes
    /// from its checkpoints.
    pub const fn start_from(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// Sets the number of partitions, 1 to 1 024; 1 by default. It limits the number of consumers that work in parallel,
    /// each on its own partitions. A stream always belongs to the same partition; [`change`](Self::change) changes the number.
    pub const fn partitions(mut self, partitions: u32) -> Self {
        self.settings.partitioning.count = partitions;
        self
    }

    /// Divides the events by a key of the application's own, such as a customer: events with the same key are in one
    /// partition, and in order there. Without it, the key is the stream.
    ///
    /// The key must be a function of the event alone. It is registered by its name: another name is refused, and
    /// [`change`](Self::change) gives another one. Change the name when the key changes.
    pub fn partition_by(
        mut self,
        name: impl Into<String>,
        key: impl Fn(&RecordedEvent) -> String + Send + Sync + 'static,
    ) -> Self {
        self.settings.partitioning.key = Some(PartitionKey::new(name.into(), key));
        self
    }

    /// Sets the window: the number of events of a partition that may be in flight; 1 000 by default. Each acknowledgement makes
    /// room for one event, but no event is delivered more than four windows after one that is not acknowledged.
    ///
    /// Events are buffered ahead of the window in pages, until the buffered ones of the partition have 4 MiB, or those of all
    /// partitions of the consumer 64 MiB.
    pub const fn window(mut self, events: usize) -> Self {
        self.settings.window = events;
        self
    }

    /// Sets the number of handled events after which a checkpoint is saved, at most once in 10 ms; 100 by default.
    pub const fn checkpoint_every(mut self, events: u64) -> Self {
        self.settings.checkpoint_every = events;
        self
    }

    /// Sets the time after which a checkpoint is saved, however few events it covers; 200 ms by default, at most 24 h.
    pub const fn checkpoint_interval(mut self, interval: Duration) -> Self {
        self.settings.checkpoint_interval = interval;
        self
    }

    /// Sets the lease duration: 10 s by default, 100 ms to 24 h. A consumer renews its leases every third of it; a consumer
    /// without a heartbeat loses its partitions after it.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// Sets the time within which a delivery must be acknowledged: 5 min by default, at most 24 h. Later it counts as a failed attempt.
    pub const fn handle_within(mut self, time: Duration) -> Self {
        self.settings.handle_within = time;
        self
    }

    /// Sets the retries: how often, and after which pauses, a failed event is redelivered before [`Self::on_failing`]
    /// decides. The deadline of the policy is ignored.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// A failed event holds up its own stream only: while it waits for its retry, events of other streams are delivered, up to
    /// four windows ahead of it. Without this, it holds up its partition.
    ///
    /// The order within the stream is kept, and the checkpoint stays before the failed event: what was handled after it is
    /// delivered again if the consumer ends meanwhile. [`RetryPolicy::longest_delay`] limits the pauses.
    pub const fn retry_by_stream(mut self) -> Self {
        self.settings.retry_by_stream = true;
        self
    }

    /// Sets the policy for an event that failed after all retries; the subscription stops by default.
    pub const fn on_failing(mut self, policy: OnFailure) -> Self {
        self.settings.on_failing = policy;
        self
    }

    /// Sets the policy for an event that this binary cannot decode, or does not know: its handler failed with the error of
    /// decoding it. The subscription stops by default, and there are no retries.
    pub const fn on_undecodable(mut self, policy: OnFailure) -> Self {
        self.settings.on_undecodable = policy;
        self
    }

    /// Sets the policy for an event of a version newer than this binary knows, as [`Self::on_undecodable`].
    pub const fn on_future(mut self, policy: OnFailure) -> Self {
        self.settings.on_future = policy;
        self
    }

    /// Sets the consumer's name in the list of subscriptions; by default, the id of the process. A unique suffix is added.
    pub fn owner(mut self, name: impl Into<String>) -> Self {
        self.owner = Some(name.into());
        self
    }

    /// Opens the subscription: the consumer takes its share of the partitions, and takes over those of consumers that end.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `Conflict` when the subscription exists with another filter or number of partitions,
    /// with `Invalid` for a name or setting out of range; [`Error::LogDiverged`] when the log contradicts its checkpoint;
    /// [`Error::Connection`].
    pub async fn open(self) -> Result<Consumer> {
        let (operation, key, checkpoints) = self.begin("open_subscription")?;
        operation.check(self.check())?;
        let wanted = operation.check(self.registered())?;
        operation.check(self.filter.check(&self.store, &self.name).await)?;
        if let Err(error) = self.start.check_bare(&self.store, &self.name)
            && operation.run(|_| checkpoints.find(&key)).await?.is_none()
        {
            return Err(operation.refuse(error));
        }
        let start = self.start.in_log(&self.store, &self.name, &self.filter).await;
        let start = operation.check(start)?;
        let start = operation.check(start.position(&self.store, &self.name).await)?;
        let stored = operation.run(|_| checkpoints.register(&key, &wanted, start)).await?;
        if !operation.check(same(&stored.registered, &wanted))? {
            return Err(operation.refuse(conflict(&self.name, &stored.registered, &wanted)));
        }
        let incarnation = stored.incarnation;
        operation.run(|_| checkpoints.stopped(&key, incarnation, None)).await?;
        let Self { store, filter, owner, settings, .. } = self;
        let owner = owner.unwrap_or_else(|| format!("process {}", std::process::id()));
        let owner = format!("{owner} {}", EventId::new());
        let feed = Feed::new(store.clone(), filter.clone())?;
        let shared = Arc::new(Shared::new(store, filter, feed, key, incarnation, owner, settings));
        match coordinator::join(&shared).await {
            Ok(first_pause) => Ok(Consumer::start(shared, first_pause)),
            Err(error) => {
                // Free the partitions for the next consumer; a lease that cannot be released expires by itself.
                let Shared { key, owner, .. } = &*shared;
                let _ = shared.checkpoints()?.release(key, incarnation, owner, None).await;
                Err(change::explain(&shared, error).await)
            }
        }
    }

    /// Opens the subscription and runs a handler; see [`Consumer::run`].
    ///
    /// # Errors
    /// Those of [`DurableSubscription::open`] and [`Consumer::next`].
    pub async fn run<F, W, E>(self, handler: F) -> Result<()>
    where
        F: Fn(Arc<RecordedEvent>) -> W + Send + Sync + 'static,
        W: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        self.open().await?.run(handler).await
    }

    /// Begins a call: what it refuses before anything is sent is reported under its name as well.
    fn begin(
        &self,
        call: &'static str,
    ) -> Result<(Operation<'_>, SubscriptionKey, &dyn CheckpointStore)> {
        let operation = self.store.operation(call, None);
        let key = operation.check(self.key())?;
        Ok((operation, key, operation.check(checkpoints(&self.store))?))
    }

    fn key(&self) -> Result<SubscriptionKey> {
        let name = &self.name;
        if name.is_empty() || name.len() > MAX_NAME_LENGTH || name.chars().any(char::is_control) {
            let reason = "a name has 1 to 255 bytes and no control characters";
            return Err(self.invalid(reason));
        }
        let tenant = self.store.tenant_view().tenant().cloned();
        Ok(SubscriptionKey { tenant, name: name.clone() })
    }

    /// What is registered for these settings.
    fn registered(&self) -> Result<Registered> {
        let Partitioning { count, key } = &self.settings.partitioning;
        let key = key.as_ref().map(|key| &*key.name);
        let filter = filter_text::write(&self.filter, key, Registry::global()?);
        Ok(Registered { filter, partitions: *count })
    }

    fn check_partitions(&self, partitions: u32) -> Result<()> {
        if partitions == 0 || partitions > MAX_PARTITIONS {
            return Err(self.invalid("the number of partitions must be 1 to 1024"));
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let Settings {
            window, checkpoint_every, lease, handle_within, checkpoint_interval, ..
        } = self.settings;
        self.check_partitions(self.settings.partitioning.count)?;
        if window == 0 || checkpoint_every == 0 {
            return Err(self.invalid("`window` and `checkpoint_every` must be at least 1"));
        }
        if lease < MIN_LEASE {
            return Err(self.invalid("the lease must be at least 100 ms"));
        }
        let times = [
            ("lease", lease),
            ("handle_within", handle_within),
            ("checkpoint_interval", checkpoint_interval),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time)| *time > MAX_TIME) {
            return Err(self.invalid(&format!("`{name}` must be at most 24 hours")));
        }
        Ok(())
    }

    fn invalid(&self, reason: &str) -> Error {
        SubscriptionError::Invalid { name: self.name.clone(), reason: reason.to_owned() }.into()
    }
}

impl fmt::Debug for DurableSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurableSubscription")
            .field("name", &self.name)
            .field("filter", &self.filter)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
