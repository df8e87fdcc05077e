//! [`DurableSubscription`]: a subscription that the store knows by name: where it stands, who consumes it, what it could
//! not handle.
//!
//! Each event is handled at least once, those of one stream in order. A checkpoint moves only over what was answered.

mod consumer;
mod info;
mod keeper;
mod partition;
mod reader;
mod run;
mod settings;
mod shared;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::consumer::{Consumer, Delivery, Stopper};
pub use self::info::{PartitionInfo, SubscriptionInfo, SubscriptionStatus};
pub use self::settings::OnFailure;
use self::settings::Settings;
use self::shared::Shared;
use crate::adapter::{CheckpointStore, ParkedEvent, Registered, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{BoxError, Error, Result, SubscriptionError};
use crate::store::{EventStore, RetryPolicy};
use crate::subscription::{Feed, Filter, StartFrom};
use crate::value::{EventId, Position};

/// The most partitions a subscription may be split into.
const MOST_PARTITIONS: u32 = 1_024;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;

impl EventStore {
    /// A durable subscription, to open or to look after. Its name is the scope's: each tenant has names of its own, and so
    /// has the view of all tenants.
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
    /// let first = bell.next().await.expect("there is one")?;
    /// assert_eq!(first.event().stream_version().get(), 1);
    /// first.ack()?;
    /// bell.close().await?;
    ///
    /// let mut bell = subscription().open().await?;
    /// let second = bell.next().await.expect("there is another")?;
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

    /// The durable subscriptions of this scope's tenant; under the view of all tenants, all there are.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        let checkpoints = checkpoints(self)?;
        let tenant = self.view().tenant();
        let operation = self.operation("list_subscriptions", None);
        Ok(info::together(operation.run(|_| checkpoints.list(tenant)).await?))
    }
}

fn checkpoints(store: &EventStore) -> Result<&dyn CheckpointStore> {
    let adapter = store.adapter();
    adapter.checkpoints().ok_or_else(|| {
        let reason = format!("the backend `{}` keeps none", adapter.name());
        Error::adapter("use a durable subscription", reason)
    })
}

/// A durable subscription: how to open it, and what an operator may do to it. Made by [`EventStore::subscription`].
#[must_use = "nothing happens before it is opened"]
pub struct DurableSubscription {
    store: EventStore,
    name: String,
    filter: Filter,
    start: StartFrom,
    owner: Option<String>,
    settings: Settings,
}

impl DurableSubscription {
    /// Which events it is about; everything unless told otherwise. It never changes: a name that was first opened with
    /// another filter is refused.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Where it starts when it is opened for the first time of all; later it goes on where it was.
    pub const fn start_from(mut self, start: StartFrom) -> Self {
        self.start = start;
        self
    }

    /// Into how many partitions it is split, 1 to 1 024; 1 unless told otherwise. At most so many consumers work side by side,
    /// each on partitions of its own. Streams are spread over the partitions, and a stream stays in one. It never changes.
    pub const fn partitions(mut self, partitions: u32) -> Self {
        self.settings.partitions = partitions;
        self
    }

    /// How many events of a partition are in memory and out at most; 1 000 unless told otherwise.
    pub const fn window(mut self, events: usize) -> Self {
        self.settings.window = events;
        self
    }

    /// After how many handled events a checkpoint is saved, though at most every 10 ms; 100 unless told otherwise.
    pub const fn checkpoint_every(mut self, events: u64) -> Self {
        self.settings.checkpoint_every = events;
        self
    }

    /// After which time a checkpoint is saved, however few events it covers; 200 ms unless told otherwise.
    pub const fn checkpoint_interval(mut self, interval: Duration) -> Self {
        self.settings.checkpoint_interval = interval;
        self
    }

    /// How long a consumer that is not heard of keeps its partitions; 10 s unless told otherwise, at least 100 ms. It is heard
    /// of three times in it.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long an event may take to be handled: longer counts as a failure. 5 min unless told otherwise.
    pub const fn handle_within(mut self, time: Duration) -> Self {
        self.settings.handle_within = time;
        self
    }

    /// How often, and after which pauses, an event that could not be handled comes again before [`Self::on_failing`]
    /// decides; its deadline does not count.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// What becomes of an event that failed every time; the subscription stops unless told otherwise.
    pub const fn on_failing(mut self, policy: OnFailure) -> Self {
        self.settings.on_failing = policy;
        self
    }

    /// What becomes of an event that this binary cannot decode, or does not know: one whose handler fails with the error
    /// of decoding it. The subscription stops unless told otherwise.
    pub const fn on_undecodable(mut self, policy: OnFailure) -> Self {
        self.settings.on_undecodable = policy;
        self
    }

    /// What becomes of an event of a version newer than this binary knows, as [`Self::on_undecodable`].
    pub const fn on_future(mut self, policy: OnFailure) -> Self {
        self.settings.on_future = policy;
        self
    }

    /// What a consumer is called in the list of subscriptions; the process's number unless told otherwise.
    pub fn owner(mut self, name: impl Into<String>) -> Self {
        self.owner = Some(name.into());
        self
    }

