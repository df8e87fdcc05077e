//! [`CheckpointStore`]: how a backend stores durable subscriptions and assigns their partitions to consumers.
//!
//! Each partition of a subscription has its own checkpoint. One owner at a time holds it, by a lease that expires by the
//! backend's clock. Every change of owner assigns a new fencing token; a call with an older token changes nothing. Each creation
//! of a subscription is an [`Incarnation`]: a consumer of a deleted one changes nothing of its successor. The contract suite
//! tests every promise, in the group `leases`.

use async_trait::async_trait;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::parked::{DiscardedEvent, ParkedEvent, ParkedFilter};
use crate::error::{Error, Result};
use crate::value::{Escaped, EventId, Position, Tenant};

/// The key of a subscription: names are unique per tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionKey {
    /// The tenant whose events it delivers; `None` for all tenants.
    pub tenant: Option<Tenant>,
    /// The name: 1 to 255 bytes without control characters.
    pub name: String,
}

/// One creation of a subscription: a name that is deleted and created again has another one. Chosen by the backend; never
/// repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incarnation(u64);

impl Incarnation {
    /// The incarnation that a backend stores as a number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The number of changes of a subscription of which at least is kept what it had passed.
pub const KEPT_CHANGES: usize = 100;

/// How far a partition has been processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Checkpoint {
    /// Every event of the partition up to this position has been handled: acknowledged, skipped or parked.
    pub position: Position,
    /// The last handled event, at or before the position; it tells whether the log is still the same one.
    pub event: Option<(Position, EventId)>,
}

/// A partition and the right of its owner to process it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The number of the partition, from 0.
    pub partition: u32,
    /// The fencing token: proves the ownership and grows with every change of owner. It is never repeated, not even by another
    /// incarnation of the subscription, so that whatever carries a token carries the incarnation, too.
    pub token: u64,
    /// The checkpoint from which the owner resumes.
    pub checkpoint: Checkpoint,
}

/// The answer to a heartbeat: the state of the subscription and the leases of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// The number of partitions of the subscription.
    pub partitions: u32,
    /// The number of live owners, this one included; at least 1.
    pub members: u32,
    /// The number of live owners whose name sorts before the name of this one.
    pub rank: u32,
    /// Whether the subscription is paused: no owner gets a lease until it is resumed.
    pub paused: bool,
    /// The number of parked events that are marked for redelivery.
    pub replays: u64,
    /// The leases of this owner that were renewed or assigned by this heartbeat, ordered by partition.
    pub leases: Vec<Lease>,
    /// The leases of this owner that were not renewed, because a transaction has locked them: they end when they would have
    /// ended without this heartbeat.
    pub unrenewed: Vec<Lease>,
}

impl Heartbeat {
    /// The number of partitions that this owner may hold: shares add up to the number of partitions and differ by one at most.
    pub const fn share(&self) -> u32 {
        let members = if self.members == 0 { 1 } else { self.members };
        self.partitions / members + (self.rank < self.partitions % members) as u32
    }
}

/// The properties of a subscription that are fixed when it is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The filter as text.
    pub filter: String,
    /// The number of partitions.
    pub partitions: u32,
}

/// A registered subscription: what is stored, whoever created it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Which creation of the subscription it is.
    pub incarnation: Incarnation,
    /// Its properties.
    pub registered: Registered,
}

impl PartialEq<Registered> for Registration {
    fn eq(&self, registered: &Registered) -> bool {
        self.registered == *registered
    }
}

/// A change of a registered subscription, which keeps its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// What is registered afterwards.
    pub wanted: Registered,
    /// Whether events belong to other partitions afterwards: every partition then starts at the checkpoint that is furthest
    /// behind, as none of its events is passed there.
    pub regroups: bool,
    /// The position after which events are handled that were passed and match only now; `None` for nowhere. No checkpoint is
    /// after it afterwards.
    pub new_after: Option<Position>,
}

/// What a subscription had passed when it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The incarnation until the change.
    pub incarnation: Incarnation,
    /// The filter until the change, as text.
    pub filter: String,
    /// The position of the checkpoint of each partition at the change.
    pub up_to: Vec<Position>,
    /// The position after which events are handled that were passed and match since the change; `None` for nowhere.
    pub new_after: Option<Position>,
}

/// A checkpoint to save, for the holder of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointMove {
    /// The number of the partition, from 0.
    pub partition: u32,
    /// The token of its lease.
    pub token: u64,
    /// The new checkpoint.
    pub checkpoint: Checkpoint,
    /// The number of events that were skipped since the last one.
    pub skipped: u64,
}

/// What became of a [`CheckpointMove`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moved {
    /// The checkpoint is stored, or one that is as far.
    Saved,
    /// The token is outdated.
    Lost,
    /// A transaction has locked the partition: nothing changed, try again later.
    Busy,
}

/// One partition of a subscription, as [`CheckpointStore::list`] returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// The subscription.
    pub key: SubscriptionKey,
    /// The subscription's filter, as text.
    pub filter: String,
    /// Whether the subscription is paused.
    pub paused: bool,
    /// Why its last consumer stopped; `None` if none did, or if it was resumed since.
    pub stopped: Option<String>,
    /// The number of parked events of the whole subscription.
    pub parked: u64,
    /// The number of the partition, from 0.
    pub partition: u32,
    /// The checkpoint's position.
    pub position: Position,
    /// The number of events that its policies skipped.
    pub skipped: u64,
    /// The owner, if its lease has not expired.
    pub owner: Option<String>,
    /// The number of positions between the checkpoint and the end of the log.
    pub lag: u64,
    /// When the first event after the checkpoint was recorded.
    pub behind_since: Option<DateTime<Utc>>,
    /// The time of the list, by the store's clock.
    pub now: DateTime<Utc>,
}

