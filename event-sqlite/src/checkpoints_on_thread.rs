//! The checkpoints of a store, whose transactions run on the store's thread; what takes no lock is read where it is polled.
//!
//! Every method is here, those with a default as well: the store has its own.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{
    Alteration, Checkpoint, CheckpointMove, CheckpointStore, DiscardedEvent, Heartbeat,
    Incarnation, Moved, ParkedEvent, ParkedFilter, PartitionState, Passed, Registered,
    Registration, SubscriptionKey, async_trait,
};
use event_core::{Position, Result, Tenant};

use crate::on_thread::OnThread;

/// Makes one call on the store's thread, with arguments of its own.
macro_rules! on_thread {
    ($self:ident, $operation:literal, |$store:ident, $($argument:ident),+| $call:expr) => {{
        let $store = Arc::clone(&$self.0);
        $(let $argument = $argument.to_owned();)+
        $self.0.thread.run($operation, async move { $call.await }).await?
    }};
}

#[async_trait]
impl CheckpointStore for OnThread {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registration> {
        on_thread!(self, "register a subscription", |store, key, wanted| {
            store.register(&key, &wanted, start)
        })
    }

    async fn find(&self, key: &SubscriptionKey) -> Result<Option<Registration>> {
        self.0.find(key).await
    }

    async fn change(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        alteration: &Alteration,
    ) -> Result<()> {
        on_thread!(self, "change a subscription", |store, key, alteration| {
            CheckpointStore::change(&*store, &key, incarnation, &alteration)
        })
    }

    async fn passed(&self, key: &SubscriptionKey) -> Result<Vec<Passed>> {
        self.0.passed(key).await
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        on_thread!(self, "renew the leases of a subscription", |store, key, owner| {
            store.heartbeat(&key, incarnation, &owner, lease)
        })
    }

    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool> {
        on_thread!(self, "move a checkpoint", |store, key| {
            store.save(&key, partition, token, checkpoint, skipped)
        })
    }

    async fn save_all(
        &self,
        key: &SubscriptionKey,
        moves: &[CheckpointMove],
    ) -> Result<Vec<Moved>> {
        on_thread!(self, "move a checkpoint", |store, key, moves| store.save_all(&key, &moves))
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let partitions = partitions.map(<[(u32, u64)]>::to_vec);
        on_thread!(self, "release partitions of a subscription", |store, key, owner| {
            store.release(&key, incarnation, &owner, partitions.as_deref())
        })
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        on_thread!(self, "park an event", |store, key, event| store.park(&key, token, &event))
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        incarnation: Option<Incarnation>,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        self.0.parked(key, incarnation, due, after, limit).await
    }

    async fn select_parked(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        self.0.select_parked(key, filter, after, limit).await
    }

    async fn select_discarded(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<DiscardedEvent>> {
        self.0.select_discarded(key, filter, after, limit).await
    }

    async fn replay_selected(&self, key: &SubscriptionKey, filter: &ParkedFilter) -> Result<u64> {
        on_thread!(self, "replay parked events", |store, key, filter| {
            store.replay_selected(&key, &filter)
        })
    }

    async fn discard(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        reason: &str,
    ) -> Result<u64> {
        on_thread!(self, "discard parked events", |store, key, filter, reason| {
            CheckpointStore::discard(&*store, &key, &filter, &reason)
        })
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        on_thread!(self, "replay parked events", |store, key| store.replay(&key, position))
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        on_thread!(self, "remove a parked event", |store, key| {
            store.unpark(&key, partition, token, position)
        })
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        on_thread!(self, "pause a subscription", |store, key| store.pause(&key, paused))
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        on_thread!(self, "reset a subscription", |store, key| store.reset(&key, position))
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        on_thread!(self, "delete a subscription", |store, key| store.delete(&key))
    }

    async fn stopped(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        why: Option<&str>,
    ) -> Result<()> {
        let why = why.map(str::to_owned);
        on_thread!(self, "change a subscription", |store, key| {
            store.stopped(&key, incarnation, why.as_deref())
        })
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        self.0.list(tenant).await
    }
}
