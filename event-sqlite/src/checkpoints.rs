//! Durable subscriptions in the file: every change is a transaction under the write lock, so owners take turns.

use std::time::Duration;

use event_core::adapter::{
    Alteration, Checkpoint, CheckpointMove, CheckpointStore, DiscardedEvent, Heartbeat,
    Incarnation, KEPT_CHANGES, Moved, ParkedEvent, ParkedFilter, PartitionState, Passed,
    Registered, Registration, SubscriptionKey, async_trait,
};
use event_core::{Position, Result, Tenant};
use event_sql::error::no_answer;
use event_sql::rows::{self, Record, to_i64};

use crate::row::Cells;
use crate::sql;
use crate::store::Store;
use crate::subscription::{checkpointed, is_same, named, not_found, of_partition, selected};

const MOVE: &str = "move a checkpoint";
/// No lease is given for longer than this, or ten times the owner's own, in microseconds.
const TEN_MINUTES: i64 = 10 * 60 * 1_000_000;

#[async_trait]
impl CheckpointStore for Store {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registration> {
        let (mut transaction, found) = self.change("register a subscription", key).await?;
        if let Some(row) = found {
            transaction.rollback().await;
            return rows::registration(&Cells::new(&row));
        }
        let partitions = i64::from(wanted.partitions);
        let subscription = named(sql::ADD_SUBSCRIPTION, key).bind(wanted.filter.clone());
        transaction.execute(subscription.bind(partitions)).await?;
        let start = to_i64(start.get());
        transaction.execute(named(sql::ADD_PARTITIONS, key).bind(partitions).bind(start)).await?;
        let rows = transaction.fetch(named(sql::FIND_SUBSCRIPTION, key)).await?;
        transaction.commit().await?;
        rows::registration(&Cells::new(rows.first().ok_or_else(|| not_found(key))?))
    }

    async fn find(&self, key: &SubscriptionKey) -> Result<Option<Registration>> {
        let query = named(sql::FIND_SUBSCRIPTION, key);
        let rows = self.fetch("look up a subscription", query).await?;
        rows.first().map(|row| rows::registration(&Cells::new(row))).transpose()
    }

    async fn change(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        alteration: &Alteration,
    ) -> Result<()> {
        let operation = "change a subscription";
        let Alteration { wanted, regroups, new_after } = alteration;
        let (mut transaction, _) = self.change_same(operation, key, incarnation).await?;
        let partitions = i64::from(wanted.partitions);
        let new_after = new_after.map(|position| to_i64(position.get()));
        let kept = i64::try_from(KEPT_CHANGES).unwrap_or(i64::MAX);
        transaction.execute(named(sql::RECORD_PASSED, key).bind(new_after)).await?;
        transaction.execute(named(sql::FORGET_SUBSCRIPTION_CHANGES, key).bind(kept)).await?;
        let extent = transaction.fetch(named(sql::EXTENT_OF_PARTITIONS, key)).await?;
        let change = named(sql::CHANGE_SUBSCRIPTION, key).bind(wanted.filter.clone());
        transaction.execute(change.bind(partitions)).await?;
        if *regroups {
            let extent = Cells::new(extent.first().ok_or_else(|| no_answer(operation))?);
            let (lowest, skipped): (i64, i64) = (extent.get("lowest")?, extent.get("skipped")?);
            transaction.execute(named(sql::DELETE_PARTITIONS, key)).await?;
            let add = named(sql::ADD_PARTITIONS, key).bind(partitions);
            transaction.execute(add.bind(new_after.unwrap_or(lowest).min(lowest))).await?;
            transaction.execute(named(sql::SET_SKIPPED, key).bind(skipped)).await?;
            transaction.execute(named(sql::REGROUP_PARKED, key).bind(partitions)).await?;
        } else {
            transaction.execute(named(sql::MOVE_BACK_PARTITIONS, key).bind(new_after)).await?;
        }
        transaction.execute(named(sql::DELETE_MEMBERS, key)).await?;
        Ok(transaction.commit().await?)
    }