/// Stores the checkpoints and leases of durable subscriptions.
///
/// A call with a name that is not registered fails with [`Error::Subscription`](crate::Error::Subscription) with `NotFound`; one
/// with another [`Incarnation`] than the registered one with `Replaced`, and changes nothing. Tokens of another incarnation are
/// outdated.
#[async_trait]
pub trait CheckpointStore: Send + Sync {
    /// Creates a subscription whose partitions all start after a position, unless the name is taken. Returns what is stored
    /// afterwards; concurrent calls get the same answer.
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registration>;

    /// What is registered under a name, if anything is.
    async fn find(&self, key: &SubscriptionKey) -> Result<Option<Registration>> {
        Err(unsupported(key))
    }

    /// Changes a subscription of this incarnation, which gets another one: all leases are revoked, and its consumers get
    /// `Replaced`. The checkpoints, the parked events and the number of skipped events stay, and what was passed is recorded as
    /// the latest of [`passed`](Self::passed). The reason why it stopped is cleared.
    async fn change(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        alteration: &Alteration,
    ) -> Result<()> {
        let _ = (incarnation, alteration);
        Err(unsupported(key))
    }

    /// What a subscription had passed at each of its changes since it was created or reset, the latest last; at least the last
    /// [`KEPT_CHANGES`].
    async fn passed(&self, key: &SubscriptionKey) -> Result<Vec<Passed>> {
        let _ = key;
        Ok(Vec::new())
    }

    /// Renews the membership and the leases of an owner for the duration `lease` by the backend's clock, and assigns it free
    /// partitions and those whose lease has expired, up to its share. A newly assigned partition gets a new token; a renewed
    /// lease keeps its token, even if it had expired and no other owner took the partition.
    ///
    /// A lease that ends further in the future than any lease can (ten times `lease`, or ten minutes) was granted before the
    /// clock was set back, and counts as expired.
    ///
    /// It does not wait for transactions of an application: leases that one has locked are returned as
    /// [`unrenewed`](Heartbeat::unrenewed).
    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat>;

    /// Advances a partition's checkpoint and adds to its count of skipped events. A checkpoint never moves back: if the stored
    /// one is as far or further, nothing changes and the call returns `true`. Returns `false` if the token is outdated.
    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool>;

    /// Saves the checkpoints of several partitions, each as [`save`](Self::save) does; one answer for each, in order. SQL
    /// backends do it in one statement or transaction, which waits for no other transaction.
    async fn save_all(
        &self,
        key: &SubscriptionKey,
        moves: &[CheckpointMove],
    ) -> Result<Vec<Moved>> {
        let mut all = Vec::with_capacity(moves.len());
        for CheckpointMove { partition, token, checkpoint, skipped } in moves {
            let saved = self.save(key, *partition, *token, *checkpoint, *skipped).await?;
            all.push(if saved { Moved::Saved } else { Moved::Lost });
        }
        Ok(all)
    }

    /// Releases the given partitions (number and token) whose token is current. `None` releases all leases of the owner and
    /// ends its membership. A partition that a transaction has locked keeps its lease until that ends by itself.
    async fn release(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()>;

    /// Parks an event, or records another failure of a parked one. The backend sets the time and clears the replay mark.
    /// Returns `false`, and changes nothing, if the token is outdated.
    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool>;

    /// Reads a page of parked events after a position, in order of position; if `due`, only those marked for redelivery. `None`
    /// is whatever incarnation is registered.
    async fn parked(
        &self,
        key: &SubscriptionKey,
        incarnation: Option<Incarnation>,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>>;

    /// Marks one parked event, or all, for redelivery. Returns how many were newly marked.
    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64>;

    /// Reads a page of the parked events that a filter selects, after a position, in order of position.
    async fn select_parked(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let _ = (filter, after, limit);
        Err(unsupported(key))
    }

    /// The same of those that were discarded.
    async fn select_discarded(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<DiscardedEvent>> {
        let _ = (filter, after, limit);
        Err(unsupported(key))
    }

    /// Marks the parked events that a filter selects for redelivery. Returns how many were newly marked.
    async fn replay_selected(&self, key: &SubscriptionKey, filter: &ParkedFilter) -> Result<u64> {
        let _ = filter;
        Err(unsupported(key))
    }

    /// Discards the parked events that a filter selects and that are not marked for redelivery: they are not parked any more,
    /// and kept with the reason. Returns how many.
    async fn discard(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        reason: &str,
    ) -> Result<u64> {
        let _ = (filter, reason);
        Err(unsupported(key))
    }

    /// Removes a parked event that was handled. Returns `false`, and changes nothing, if the token is outdated.
    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool>;

    /// Pauses or resumes a subscription. Pausing revokes all leases.
    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()>;

    /// Sets the checkpoint of every partition to a position, forward or back, revokes all leases, and forgets what was passed
    /// at earlier changes.
    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()>;

    /// Deletes a subscription with its checkpoints and parked events; its consumers get `NotFound`, or `Replaced` once another
    /// one is registered under the name.
    async fn delete(&self, key: &SubscriptionKey) -> Result<()>;

    /// Records why a consumer stopped, for the list; `None` clears it.
    async fn stopped(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        why: Option<&str>,
    ) -> Result<()>;

    /// Lists the partitions of a tenant's subscriptions, or of all subscriptions, ordered by tenant, name and partition.
    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>>;
}

/// The answer of a backend that stores no changes.
fn unsupported(key: &SubscriptionKey) -> Error {
    let reason = "the backend does not support this";
    Error::adapter("manage a subscription", format!("\"{}\": {reason}", Escaped(&key.name)))
}
