//! [`SubscriptionChange`]: another filter or number of partitions for a subscription that exists, whose places are kept.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::partitioning::PartitionKey;
use super::passed::{Passages, Unknown};
use super::registered::same;
use super::shared::Shared;
use super::{DurableSubscription, checkpoints};
use crate::adapter::{Alteration, Passed, Registered, Registration, SubscriptionKey};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result, SubscriptionError};
use crate::registry::Registry;
use crate::store::EventStore;
use crate::subscription::checkpoint::verify_position;
use crate::subscription::filter_text::{self, Written};
use crate::subscription::{Feed, Filter, Read};
use crate::value::Position;

/// The number of events that are read at most to count those that newly match.
const COUNTED: u64 = 100_000;
/// How long they are counted at most.
const COUNT_TIME: Duration = Duration::from_secs(20);

/// Whether a change delivers events before the checkpoint that match only the new filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum NewEventsFrom {
    /// No: each partition continues at its checkpoint.
    #[default]
    Here,
    /// Those from a position on, inclusive.
    Position(Position),
    /// All of them.
    Beginning,
}

/// The result of a change of a subscription, or of its preview.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeReport {
    /// Whether anything changes: `false` when the subscription has these settings already; its consumers then continue.
    pub changes: bool,
    /// The filter before, as text.
    pub filter_before: String,
    /// The filter afterwards, as text.
    pub filter: String,
    /// The number of partitions before.
    pub partitions_before: u32,
    /// The number of partitions afterwards.
    pub partitions: u32,
    /// The number of events before the checkpoints that are delivered because of this change, or of an earlier one that has not
    /// caught up yet.
    pub new_events: u64,
    /// Whether all of them were counted: at most 100 000 events are read for it. If not, there may be more.
    pub counted_all: bool,
}

/// A change of a durable subscription, see [`DurableSubscription::change`].
#[must_use = "nothing happens before `apply`"]
#[derive(Debug)]
pub struct SubscriptionChange {
    subscription: DurableSubscription,
    filter: Option<Filter>,
    partitions: Option<u32>,
    key: Option<PartitionKey>,
    new_events: NewEventsFrom,
}

impl DurableSubscription {
    /// Changes the filter, the number of partitions or the partition key of a subscription that exists, and keeps its checkpoints:
    /// handled events are not delivered again. Parked events and the number of skipped ones stay, too.
    ///
    /// Open consumers end with [`SubscriptionError::Changed`]; events that they acknowledged stay handled, and events in flight are
    /// redelivered to the consumers that are opened after the change. Settings without a call stay as they are.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, Filter, StreamId};
    /// # use event_core::subscription::NewEventsFrom;
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
    /// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # for name in ["order-1", "refund-1"] {
    /// #     store.append(&StreamId::new(name)?, ExpectedVersion::Any, [Ticked]).await?;
    /// # }
    /// let orders = Filter::all().category("order");
    /// let mut mail = store.subscription("mail").filter(orders).open().await?;
    /// mail.next().await.expect("an event")?.ack()?;
    /// while store.subscriptions().await?[0].lag > 0 { tokio::task::yield_now().await; }
    /// mail.close().await?;
    ///
    /// let change = || store.subscription("mail").change().filter(Filter::all()).new_events_from(NewEventsFrom::Beginning);
    /// assert_eq!(change().preview().await?.new_events, 1); // the refund: the order was handled
    /// change().apply().await?;
    /// let mut mail = store.subscription("mail").open().await?;
    /// assert_eq!(mail.next().await.expect("an event")?.event().stream_id().as_str(), "refund-1");
    /// # Ok(()) }
    /// ```
    pub fn change(self) -> SubscriptionChange {
        SubscriptionChange {
            subscription: self,
            filter: None,
            partitions: None,
            key: None,
            new_events: NewEventsFrom::Here,
        }
    }
}

impl SubscriptionChange {
    /// Sets the new filter.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Sets the new number of partitions, 1 to 1 024.
    pub const fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Sets the new partition key, as [`DurableSubscription::partition_by`].
    pub fn partition_by(
        mut self,
        name: impl Into<String>,
        key: impl Fn(&RecordedEvent) -> String + Send + Sync + 'static,
    ) -> Self {
        self.key = Some(PartitionKey::new(name.into(), key));
        self
    }

