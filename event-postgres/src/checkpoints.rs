//! Durable subscriptions on the server: thin calls of the functions in `migrations/0004_subscriptions.sql`.

use event_core::adapter::async_trait;
use std::time::Duration;

use event_core::adapter::{
    Checkpoint, CheckpointStore, Heartbeat, Lease, ParkedEvent, PartitionState, Registered,
    SubscriptionKey,
};
use event_core::error::SubscriptionError;
use event_core::{Error, EventId, Position, Result, Tenant};
use sqlx::postgres::{PgConnection, PgRow};
use uuid::Uuid;

use crate::adapter::PgAdapter;
use crate::append::stored;
use crate::error;
use crate::row::Cells;
use crate::sql::{PgQuery, Statement};

impl PgAdapter {
    /// Moves the checkpoint of a partition in a transaction of the caller's own, so that what was made of the events and the
    /// checkpoint are stored together, or neither: exactly once. To be called first of all in the transaction; the partition
    /// then stays with this owner until it ends.
    ///
    /// `false`, and nothing changed: the partition has another owner now, or stands as far already; roll back and stop.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::Adapter`]; the transaction is then to be rolled back.
    pub async fn save_checkpoint_in(
        &self,
        transaction: &mut PgConnection,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
    ) -> Result<bool> {
        const OPERATION: &str = "move a checkpoint";
        let (_, sql) = self.parts();
        let query = checkpointed(&sql.move_checkpoint, key, partition, token, checkpoint, 0);
        let row = query.fetch_one(transaction).await;
        let row = row.map_err(|failed| error::error(OPERATION, failed))?;
        Cells::new(&row).get("answer")
    }

    async fn answer(&self, operation: &'static str, query: PgQuery<'_>) -> Result<bool> {
        let rows = self.parts().0.fetch(operation, query).await?;
        let row = rows.first().ok_or_else(|| Error::adapter(operation, "no answer"))?;
        Cells::new(row).get("answer")
    }

    /// An answer that tells a lost lease from a subscription that is gone.
    async fn held(
        &self,
        key: &SubscriptionKey,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<bool> {
        Ok(self.answer(operation, query).await? || {
            self.known(key).await?;
            false
        })
    }

    async fn known(&self, key: &SubscriptionKey) -> Result<()> {
        let query = named(&self.parts().1.is_registered, key);
        if self.answer("look up a subscription", query).await? { Ok(()) } else { Err(missing(key)) }
    }

    async fn control(
        &self,
        key: &SubscriptionKey,
        what: &'static str,
        position: Option<Position>,
        text: Option<&str>,
    ) -> Result<()> {
        let query = named(&self.parts().1.control_subscription, key)
            .bind(what)
            .bind(position.map(|position| stored(position.get())))
            .bind(text.map(printable));
        if self.answer("change a subscription", query).await? { Ok(()) } else { Err(missing(key)) }
    }
}

#[async_trait]
impl CheckpointStore for PgAdapter {
    async fn register(
        &self,
        key: &SubscriptionKey,
        wanted: &Registered,
        start: Position,
    ) -> Result<Registered> {
        const OPERATION: &str = "register a subscription";
        let (pool, sql) = self.parts();
        let query = named(&sql.register_subscription, key)
            .bind(printable(&wanted.filter))
            .bind(number(wanted.partitions))
            .bind(stored(start.get()));
        let rows = pool.fetch(OPERATION, query).await?;
        let row = rows.first().ok_or_else(|| Error::adapter(OPERATION, "no answer"))?;
        let cells = Cells::new(row);
        Ok(Registered { filter: cells.get("filter")?, partitions: count(&cells, "partitions")? })
    }

