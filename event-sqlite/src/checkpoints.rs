//! Durable subscriptions in the file: every change is a transaction under the write lock, so owners take turns.

use event_core::adapter::async_trait;
use std::time::Duration;

use event_core::adapter::{
    Checkpoint, CheckpointStore, Heartbeat, Lease, ParkedEvent, PartitionState, Registered,
    SubscriptionKey,
};
use event_core::error::SubscriptionError;
use event_core::{Error, EventId, Position, Result, Tenant};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::adapter::SqliteAdapter;
use crate::append::stored;
use crate::pool::Transaction;
use crate::row::{self, Cells};
use crate::sql::{self, SqliteQuery, Statement};

impl SqliteAdapter {
    /// Takes the write lock, and what is known of a subscription.
    async fn change(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
    ) -> Result<(Transaction<'_>, Option<SqliteRow>)> {
        let query = named(sql::BEGIN_SUBSCRIPTION, key);
        let (transaction, rows) = self.pool().begin(operation, query).await?;
        Ok((transaction, rows.into_iter().next()))
    }

    /// The same for one that must be there.
    async fn change_known(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
    ) -> Result<(Transaction<'_>, SqliteRow)> {
        match self.change(operation, key).await? {
            (transaction, Some(row)) => Ok((transaction, row)),
            (transaction, None) => {
                transaction.rollback().await?;
                Err(missing(key))
            }
        }
    }

    /// Runs one statement for a subscription that must be there; how many rows it changed.
    async fn change_rows(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
        query: SqliteQuery,
    ) -> Result<u64> {
        let (mut transaction, _) = self.change_known(operation, key).await?;
        let changed = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(changed)
    }
}

/// No lease is given for longer than this, or ten times the asker's own, in microseconds.
const TEN_MINUTES: i64 = 10 * 60 * 1_000_000;

async fn heartbeat(
    adapter: &SqliteAdapter,
    key: &SubscriptionKey,
    owner: &str,
    lease: Duration,
) -> Result<Heartbeat> {
    let (mut transaction, row) =
        adapter.change_known("renew the leases of a subscription", key).await?;
    let cells = Cells::new(&row);
    let now: i64 = cells.get("now")?;
    let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
    let until = now.saturating_add(lease);
    // Given before the clock was set back: over, or the dead would hold their partitions until the clock is there again.
    let longest = now.saturating_add(lease.saturating_mul(10).max(TEN_MINUTES));
    let own = |statement| named(statement, key).bind(owner.to_owned());
    transaction.execute(named(sql::REMOVE_EXPIRED_MEMBERS, key).bind(now).bind(longest)).await?;
    transaction.execute(own(sql::HEARTBEAT_MEMBER).bind(until)).await?;
    let rows = transaction.fetch(named(sql::COUNT_MEMBERS, key)).await?;
    let members = rows.first().map_or(Ok(1), |row| Cells::new(row).at_first::<i64>())?;
    let mut heartbeat = Heartbeat {
        partitions: count(&cells, "partitions")?,
        members: u32::try_from(members).unwrap_or(u32::MAX),
        paused: cells.get("paused")?,
        replays: unsigned(&cells, "replays")?,
        leases: Vec::new(),
    };
    if !heartbeat.paused {
        let held = transaction.execute(own(sql::RENEW_PARTITIONS).bind(until)).await?;
        let wanted = u64::from(heartbeat.share()).saturating_sub(held);
        if wanted > 0 {
            let take =
                own(sql::TAKE_PARTITIONS).bind(until).bind(now).bind(stored(wanted)).bind(longest);
            transaction.execute(take).await?;
        }
        let rows = transaction.fetch(own(sql::HELD_PARTITIONS)).await?;
        heartbeat.leases = rows.iter().map(lease_of).collect::<Result<_>>()?;
    }
    transaction.commit().await?;
    Ok(heartbeat)
}

#[async_trait]
impl CheckpointStore for SqliteAdapter {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registered> {
        let (mut transaction, there) = self.change("register a subscription", key).await?;
        if let Some(row) = there {
            transaction.rollback().await?;
            let cells = Cells::new(&row);
            return Ok(Registered {
                filter: cells.get("filter")?,
                partitions: count(&cells, "partitions")?,
            });
        }
        let partitions = i64::from(wanted.partitions);
        let subscription = named(sql::ADD_SUBSCRIPTION, key).bind(wanted.filter.clone());
        transaction.execute(subscription.bind(partitions)).await?;
        let start = stored(start.get());
        transaction.execute(named(sql::ADD_PARTITIONS, key).bind(partitions).bind(start)).await?;
        transaction.commit().await?;
        Ok(wanted.clone())
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        heartbeat(self, key, owner, lease).await
    }