    /// Sets from where events are handled that were passed and match only now; [`NewEventsFrom::Here`] by default, so that
    /// none of them is. [`preview`](Self::preview) counts them.
    pub const fn new_events_from(mut self, from: NewEventsFrom) -> Self {
        self.new_events = from;
        self
    }

    /// Says what [`apply`](Self::apply) would do now.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn preview(&self) -> Result<ChangeReport> {
        let (operation, key, _) = self.subscription.begin("preview_subscription_change")?;
        operation.observe(async { Ok(Box::pin(self.plan(&key)).await?.report) }).await
    }

    /// Changes the subscription. Of two changes at once one wins, and the other is refused unless it wants the same.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `NotFound`; with `Changed` if another change came first; with `Invalid` for a setting out
    /// of range, or if what was passed cannot be told because an earlier predicate or partition key has another name and is not
    /// here; [`Error::LogDiverged`] for a position that was never assigned; [`Error::Connection`].
    pub async fn apply(self) -> Result<ChangeReport> {
        let (operation, key, checkpoints) = self.subscription.begin("change_subscription")?;
        let changed = async {
            let Plan { stored, alteration, mut report } = Box::pin(self.plan(&key)).await?;
            if !report.changes {
                return Ok(report);
            }
            let change = self.store().operation("change_subscription_once", None);
            let tries = AtomicU32::new(0);
            let changed = change.run(|earlier| {
                tries.store(earlier, Ordering::Relaxed);
                checkpoints.change(&key, stored.incarnation, &alteration)
            });
            match changed.await {
                Ok(()) => Ok(report),
                Err(Error::Subscription(SubscriptionError::Replaced { .. })) => {
                    let now = found(self.store(), &key).await?;
                    if !same(&now.registered, &alteration.wanted)? {
                        return Err(changed_meanwhile(&key, &now.registered));
                    }
                    // A repeat finds what its first attempt did; otherwise another call wanted the same.
                    if tries.load(Ordering::Relaxed) == 0 {
                        (report.changes, report.new_events) = (false, 0);
                    }
                    Ok(report)
                }
                Err(error) => Err(error),
            }
        };
        operation.observe(changed).await
    }

    const fn store(&self) -> &EventStore {
        &self.subscription.store
    }

    async fn plan(&self, key: &SubscriptionKey) -> Result<Plan> {
        let Self { subscription, partitions, .. } = self;
        let stored = found(self.store(), key).await?;
        let before = &stored.registered;
        let wanted = Registered {
            filter: self.text(&before.filter)?,
            partitions: partitions.unwrap_or(before.partitions),
        };
        subscription.check_partitions(wanted.partitions)?;
        if let Some(filter) = &self.filter {
            filter.check(self.store(), &key.name).await?;
        }
        let new_after = self.new_after().await?;
        let regroups = before.partitions != wanted.partitions
            || key_of(&before.filter) != key_of(&wanted.filter);
        let mut report = ChangeReport {
            changes: !same(before, &wanted)?,
            filter_before: before.filter.clone(),
            filter: wanted.filter.clone(),
            partitions_before: before.partitions,
            partitions: wanted.partitions,
            new_events: 0,
            counted_all: true,
        };
        if report.changes {
            self.judge(key, &stored, new_after, &mut report).await?;
        } else {
            report.filter.clone_from(&before.filter);
        }
        let alteration = Alteration { wanted, regroups, new_after };
        Ok(Plan { stored, alteration, report })
    }

    /// The text of what is wanted.
    fn text(&self, stored: &str) -> Result<String> {
        let written = Written::parse(stored);
        let stored_key = written.as_ref().and_then(|it| it.partition_key.as_deref());
        let key = self.key.as_ref().map(|key| &*key.name).or(stored_key);
        if let Some(filter) = &self.filter {
            return Ok(filter_text::write(filter, key, Registry::global()?));
        }
        let Some(written) = written.as_ref().filter(|_| self.key.is_some()) else {
            return Ok(stored.to_owned());
        };
        let named = match &written.predicate {
            Some(name) => written.filter.clone().predicate(name, |_| true),
            None => written.filter.clone(),
        };
        Ok(filter_text::with_key(named.to_string(), key))
    }

    async fn new_after(&self) -> Result<Option<Position>> {
        Ok(match self.new_events {
            NewEventsFrom::Here => None,
            NewEventsFrom::Beginning => Some(Position::START),
            NewEventsFrom::Position(position) => {
                let last = self.store().last_assigned(position).await?;
                verify_position(&self.subscription.name, position, last)?;
                Some(Position::new(position.get().saturating_sub(1)))
            }
        })
    }

    /// Counts the events that newly match, and refuses what cannot be told.
    async fn judge(
        &self,
        key: &SubscriptionKey,
        stored: &Registration,
        new_after: Option<Position>,
        report: &mut ChangeReport,
    ) -> Result<()> {
        let checkpoints = checkpoints(self.store())?;
        let operation = self.store().operation("list_subscriptions", None);
        let list = operation.run(|_| checkpoints.list(key.tenant.as_ref())).await?;
        let partitions = list.into_iter().filter(|partition| partition.key == *key);
        let up_to: Vec<Position> = partitions.map(|partition| partition.position).collect();
        let lowest = up_to.iter().min().copied().unwrap_or_default();
        let from = new_after.map_or(lowest, |after| after.min(lowest));
        let operation = self.store().operation("read_subscription_changes", None);
        let mut passed = operation.run(|_| checkpoints.passed(key)).await?;
        let Registration { incarnation, registered } = stored.clone();
        passed.push(Passed { incarnation, filter: registered.filter, up_to, new_after });
        // Without a new filter nothing matches newly.
        let filter = self.filter.clone().unwrap_or_default();
        let passages = Passages::new(passed, &filter, self.key.as_ref())?;
        let refuse = |unknown: Unknown| self.unknown(&unknown);
        passages.check(from).map_err(refuse)?;
        let Some(after) = new_after.filter(|_| self.filter.is_some()) else { return Ok(()) };
        let (mut at, began, mut read) = (after, Instant::now(), 0);
        let feed = Feed::new(self.store().clone(), filter)?;
        while at < passages.last() {
            if read >= COUNTED || began.elapsed() > COUNT_TIME {
                report.counted_all = false;
                break;
            }
            let epoch = self.store().adapter().live().epoch();
            let Read::Batch(batch) = feed.read(at, epoch).await? else { continue };
            for event in batch.events {
                read += 1;
                report.new_events += u64::from(passages.is_asked_for(&event).map_err(refuse)?);
            }
            at = batch.up_to;
        }
        Ok(())
    }

    fn unknown(&self, unknown: &Unknown) -> Error {
        self.subscription.invalid(&format!(
            "what it has passed cannot be told without {}; keep that under its name, ask for new events from `Here`, or change it \
             once all its partitions have handled everything",
            unknown.0
        ))
    }
}