    async fn passed(&self, key: &SubscriptionKey) -> Result<Vec<Passed>> {
        let rows = self.fetch("read changes of a subscription", named(sql::PASSED, key)).await?;
        rows.iter().map(|row| rows::passed(&Cells::new(row))).collect()
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        let operation = "renew the leases of a subscription";
        let (mut transaction, row) = self.change_same(operation, key, incarnation).await?;
        let now: i64 = Cells::new(&row).get("now")?;
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let until = now.saturating_add(lease);
        // A lease that ends later was given before the clock was set back. It has ended, or partitions of a dead owner
        // would stay leased until the clock is there again.
        let longest = now.saturating_add(lease.saturating_mul(10).max(TEN_MINUTES));
        let own = |statement| named(statement, key).bind(owner.to_owned());
        let expired = named(sql::REMOVE_EXPIRED_MEMBERS, key).bind(now).bind(longest);
        transaction.execute(expired).await?;
        transaction.execute(own(sql::HEARTBEAT_MEMBER).bind(until)).await?;
        let counted = transaction.fetch(own(sql::COUNT_MEMBERS)).await?;
        let counted = Cells::new(counted.first().ok_or_else(|| no_answer(operation))?);
        let (members, rank) = (Record(&counted).small("members")?, Record(&counted).small("rank")?);
        let mut heartbeat = rows::heartbeat(&Cells::new(&row), members, rank)?;
        if !heartbeat.paused {
            let held = transaction.execute(own(sql::RENEW_PARTITIONS).bind(until)).await?;
            let wanted = u64::from(heartbeat.share()).saturating_sub(held);
            if wanted > 0 {
                let take = own(sql::TAKE_PARTITIONS).bind(until).bind(now);
                transaction.execute(take.bind(to_i64(wanted)).bind(longest)).await?;
            }
            let rows = transaction.fetch(own(sql::HELD_PARTITIONS)).await?;
            let leases = rows.iter().map(|row| rows::lease(&Cells::new(row), "position"));
            heartbeat.leases = leases.filter_map(Result::transpose).collect::<Result<_>>()?;
        }
        transaction.commit().await?;
        Ok(heartbeat)
    }

    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool> {
        let query = checkpointed(key, (partition, token), checkpoint, skipped).bind(false);
        Ok(self.change_rows(MOVE, key, query).await? > 0)
    }

