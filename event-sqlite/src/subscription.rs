//! What all calls about durable subscriptions have in common: every change is a transaction under the write lock, which reads the
//! row of the subscription first.

use event_core::adapter::{Checkpoint, Incarnation, ParkedFilter, SubscriptionKey};
use event_core::error::SubscriptionError;
use event_core::{Error, Result, Tenant};
use event_sql::rows::{self, to_i64};
use sqlx::sqlite::SqliteRow;

use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement};
use crate::store::Store;

impl Store {
    /// Takes the write lock, and reads the row of a subscription.
    pub(crate) async fn change(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
    ) -> Result<(Transaction<'_>, Option<SqliteRow>)> {
        let query = named(sql::BEGIN_SUBSCRIPTION, key);
        let (transaction, rows) = self.begin(operation, query).await?;
        Ok((transaction, rows.into_iter().next()))
    }

    /// The same for one that must exist.
    pub(crate) async fn change_known(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
    ) -> Result<(Transaction<'_>, SqliteRow)> {
        match self.change(operation, key).await? {
            (transaction, Some(row)) => Ok((transaction, row)),
            (transaction, None) => {
                transaction.rollback().await;
                Err(not_found(key))
            }
        }
    }

    /// The same for an incarnation that must be the registered one.
    pub(crate) async fn change_same(
        &self,
        operation: &'static str,
        key: &SubscriptionKey,
        incarnation: Incarnation,
    ) -> Result<(Transaction<'_>, SqliteRow)> {
        let (transaction, row) = self.change_known(operation, key).await?;
        match is_same(key, incarnation, &row) {
            Ok(()) => Ok((transaction, row)),
            Err(error) => {
                transaction.rollback().await;
                Err(error)
            }
        }
    }

    /// Runs one statement for a subscription that must exist; returns how many rows it changed.
    pub(crate) async fn change_rows(
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

    /// A page of parked or discarded events of a subscription that must exist.
    pub(crate) async fn page_of_parked(
        &self,
        key: &SubscriptionKey,
        query: SqliteQuery,
    ) -> Result<Vec<SqliteRow>> {
        const OPERATION: &str = "list parked events";
        let rows = self.fetch(OPERATION, query).await?;
        if rows.is_empty() {
            let found = self.fetch(OPERATION, named(sql::FIND_SUBSCRIPTION, key)).await?;
            found.first().ok_or_else(|| not_found(key))?;
        }
        Ok(rows)
    }
}

/// A statement about one subscription: its tenant and its name come first.
pub(crate) fn named(statement: Statement, key: &SubscriptionKey) -> SqliteQuery {
    let tenant = key.tenant.as_ref().map_or("", Tenant::as_str);
    statement.query().bind(tenant.to_owned()).bind(key.name.clone())
}

/// A statement about the parked events that a filter selects.
pub(crate) fn selected(
    statement: Statement,
    key: &SubscriptionKey,
    filter: &ParkedFilter,
) -> SqliteQuery {
    let ParkedFilter { position, event_id, event_types, stream_id, error } = filter;
    let types = event_types.as_ref().map(|types| event_core::serde_json::json!(types).to_string());
    named(statement, key)
        .bind(position.map(|position| to_i64(position.get())))
        .bind(event_id.map(event_core::EventId::as_uuid))
        .bind(types)
        .bind(stream_id.as_ref().map(|stream_id| stream_id.as_str().to_owned()))
        .bind(error.clone())
}

/// A statement about one partition, under the token of its lease.
pub(crate) fn of_partition(
    statement: Statement,
    key: &SubscriptionKey,
    (partition, token): (u32, u64),
) -> SqliteQuery {
    named(statement, key).bind(i64::from(partition)).bind(to_i64(token))
}

pub(crate) fn checkpointed(
    key: &SubscriptionKey,
    lease: (u32, u64),
    checkpoint: Checkpoint,
    skipped: u64,
) -> SqliteQuery {
    of_partition(sql::SAVE_CHECKPOINT, key, lease)
        .bind(to_i64(checkpoint.position.get()))
        .bind(checkpoint.event.map(|(position, _)| to_i64(position.get())))
        .bind(checkpoint.event.map(|(_, id)| id.as_uuid()))
        .bind(to_i64(skipped))
}

/// Refuses an incarnation that is not the one of a subscription's row.
pub(crate) fn is_same(key: &SubscriptionKey, wanted: Incarnation, row: &SqliteRow) -> Result<()> {
    if rows::incarnation(&Cells::new(row))? == wanted {
        return Ok(());
    }
    Err(SubscriptionError::Replaced { name: key.name.clone() }.into())
}

pub(crate) fn not_found(key: &SubscriptionKey) -> Error {
    SubscriptionError::NotFound { name: key.name.clone() }.into()
}