    async fn save(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
        skipped: u64,
    ) -> Result<bool> {
        let query = of_partition(sql::SAVE_CHECKPOINT, key, partition, token)
            .bind(stored(checkpoint.position.get()))
            .bind(checkpoint.event.map(|(position, _)| stored(position.get())))
            .bind(checkpoint.event.map(|(_, id)| id.as_uuid()))
            .bind(stored(skipped));
        Ok(self.change_rows("move a checkpoint", key, query).await? > 0)
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let operation = "release partitions of a subscription";
        let (mut transaction, _) = self.change_known(operation, key).await?;
        let Some(partitions) = partitions else {
            for statement in [sql::REMOVE_MEMBER, sql::RELEASE_PARTITIONS] {
                transaction.execute(named(statement, key).bind(owner.to_owned())).await?;
            }
            return Ok(transaction.commit().await?);
        };
        for (partition, token) in partitions {
            transaction
                .execute(of_partition(sql::RELEASE_PARTITION, key, *partition, *token))
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let (mut transaction, row) = self.change_known("park an event", key).await?;
        let query = of_partition(sql::PARK_EVENT, key, event.partition, token)
            .bind(stored(event.position.get()))
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
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        const OPERATION: &str = "list parked events";
        let query = named(sql::PARKED, key).bind(due).bind(stored(after.get()));
        let rows = self.pool().fetch(OPERATION, query.bind(i64::from(limit))).await?;
        let find = named(sql::FIND_SUBSCRIPTION, key);
        if rows.is_empty() && self.pool().fetch(OPERATION, find).await?.is_empty() {
            return Err(missing(key));
        }
        rows.iter().map(parked).collect()
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        let query = named(sql::REPLAY_PARKED, key).bind(position.map(|p| stored(p.get())));
        self.change_rows("replay parked events", key, query).await
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        let (mut transaction, _) = self.change_known("forget a parked event", key).await?;
        let holds = of_partition(sql::HOLDS_PARTITION, key, partition, token);
        if transaction.fetch(holds).await?.is_empty() {
            transaction.rollback().await?;
            return Ok(false);
        }
        let query = named(sql::UNPARK_EVENT, key).bind(stored(position.get()));
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
        let query = named(sql::TAKE_AWAY_PARTITIONS, key).bind(stored(position.get()));
        self.change_rows("reset a subscription", key, query).await.map(drop)
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

    async fn stopped(&self, key: &SubscriptionKey, why: Option<&str>) -> Result<()> {
        let query = named(sql::STOP_SUBSCRIPTION, key).bind(why.map(str::to_owned));
        self.change_rows("change a subscription", key, query).await.map(drop)
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        let tenant = tenant.map(|tenant| tenant.as_str().to_owned());
        let query = sql::LIST_SUBSCRIPTIONS.query().bind(tenant);
        let rows = self.pool().fetch("list subscriptions", query).await?;
        rows.iter().map(state).collect()
    }
}

fn named(statement: Statement, key: &SubscriptionKey) -> SqliteQuery {
    let tenant = key.tenant.as_ref().map_or("", Tenant::as_str);
    statement.query().bind(tenant.to_owned()).bind(key.name.clone())
}

fn of_partition(
    statement: Statement,
    key: &SubscriptionKey,
    partition: u32,
    token: u64,
) -> SqliteQuery {
    named(statement, key).bind(i64::from(partition)).bind(stored(token))
}

fn missing(key: &SubscriptionKey) -> Error {
    SubscriptionError::NotFound { name: key.name.clone() }.into()
}

fn count(cells: &Cells<'_>, column: &str) -> Result<u32> {
    Ok(u32::try_from(cells.get::<i64>(column)?).unwrap_or_default())
}

fn unsigned(cells: &Cells<'_>, column: &str) -> Result<u64> {
    Ok(u64::try_from(cells.get::<i64>(column)?).unwrap_or_default())
}

fn position(cells: &Cells<'_>) -> Result<Position> {
    Ok(Position::try_from(cells.get::<i64>("position")?)?)
}

fn lease_of(row: &SqliteRow) -> Result<Lease> {
    let cells = Cells::new(row);
    let event = match (cells.get::<Option<i64>>("event_position")?, cells.get("event_id")?) {
        (Some(at), Some(id)) => Some((Position::try_from(at)?, EventId::from_uuid(id))),
        _ => None,
    };
    Ok(Lease {
        partition: count(&cells, "partition")?,
        token: unsigned(&cells, "token")?,
        checkpoint: Checkpoint { position: position(&cells)?, event },
    })
}

fn parked(row: &SqliteRow) -> Result<ParkedEvent> {
    let cells = Cells::new(row);
    Ok(ParkedEvent {
        position: position(&cells)?,
        event_id: EventId::from_uuid(cells.get::<Uuid>("event_id")?),
        partition: count(&cells, "partition")?,
        attempts: count(&cells, "attempts")?,
        error: cells.get("error")?,
        parked_at: row::time(cells.get("parked_at")?)?,
        replay: cells.get("replay")?,
    })
}

fn state(row: &SqliteRow) -> Result<PartitionState> {
    let cells = Cells::new(row);
    let tenant: String = cells.get("tenant")?;
    let tenant = if tenant.is_empty() { None } else { Some(Tenant::new(tenant)?) };
    let behind_since: Option<i64> = cells.get("behind_since")?;
    Ok(PartitionState {
        key: SubscriptionKey { tenant, name: cells.get("name")? },
        filter: cells.get("filter")?,
        paused: cells.get("paused")?,
        stopped: cells.get("stopped")?,
        parked: unsigned(&cells, "parked")?,
        partition: count(&cells, "partition")?,
        position: position(&cells)?,
        skipped: unsigned(&cells, "skipped")?,
        owner: cells.get("owner")?,
        lag: unsigned(&cells, "lag")?,
        behind_since: behind_since.map(row::time).transpose()?,
        now: row::time(cells.get("now")?)?,
    })
}
