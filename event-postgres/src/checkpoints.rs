//! Durable subscriptions on the server: thin calls of the functions in `migrations/0004_subscriptions.sql` and
//! `0011_incarnations.sql`.

use std::time::Duration;

use event_core::adapter::{
    Alteration, Checkpoint, CheckpointMove, CheckpointStore, DiscardedEvent, Heartbeat,
    Incarnation, KEPT_CHANGES, Moved, ParkedEvent, ParkedFilter, PartitionState, Passed,
    Registered, Registration, SubscriptionKey, async_trait,
};
use event_core::{Error, Position, Result, Tenant};
use event_sql::error::no_answer;
use event_sql::rows::{self, Record, to_i32, to_i64};
use sqlx::postgres::PgConnection;

use crate::epoch::look_into;
use crate::error;
use crate::lineage::ServerOf;
use crate::row::Cells;
use crate::store::Store;
use crate::subscription::{
    Control, checkpointed, is_same, named, not_found, of_partition, printable, selected,
};

const MOVE: &str = "move a checkpoint";

/// Moves a checkpoint in the caller's transaction; see
/// [`PgAdapter::save_checkpoint_in`](crate::PgAdapter::save_checkpoint_in).
pub(crate) async fn save_in(
    store: &Store,
    transaction: &mut PgConnection,
    key: &SubscriptionKey,
    (partition, token): (u32, u64),
    checkpoint: Checkpoint,
) -> Result<bool> {
    let statement = &store.sql.move_checkpoint;
    while let ServerOf::Now(started) = store.server_of(token) {
        let query = checkpointed(statement, key, (partition, token), checkpoint, 0).bind(started);
        let row = query.fetch_one(&mut *transaction).await;
        let row = row.map_err(|failed| error::error(MOVE, failed))?;
        if let Some(answer) = Cells::new(&row).get("answer")? {
            return Ok(answer);
        }
        look_into(store).await?;
    }
    Ok(false)
}

#[async_trait]
impl CheckpointStore for Store {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registration> {
        let query = named(&self.sql.register_subscription, key)
            .bind(printable(&wanted.filter))
            .bind(to_i32(wanted.partitions))
            .bind(to_i64(start.get()));
        let rows = self.fetch("register a subscription", query).await?;
        // Without a row it was deleted at this very moment.
        rows::registration(&Cells::new(rows.first().ok_or_else(|| not_found(key))?))
    }

    async fn find(&self, key: &SubscriptionKey) -> Result<Option<Registration>> {
        let query = named(&self.sql.find_subscription, key);
        let rows = self.fetch("look up a subscription", query).await?;
        rows.first().map(|row| rows::registration(&Cells::new(row))).transpose()
    }

    async fn change(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        alteration: &Alteration,
    ) -> Result<()> {
        let Alteration { wanted, regroups, new_after } = alteration;
        let query = named(&self.sql.change_subscription, key)
            .bind(to_i64(incarnation.get()))
            .bind(printable(&wanted.filter))
            .bind(to_i32(wanted.partitions))
            .bind(*regroups)
            .bind(new_after.map(|position| to_i64(position.get())))
            .bind(i32::try_from(KEPT_CHANGES).unwrap_or(i32::MAX));
        self.same(key, incarnation, "change a subscription", query).await
    }

    async fn passed(&self, key: &SubscriptionKey) -> Result<Vec<Passed>> {
        let query = named(&self.sql.passed, key);
        let rows = self.fetch("read changes of a subscription", query).await?;
        rows.iter().map(|row| rows::passed(&Cells::new(row))).collect()
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        let millis = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let epoch = self.lineage.epoch();
        let query = named(&self.sql.heartbeat_subscription, key)
            .bind(to_i64(incarnation.get()))
            .bind(printable(owner))
            .bind(millis);
        let rows = self.fetch("renew the leases of a subscription", query).await?;
        let first = Cells::new(rows.first().ok_or_else(|| not_found(key))?);
        is_same(key, incarnation, rows::incarnation(&first)?)?;
        let record = Record(&first);
        let mut heartbeat =
            rows::heartbeat(&first, record.small("members")?, record.small("rank")?)?;
        for row in &rows {
            let cells = Cells::new(row);
            let Some(lease) = rows::lease(&cells, "at_position")? else { continue };
            let renewed = Record(&cells).flag("renewed")?;
            if renewed { &mut heartbeat.leases } else { &mut heartbeat.unrenewed }.push(lease);
        }
        let leases = heartbeat.leases.iter().chain(&heartbeat.unrenewed);
        self.tokens.note(epoch, leases.map(|lease| lease.token));
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
        let statement = &self.sql.save_checkpoint;
        let query = || checkpointed(statement, key, (partition, token), checkpoint, skipped);
        self.held(key, token, MOVE, query).await
    }