/// A change that is thought through.
struct Plan {
    stored: Registration,
    alteration: Alteration,
    report: ChangeReport,
}

async fn found(store: &EventStore, key: &SubscriptionKey) -> Result<Registration> {
    let checkpoints = checkpoints(store)?;
    let found = store.operation("find_subscription", None).run(|_| checkpoints.find(key)).await?;
    found.ok_or_else(|| SubscriptionError::NotFound { name: key.name.clone() }.into())
}

/// The name of the partition key in a registered text.
fn key_of(text: &str) -> Option<String> {
    Written::parse(text).and_then(|written| written.partition_key)
}

/// The error of a consumer, or a change, that another change came before.
fn changed_meanwhile(key: &SubscriptionKey, stored: &Registered) -> Error {
    let Registered { filter, partitions } = stored;
    let stored = format!("the filter `{filter}` and {partitions} partitions");
    SubscriptionError::Changed { name: key.name.clone(), stored }.into()
}

/// Tells a consumer whose subscription has another incarnation whether it was changed, or deleted and created again.
pub(super) async fn explain(shared: &Shared, error: Error) -> Error {
    if !matches!(&error, Error::Subscription(SubscriptionError::Replaced { .. })) {
        return error;
    }
    let looked_up = async {
        let Shared { key, incarnation, .. } = shared;
        let passed = shared.checkpoints()?.passed(key).await?;
        let was_changed = passed.iter().any(|it| it.incarnation == *incarnation);
        let now = if was_changed { shared.checkpoints()?.find(key).await? } else { None };
        Ok::<_, Error>(now.map(|now| changed_meanwhile(key, &now.registered)))
    };
    match looked_up.await {
        Ok(Some(changed)) => changed,
        Ok(None) | Err(_) => error,
    }
}
