//! What all calls about durable subscriptions have in common: how a subscription is named to the server, what a token is worth,
//! and what an answer of another incarnation means.

use event_core::adapter::{Checkpoint, Incarnation, ParkedFilter, SubscriptionKey};
use event_core::error::SubscriptionError;
use event_core::{Error, Position, Result, Tenant};
use event_sql::rows::{self, to_i32, to_i64};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Type};

use crate::epoch::look_into;
use crate::lineage::ServerOf;
use crate::row::Cells;
use crate::sql::{PgQuery, Statement};
use crate::store::Store;

/// A change of a subscription as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Control {
    Pause,
    Resume,
    Reset(Position),
    Delete,
}

impl Control {
    /// The word for it in the server function.
    const fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reset(_) => "reset",
            Self::Delete => "delete",
        }
    }
}

impl Store {
    pub(crate) async fn answer(&self, operation: &'static str, query: PgQuery<'_>) -> Result<bool> {
        Cells::new(&self.fetch_one(operation, query).await?).get("answer")
    }

    /// The server on which a token is worth something.
    pub(crate) fn server_of(&self, token: u64) -> ServerOf {
        let epoch = self.lineage.epoch();
        if self.tokens.is_of_another(token, epoch) {
            return ServerOf::Before;
        }
        self.lineage.server_of(epoch)
    }

    /// Runs a statement for the holder of a token, on the server whose log its epoch is of; `None` if that epoch is over.
    /// The statement binds the server last, and answers null on another one.
    pub(crate) async fn on_its_server<T>(
        &self,
        token: u64,
        operation: &'static str,
        query: impl Fn() -> PgQuery<'static> + Send + Sync,
    ) -> Result<Option<T>>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        while let ServerOf::Now(started) = self.server_of(token) {
            let row = self.fetch_one(operation, query().bind(started)).await?;
            if let Some(answer) = Cells::new(&row).get("answer")? {
                return Ok(Some(answer));
            }
            look_into(self).await?;
        }
        Ok(None)
    }

    /// An answer that is false for a lost lease; a subscription that does not exist is an error.
    pub(crate) async fn held(
        &self,
        key: &SubscriptionKey,
        token: u64,
        operation: &'static str,
        query: impl Fn() -> PgQuery<'static> + Send + Sync,
    ) -> Result<bool> {
        let answer = self.on_its_server(token, operation, query).await?;
        Ok(answer.unwrap_or(false) || {
            self.known(key).await?;
            false
        })
    }

    /// An answer that is false for a subscription that does not exist.
    pub(crate) async fn found(
        &self,
        key: &SubscriptionKey,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<()> {
        if self.answer(operation, query).await? { Ok(()) } else { Err(not_found(key)) }
    }

    pub(crate) async fn known(&self, key: &SubscriptionKey) -> Result<Incarnation> {
        let query = named(&self.sql.is_registered, key);
        let rows = self.fetch("look up a subscription", query).await?;
        rows::incarnation(&Cells::new(rows.first().ok_or_else(|| not_found(key))?))
    }

    /// A page of parked or discarded events of a subscription that must exist.
    pub(crate) async fn page_of_parked(
        &self,
        key: &SubscriptionKey,
        query: PgQuery<'_>,
    ) -> Result<Vec<PgRow>> {
        let rows = self.fetch("list parked events", query).await?;
        if rows.is_empty() {
            self.known(key).await?;
        }
        Ok(rows)
    }

    /// Runs a statement that answers with the incarnation that is registered, and changes only the given one.
    pub(crate) async fn same(
        &self,
        key: &SubscriptionKey,
        incarnation: Incarnation,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<()> {
        let row = self.fetch_one(operation, query).await?;
        let cells = Cells::new(&row);
        if cells.get::<Option<i64>>("incarnation")?.is_none() {
            return Err(not_found(key));
        }
        is_same(key, incarnation, rows::incarnation(&cells)?)
    }

    pub(crate) async fn control(&self, key: &SubscriptionKey, control: Control) -> Result<()> {
        let position = match control {
            Control::Reset(position) => Some(to_i64(position.get())),
            Control::Pause | Control::Resume | Control::Delete => None,
        };
        let query = named(&self.sql.control_subscription, key)
            .bind(control.word())
            .bind(position)
            .bind(None::<String>);
        self.found(key, "change a subscription", query).await
    }
}

/// A statement about one subscription: its tenant and its name come first.
pub(crate) fn named<'q>(statement: &Statement, key: &SubscriptionKey) -> PgQuery<'q> {
    let tenant = key.tenant.as_ref().map_or("", Tenant::as_str);
    statement.query().bind(tenant.to_owned()).bind(key.name.clone())
}

/// A statement about the parked events that a filter selects.
pub(crate) fn selected<'q>(
    statement: &Statement,
    key: &SubscriptionKey,
    filter: &ParkedFilter,
) -> PgQuery<'q> {
    let ParkedFilter { position, event_id, event_types, stream_id, error } = filter;
    let types = event_types.as_ref().map(|types| types.iter().map(|it| printable(it)).collect());
    named(statement, key)
        .bind(position.map(|position| to_i64(position.get())))
        .bind(event_id.map(event_core::EventId::as_uuid))
        .bind::<Option<Vec<String>>>(types)
        .bind(stream_id.as_ref().map(|stream_id| stream_id.as_str().to_owned()))
        .bind(error.as_deref().map(printable))
}

/// A statement about one partition, under the token of its lease.
pub(crate) fn of_partition<'q>(
    statement: &Statement,
    key: &SubscriptionKey,
    (partition, token): (u32, u64),
) -> PgQuery<'q> {
    named(statement, key).bind(to_i32(partition)).bind(to_i64(token))
}

pub(crate) fn checkpointed<'q>(
    statement: &Statement,
    key: &SubscriptionKey,
    lease: (u32, u64),
    checkpoint: Checkpoint,
    skipped: u64,
) -> PgQuery<'q> {
    of_partition(statement, key, lease)
        .bind(to_i64(checkpoint.position.get()))
        .bind(checkpoint.event.map(|(position, _)| to_i64(position.get())))
        .bind(checkpoint.event.map(|(_, id)| id.as_uuid()))
        .bind(to_i64(skipped))
}

/// Refuses an incarnation that is not the registered one.
pub(crate) fn is_same(
    key: &SubscriptionKey,
    wanted: Incarnation,
    registered: Incarnation,
) -> Result<()> {
    if wanted == registered {
        return Ok(());
    }
    Err(SubscriptionError::Replaced { name: key.name.clone() }.into())
}

pub(crate) fn not_found(key: &SubscriptionKey) -> Error {
    SubscriptionError::NotFound { name: key.name.clone() }.into()
}

/// The server's texts hold everything but NUL.
pub(crate) fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