    async fn heartbeat(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        lease: Duration,
    ) -> Result<Heartbeat> {
        let (pool, sql) = self.parts();
        let millis = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
        let query = named(&sql.heartbeat_subscription, key).bind(owner.to_owned()).bind(millis);
        let rows = pool.fetch("renew the leases of a subscription", query).await?;
        let first = Cells::new(rows.first().ok_or_else(|| missing(key))?);
        let leases = rows.iter().filter_map(|row| lease_of(row).transpose());
        Ok(Heartbeat {
            partitions: count(&first, "partitions")?,
            members: count(&first, "members")?,
            paused: first.get("paused")?,
            replays: unsigned(&first, "replays")?,
            leases: leases.collect::<Result<_>>()?,
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
        let statement = &self.parts().1.save_checkpoint;
        let query = checkpointed(statement, key, partition, token, checkpoint, skipped);
        self.held(key, "move a checkpoint", query).await
    }

    async fn release(
        &self,
        key: &SubscriptionKey,
        owner: &str,
        partitions: Option<&[(u32, u64)]>,
    ) -> Result<()> {
        let numbers = |partitions: &[(u32, u64)]| {
            partitions.iter().map(|(partition, _)| number(*partition)).collect()
        };
        let tokens = |partitions: &[(u32, u64)]| {
            partitions.iter().map(|(_, token)| stored(*token)).collect()
        };
        let query = named(&self.parts().1.release_partitions, key)
            .bind(owner.to_owned())
            .bind::<Option<Vec<i32>>>(partitions.map(numbers))
            .bind::<Option<Vec<i64>>>(partitions.map(tokens));
        if self.answer("release partitions of a subscription", query).await? {
            Ok(())
        } else {
            Err(missing(key))
        }
    }

    async fn park(&self, key: &SubscriptionKey, token: u64, event: &ParkedEvent) -> Result<bool> {
        let query = named(&self.parts().1.park_event, key)
            .bind(number(event.partition))
            .bind(stored(token))
            .bind(stored(event.position.get()))
            .bind(event.event_id.as_uuid())
            .bind(number(event.attempts))
            .bind(printable(&event.error));
        self.held(key, "park an event", query).await
    }

    async fn parked(
        &self,
        key: &SubscriptionKey,
        due: bool,
        after: Position,
        limit: u32,
    ) -> Result<Vec<ParkedEvent>> {
        let (pool, sql) = self.parts();
        let query = named(&sql.parked, key);
        let query = query.bind(due).bind(stored(after.get())).bind(i64::from(limit));
        let rows = pool.fetch("list parked events", query).await?;
        if rows.is_empty() {
            self.known(key).await?;
        }
        rows.iter().map(parked).collect()
    }

    async fn replay(&self, key: &SubscriptionKey, position: Option<Position>) -> Result<u64> {
        self.known(key).await?;
        let (pool, sql) = self.parts();
        let query = named(&sql.replay_parked, key).bind(position.map(|p| stored(p.get())));
        let rows = pool.fetch("replay parked events", query).await?;
        rows.first().map_or(Ok(0), |row| unsigned(&Cells::new(row), "marked"))
    }

    async fn unpark(
        &self,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        position: Position,
    ) -> Result<bool> {
        let query = named(&self.parts().1.unpark_event, key)
            .bind(number(partition))
            .bind(stored(token))
            .bind(stored(position.get()));
        self.held(key, "forget a parked event", query).await
    }

    async fn pause(&self, key: &SubscriptionKey, paused: bool) -> Result<()> {
        self.control(key, if paused { "pause" } else { "resume" }, None, None).await
    }

    async fn reset(&self, key: &SubscriptionKey, position: Position) -> Result<()> {
        self.control(key, "reset", Some(position), None).await
    }

    async fn delete(&self, key: &SubscriptionKey) -> Result<()> {
        self.control(key, "delete", None, None).await
    }

    async fn stopped(&self, key: &SubscriptionKey, why: Option<&str>) -> Result<()> {
        self.control(key, "stopped", None, why).await
    }

    async fn list(&self, tenant: Option<&Tenant>) -> Result<Vec<PartitionState>> {
        let (pool, sql) = self.parts();
        let tenant = tenant.map(|tenant| tenant.as_str().to_owned());
        let query = sql.list_subscriptions.query().bind(tenant);
        let rows = pool.fetch("list subscriptions", query).await?;
        rows.iter().map(state).collect()
    }
}

fn named<'q>(statement: &Statement, key: &SubscriptionKey) -> PgQuery<'q> {
    let tenant = key.tenant.as_ref().map_or("", Tenant::as_str);
    statement.query().bind(tenant.to_owned()).bind(key.name.clone())
}

fn checkpointed<'q>(
    statement: &Statement,
    key: &SubscriptionKey,
    partition: u32,
    token: u64,
    checkpoint: Checkpoint,
    skipped: u64,
) -> PgQuery<'q> {
    named(statement, key)
        .bind(number(partition))
        .bind(stored(token))
        .bind(stored(checkpoint.position.get()))
        .bind(checkpoint.event.map(|(position, _)| stored(position.get())))
        .bind(checkpoint.event.map(|(_, id)| id.as_uuid()))
        .bind(stored(skipped))
}

fn missing(key: &SubscriptionKey) -> Error {
    SubscriptionError::NotFound { name: key.name.clone() }.into()
}

/// A number as an int column holds it; more than it can hold is never reached.
fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The server's texts hold everything but NUL.
fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn count(cells: &Cells<'_>, column: &str) -> Result<u32> {
    Ok(u32::try_from(cells.get::<i32>(column)?).unwrap_or_default())
}

fn unsigned(cells: &Cells<'_>, column: &str) -> Result<u64> {
    Ok(u64::try_from(cells.get::<i64>(column)?).unwrap_or_default())
}

fn position(cells: &Cells<'_>, column: &str) -> Result<Position> {
    Ok(Position::try_from(cells.get::<i64>(column)?)?)
}

/// The lease of a row, which may have none.
fn lease_of(row: &PgRow) -> Result<Option<Lease>> {
    let cells = Cells::new(row);
    if cells.get::<Option<i32>>("partition")?.is_none() {
        return Ok(None);
    }
    let event = match (cells.get::<Option<i64>>("event_position")?, cells.get("event_id")?) {
        (Some(at), Some(id)) => Some((Position::try_from(at)?, EventId::from_uuid(id))),
        _ => None,
    };
    Ok(Some(Lease {
        partition: count(&cells, "partition")?,
        token: unsigned(&cells, "token")?,
        checkpoint: Checkpoint { position: position(&cells, "at_position")?, event },
    }))
}

fn parked(row: &PgRow) -> Result<ParkedEvent> {
    let cells = Cells::new(row);
    Ok(ParkedEvent {
        position: position(&cells, "position")?,
        event_id: EventId::from_uuid(cells.get::<Uuid>("event_id")?),
        partition: count(&cells, "partition")?,
        attempts: count(&cells, "attempts")?,
        error: cells.get("error")?,
        parked_at: cells.time("parked_at")?,
        replay: cells.get("replay")?,
    })
}

fn state(row: &PgRow) -> Result<PartitionState> {
    let cells = Cells::new(row);
    let tenant: String = cells.get("tenant")?;
    let tenant = if tenant.is_empty() { None } else { Some(Tenant::new(tenant)?) };
    Ok(PartitionState {
        key: SubscriptionKey { tenant, name: cells.get("name")? },
        filter: cells.get("filter")?,
        paused: cells.get("paused")?,
        stopped: cells.get("stopped")?,
        parked: unsigned(&cells, "parked")?,
        partition: count(&cells, "partition")?,
        position: position(&cells, "position")?,
        skipped: unsigned(&cells, "skipped")?,
        owner: cells.get("owner")?,
        lag: unsigned(&cells, "lag")?,
        // None where nothing is behind.
        behind_since: cells.time("behind_since").ok(),
        now: cells.time("now")?,
    })
}
