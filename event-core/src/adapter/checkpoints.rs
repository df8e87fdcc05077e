//! [`CheckpointStore`]: what a backend keeps of durable subscriptions, and how it tells their consumers apart.
//!
//! A subscription is split into partitions, each with a checkpoint of its own. A partition belongs to one owner at a time, by a
//! lease that the backend's clock ends, and every change of owner takes a new token: whoever comes with an older one
//! changes nothing. Every promise is in the contract suite, group `leases`.

use async_trait::async_trait;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::value::{EventId, Position, Tenant};

/// A subscription's name. Tenants have names of their own; none is the operator's view of all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey {
    /// Whose events it is about; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Its name: 1 to 255 bytes without control characters.
    pub name: String,
}

/// How far a partition was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Checkpoint {
    /// Everything up to here was handled, or is not for this partition.
    pub position: Position,
    /// The last event that was handled: at or before the position. It tells this log from another one.
    pub event: Option<(Position, EventId)>,
}

/// A partition that an owner holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Its number, from 0.
    pub partition: u32,
    /// Proves the ownership; grows with every change of owner.
    pub token: u64,
    /// Where to go on.
    pub checkpoint: Checkpoint,
}

/// What an owner learns when it shows up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// Into how many partitions the subscription is split.
    pub partitions: u32,
    /// How many owners are alive, this one included; at least 1.
    pub members: u32,
    /// Nobody holds anything until it is resumed.
    pub paused: bool,
    /// Parked events that are to be handled again.
    pub replays: u64,
    /// What this owner holds, by number.
    pub leases: Vec<Lease>,
}

impl Heartbeat {
    /// How many partitions an owner takes: the partitions shared out evenly, rounded up.
    pub const fn share(&self) -> u32 {
        self.partitions.div_ceil(if self.members == 0 { 1 } else { self.members })
    }
}

/// What was written down of a subscription when it was first opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its filter, as text.
    pub filter: String,
    /// Into how many partitions it is split.
    pub partitions: u32,
}

/// An event that could not be handled, put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedEvent {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub event_id: EventId,
    /// The partition it belongs to.
    pub partition: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// The last error, with its causes.
    pub error: String,
    /// When it was put aside, by the store's clock.
    pub parked_at: DateTime<Utc>,
    /// Whether it is to be handled again.
    pub replay: bool,
}

/// One partition of a subscription, for the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// Whose partition.
    pub key: SubscriptionKey,
    /// The subscription's filter, as text.
    pub filter: String,
    /// Whether the subscription is paused.
    pub paused: bool,
    /// Why its last consumer gave up, if none went on since.
    pub stopped: Option<String>,
    /// Parked events of the whole subscription.
    pub parked: u64,
    /// Its number, from 0.
    pub partition: u32,
    /// How far it was handled.
    pub position: Position,
    /// Events that its policies left out.
    pub skipped: u64,
    /// Who holds it, if the lease has not ended.
    pub owner: Option<String>,
    /// Positions between it and the end of the log.
    pub lag: u64,
    /// When the first event behind its position was recorded.
    pub behind_since: Option<DateTime<Utc>>,
    /// The store's clock when it was asked.
    pub now: DateTime<Utc>,
}

/// The checkpoints and leases of durable subscriptions.
///
/// A call about a name that is not registered answers [`Error::Subscription`](crate::Error::Subscription) with `NotFound`.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Creates a subscription whose partitions all start after a position, unless there is one of the name; what stands then,
    /// whoever created it. Two that come at once agree.
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registered>;

    /// Shows that an owner is alive: its leases are renewed for a time by the backend's clock, and it takes parts that
    /// nobody holds, or whose lease has ended, up to its share. A partition taken gets a new token; one that was only renewed
    /// keeps its own, even if it had ended and nobody took it.
    ///
    /// A lease that ends later than any is given for (ten times this one, or ten minutes) was given before the clock was set
    /// back, and has ended.
    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat>;

    /// Moves a partition's checkpoint, and counts events that were left out. It never goes back: where it stands as
    /// far already, nothing changes, and that is `true`. `false`: the token is not the partition's any more.
    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool>;

    /// Gives up partitions, those whose token still holds; without any, all that the owner has, and its membership.
    async fn release(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()>;

    /// Puts an event aside, or writes down another failure of one that is; its time and replay mark are the backend's.
    /// `false`, and nothing changed: the token is not the partition's any more.
    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool>;

    /// A page of parked events after a position, in order; only those to be handled again if `due`.
    async fn parked(
        &self,
        key: &SubscriptionKey,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>>;

    /// Marks one parked event, or all, to be handled again; how many are marked by this.
    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64>;

    /// Forgets a parked event: it was handled. `false`, and nothing changed: the token is not the partition's any more.
    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool>;

    /// Takes all leases away, for good; or lets owners take them again.
    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()>;

    /// Puts every partition after a position, forward or back, and takes all leases away.
    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()>;

    /// Forgets a subscription and all that belongs to it; whoever still consumes it finds it gone.
    async fn delete(&self, key: &SubscriptionKey) -> Result<()>;

    /// Writes down why a consumer gave up, for the list; none wipes it out.
    async fn stopped(&self, key: &SubscriptionKey, why: Option<&str>) -> Result<()>;

    /// Every partition of the subscriptions of a tenant, or of all there are, by tenant, name and partition.
    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>>;
}