    async fn save_all(
        &self,
        key: &SubscriptionKey,
        moves: &[CheckpointMove],
    ) -> Result<Vec<Moved>> {
        let each = || moves.iter();
        let event = |it: &CheckpointMove| it.checkpoint.event;
        let Some(first) = moves.first() else { return Ok(Vec::new()) };
        let query = || {
            named(&self.sql.save_checkpoints, key)
                .bind(each().map(|it| to_i32(it.partition)).collect::<Vec<_>>())
                .bind(each().map(|it| to_i64(it.token)).collect::<Vec<_>>())
                .bind(each().map(|it| to_i64(it.checkpoint.position.get())).collect::<Vec<_>>())
                .bind(
                    each().map(|it| event(it).map(|(at, _)| to_i64(at.get()))).collect::<Vec<_>>(),
                )
                .bind(each().map(|it| event(it).map(|(_, id)| id.as_uuid())).collect::<Vec<_>>())
                .bind(each().map(|it| to_i64(it.skipped)).collect::<Vec<_>>())
        };
        // The partitions of a consumer are taken in one epoch.
        let token =
            each().map(|it| it.token).find(|token| self.server_of(*token) == ServerOf::Before);
        let token = token.unwrap_or(first.token);
        let answers: Option<Vec<String>> = self.on_its_server(token, MOVE, query).await?;
        let answers = answers.unwrap_or_else(|| vec!["lost".into(); moves.len()]);
        let answers = answers.iter().map(|answer| match answer.as_str() {
            "saved" => Ok(Moved::Saved),
            "busy" => Ok(Moved::Busy),
            "lost" => Ok(Moved::Lost),
            other => Err(Error::adapter(MOVE, format!("the server answered `{other}`"))),
        });
        let answers: Vec<Moved> = answers.collect::<Result<_>>()?;
        if answers.len() != moves.len() {
            return Err(no_answer(MOVE));
        }
        if answers.contains(&Moved::Lost) {
            self.known(key).await?;
        }
        Ok(answers)
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let (numbers, tokens): (Option<Vec<i32>>, Option<Vec<i64>>) = partitions
            .map(|partitions| partitions.iter().map(|(n, token)| (to_i32(*n), to_i64(*token))))
            .map(Iterator::unzip)
            .unzip();
        let query = named(&self.sql.release_partitions, key)
            .bind(to_i64(incarnation.get()))
            .bind(printable(owner))
            .bind(numbers)
            .bind(tokens);
        self.same(key, incarnation, "release partitions of a subscription", query).await
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let query = || {
            of_partition(&self.sql.park_event, key, (event.partition, token))
                .bind(to_i64(event.position.get()))
                .bind(event.event_id.as_uuid())
                .bind(to_i32(event.attempts))
                .bind(printable(&event.error))
        };
        self.held(key, token, "park an event", query).await
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        incarnation: Option<Incarnation>,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let statement = if due { &self.sql.parked_due } else { &self.sql.parked };
        let query = named(statement, key).bind(to_i64(after.get())).bind(i64::from(limit));
        let query = query.bind(incarnation.map(|incarnation| to_i64(incarnation.get())));
        let rows = self.fetch("list parked events", query).await?;
        if rows.is_empty() {
            let registered = self.known(key).await?;
            is_same(key, incarnation.unwrap_or(registered), registered)?;
        }
        rows.iter().map(|row| rows::parked_event(&Cells::new(row))).collect()
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        self.known(key).await?;
        let query = named(&self.sql.replay_parked, key).bind(position.map(|p| to_i64(p.get())));
        let row = self.fetch_one("replay parked events", query).await?;
        Record(&Cells::new(&row)).count("marked")
    }

    async fn select_parked(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let query = selected(&self.sql.select_parked, key, filter);
        let query = query.bind(to_i64(after.get())).bind(i64::from(limit));
        let rows = self.page_of_parked(key, query).await?;
        rows.iter().map(|row| rows::parked_event(&Cells::new(row))).collect()
    }

    async fn select_discarded(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        after: Position,
        limit: u32,
    ) -> Result<Vec<DiscardedEvent>> {
        let query = selected(&self.sql.select_discarded, key, filter);
        let query = query.bind(to_i64(after.get())).bind(i64::from(limit));
        let rows = self.page_of_parked(key, query).await?;
        rows.iter().map(|row| rows::discarded_event(&Cells::new(row))).collect()
    }

    async fn replay_selected(&self, key: &SubscriptionKey, filter: &ParkedFilter) -> Result<u64> {
        let query = selected(&self.sql.replay_selected, key, filter);
        let row = self.fetch_one("replay parked events", query).await?;
        let marked = Record(&Cells::new(&row)).optional("marked", Record::count)?;
        marked.ok_or_else(|| not_found(key))
    }

    async fn discard(
        &self,
        key: &SubscriptionKey,
        filter: &ParkedFilter,
        reason: &str,
    ) -> Result<u64> {
        let query = selected(&self.sql.discard_parked, key, filter).bind(printable(reason));
        let row = self.fetch_one("discard parked events", query).await?;
        let discarded = Record(&Cells::new(&row)).optional("marked", Record::count)?;
        discarded.ok_or_else(|| not_found(key))
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        let query = || {
            let query = of_partition(&self.sql.unpark_event, key, (partition, token));
            query.bind(to_i64(position.get()))
        };
        self.held(key, token, "remove a parked event", query).await
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        self.control(key, if paused { Control::Pause } else { Control::Resume }).await
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        self.control(key, Control::Reset(position)).await
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        self.control(key, Control::Delete).await
    }

    async fn stopped(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        why: Option<&str>,
    ) -> Result<()> {
        let query = named(&self.sql.stop_subscription, key)
            .bind(to_i64(incarnation.get()))
            .bind(why.map(printable));
        self.same(key, incarnation, "change a subscription", query).await
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        let tenant = tenant.map(|tenant| tenant.as_str().to_owned());
        let query = self.sql.list_subscriptions.query().bind(tenant);
        let rows = self.fetch("list subscriptions", query).await?;
        rows.iter().map(|row| rows::partition_state(&Cells::new(row))).collect()
    }
}