    /// Opens it: the consumer takes its share of the partitions, and more as other consumers go.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `Conflict` when the name belongs to another filter or number of partitions, with `Invalid`
    /// for a name or setting that cannot be; [`Error::LogDiverged`] when the log contradicts its checkpoint;
    /// [`Error::Connection`].
    pub async fn open(self) -> Result<Consumer> {
        let key = self.key()?;
        self.check()?;
        let checkpoints = checkpoints(&self.store)?;
        let wanted =
            Registered { filter: self.filter.to_string(), partitions: self.settings.partitions };
        let start = self.start.position(&self.store).await?;
        let operation = self.store.operation("open_subscription", None);
        let stored = operation.run(|_| checkpoints.register(&key, &wanted, start)).await?;
        if stored != wanted {
            return Err(conflict(&self.name, &stored, &wanted));
        }
        let operation = self.store.operation("open_subscription", None);
        operation.run(|_| checkpoints.stopped(&key, None)).await?;
        let Self { store, filter, owner, settings, .. } = self;
        let owner = owner.unwrap_or_else(|| format!("process {}", std::process::id()));
        let owner = format!("{owner} {}", EventId::new());
        let feed = Feed::new(store.clone(), filter)?;
        let shared = Arc::new(Shared::new(store, feed, key, owner, settings));
        match keeper::join(&shared).await {
            Ok(first) => Ok(Consumer::start(shared, first)),
            Err(error) => {
                // What it took is not held back from whoever opens next; a lease that cannot be given up ends by itself.
                let _ = shared.checkpoints()?.release(&shared.key, &shared.owner, None).await;
                Err(error)
            }
        }
    }

    /// Opens it and runs a handler; see [`Consumer::run`].
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

    /// Takes it away from its consumers until it is resumed; they wait.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `NotFound`; [`Error::Connection`].
    pub async fn pause(&self) -> Result<()> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let operation = self.store.operation("pause_subscription", None);
        operation.run(|_| checkpoints.pause(&key, true)).await
    }

    /// Lets its consumers go on.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn resume(&self) -> Result<()> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let operation = self.store.operation("resume_subscription", None);
        operation.run(|_| checkpoints.pause(&key, false)).await
    }

    /// Puts it to another place, forward or back, whoever consumes it: events between are left out, or come again.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn reset(&self, to: StartFrom) -> Result<()> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let position = to.position(&self.store).await?;
        let operation = self.store.operation("reset_subscription", None);
        operation.run(|_| checkpoints.reset(&key, position)).await
    }

    /// Forgets it, with its parked events; whoever consumes it comes to an end.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn delete(&self) -> Result<()> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let operation = self.store.operation("delete_subscription", None);
        operation.run(|_| checkpoints.delete(&key)).await
    }

    /// A page of its parked events after a position, in order.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn parked(&self, after: Position) -> Result<Vec<ParkedEvent>> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let operation = self.store.operation("list_parked", None);
        operation.run(|_| checkpoints.parked(&key, false, after, 1_000)).await
    }

    /// Has one parked event handled again, or all; how many that are. Its consumers take them up within a third of the
    /// lease, beside the order of their streams; what fails again stays parked.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn replay(&self, position: Option<Position>) -> Result<u64> {
        let (key, checkpoints) = (self.key()?, checkpoints(&self.store)?);
        let operation = self.store.operation("replay_parked", None);
        operation.run(|_| checkpoints.replay(&key, position)).await
    }

    fn key(&self) -> Result<SubscriptionKey> {
        let name = &self.name;
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            let reason = "a name has 1 to 255 bytes and no control characters";
            return Err(self.invalid(reason));
        }
        let tenant = self.store.view().tenant().cloned();
        Ok(SubscriptionKey { tenant, name: name.clone() })
    }

    fn check(&self) -> Result<()> {
        let Settings { partitions, window, checkpoint_every, lease, .. } = self.settings;
        if partitions == 0 || partitions > MOST_PARTITIONS {
            return Err(self.invalid("it has 1 to 1024 partitions"));
        }
        if window == 0 || checkpoint_every == 0 {
            return Err(self.invalid("its window and its checkpoints take at least one event"));
        }
        if lease < Duration::from_millis(100) {
            return Err(self.invalid("a lease lasts at least 100 ms"));
        }
        Ok(())
    }

    fn invalid(&self, reason: &str) -> Error {
        SubscriptionError::Invalid { name: self.name.clone(), reason: reason.to_owned() }.into()
    }
}

/// A name that belongs to a subscription with another filter or number of partitions.
pub(crate) fn conflict(name: &str, stored: &Registered, wanted: &Registered) -> Error {
    let (stored, wanted) = if stored.filter == wanted.filter {
        let partitions = |it: &Registered| format!("{} partitions", it.partitions);
        (partitions(stored), partitions(wanted))
    } else {
        let filter = |it: &Registered| format!("the filter `{}`", it.filter);
        (filter(stored), filter(wanted))
    };
    SubscriptionError::Conflict { name: name.to_owned(), stored, wanted }.into()
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