    async fn save_all(
        &self,
        key: &SubscriptionKey,
        moves: &[CheckpointMove],
    ) -> Result<Vec<Moved>> {
        let (mut transaction, _) = self.change_known(MOVE, key).await?;
        let mut answers = Vec::with_capacity(moves.len());
        for CheckpointMove { partition, token, checkpoint, skipped } in moves {
            let query = checkpointed(key, (*partition, *token), *checkpoint, *skipped).bind(true);
            let saved = transaction.execute(query).await? > 0;
            answers.push(if saved { Moved::Saved } else { Moved::Lost });
        }
        transaction.commit().await?;
        Ok(answers)
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let operation = "release partitions of a subscription";
        let (mut transaction, _) = self.change_same(operation, key, incarnation).await?;
        let Some(partitions) = partitions else {
            for statement in [sql::REMOVE_MEMBER, sql::RELEASE_PARTITIONS] {
                transaction.execute(named(statement, key).bind(owner.to_owned())).await?;
            }
            return Ok(transaction.commit().await?);
        };
        for lease in partitions {
            transaction.execute(of_partition(sql::RELEASE_PARTITION, key, *lease)).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let (mut transaction, row) = self.change_known("park an event", key).await?;
        let query = of_partition(sql::PARK_EVENT, key, (event.partition, token))
            .bind(to_i64(event.position.get()))
            .bind(event.event_id.as_uuid())
            .bind(i64::from(event.attempts))
            .bind(event.error.clone())
            .bind(Cells::new(&row).get::<i64>("now")?);
        let parked = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(parked > 0)
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        incarnation: Option<Incarnation>,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        const OPERATION: &str = "list parked events";
        let query = named(if due { sql::PARKED_DUE } else { sql::PARKED }, key)
            .bind(to_i64(after.get()))
            .bind(i64::from(limit))
            .bind(incarnation.map(|incarnation| to_i64(incarnation.get())));
        let rows = self.fetch(OPERATION, query).await?;
        if rows.is_empty() {
            let found = self.fetch(OPERATION, named(sql::FIND_SUBSCRIPTION, key)).await?;
            let row = found.first().ok_or_else(|| not_found(key))?;
            incarnation.map_or(Ok(()), |incarnation| is_same(key, incarnation, row))?;
        }
        rows.iter().map(|row| rows::parked_event(&Cells::new(row))).collect()
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        let query = named(sql::REPLAY_PARKED, key).bind(position.map(|p| to_i64(p.get())));
        self.change_rows("replay parked events", key, query).await
    }

    async fn select_parked(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let query = selected(sql::SELECT_PARKED, key, filter).bind(to_i64(after.get()));
        let rows = self.page_of_parked(key, query.bind(i64::from(limit))).await?;
        rows.iter().map(|row| rows::parked_event(&Cells::new(row))).collect()
    }

    async fn select_discarded(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<DiscardedEvent>> {
        let query = selected(sql::SELECT_DISCARDED, key, filter).bind(to_i64(after.get()));
        let rows = self.page_of_parked(key, query.bind(i64::from(limit))).await?;
        rows.iter().map(|row| rows::discarded_event(&Cells::new(row))).collect()
    }

    async fn replay_selected(&self, key: &SubscriptionKey, filter: &ParkedFilter) -> Result<u64> {
        let query = selected(sql::REPLAY_SELECTED, key, filter);
        self.change_rows("replay parked events", key, query).await
    }

    async fn discard(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        reason: &str,
    ) -> Result<u64> {
        let (mut transaction, row) = self.change_known("discard parked events", key).await?;
        let keep = selected(sql::KEEP_DISCARDED, key, filter).bind(reason.to_owned());
        transaction.execute(keep.bind(Cells::new(&row).get::<i64>("now")?)).await?;
        let discarded = transaction.execute(selected(sql::DISCARD_PARKED, key, filter)).await?;
        transaction.commit().await?;
        Ok(discarded)
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        let (mut transaction, _) = self.change_known("remove a parked event", key).await?;
        let holds = of_partition(sql::HOLDS_PARTITION, key, (partition, token));
        if transaction.fetch(holds).await?.is_empty() {
            transaction.rollback().await;
            return Ok(false);
        }
        let query = named(sql::UNPARK_EVENT, key).bind(to_i64(position.get()));
        transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        let (mut transaction, _) = self.change_known("pause a subscription", key).await?;
        transaction.execute(named(sql::PAUSE_SUBSCRIPTION, key).bind(paused)).await?;
        if paused {
            let query = named(sql::TAKE_AWAY_PARTITIONS, key).bind(None::<i64>);
            transaction.execute(query).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        let (mut transaction, _) = self.change_known("reset a subscription", key).await?;
        let query = named(sql::TAKE_AWAY_PARTITIONS, key).bind(to_i64(position.get()));
        transaction.execute(query).await?;
        transaction.execute(named(sql::FORGET_SUBSCRIPTION_CHANGES, key).bind(0_i64)).await?;
        Ok(transaction.commit().await?)
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        let (mut transaction, _) = self.change_known("delete a subscription", key).await?;
        for statement in [
            sql::DELETE_PARKED,
            sql::DELETE_MEMBERS,
            sql::DELETE_PARTITIONS,
            sql::DELETE_SUBSCRIPTION,
        ] {
            transaction.execute(named(statement, key)).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn stopped(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        why: Option<&str>,
    ) -> Result<()> {
        let operation = "change a subscription";
        let (mut transaction, _) = self.change_same(operation, key, incarnation).await?;
        let query = named(sql::STOP_SUBSCRIPTION, key).bind(why.map(str::to_owned));
        transaction.execute(query).await?;
        Ok(transaction.commit().await?)
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        let tenant = tenant.map(|tenant| tenant.as_str().to_owned());
        let query = sql::LIST_SUBSCRIPTIONS.query().bind(tenant);
        let rows = self.fetch("list subscriptions", query).await?;
        rows.iter().map(|row| rows::partition_state(&Cells::new(row))).collect()
    }
}
