//! [`Inspection`]: what an operator asks of the server itself: its settings, and who holds what up.

use std::time::Duration;

use event_core::Result;
use event_core::health::Blocker;
use event_sql::error::no_answer;

use crate::row::Cells;
use crate::stall::blocker;
use crate::store::Store;

const OPERATION: &str = "inspect the server";

/// The answer of [`PgAdapter::inspect`](crate::PgAdapter::inspect).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// Settings that cost safety or speed, by name, as the server shows them.
    pub settings: Vec<(String, String)>,
    /// Transactions of this database that are old, or that wait for others; the oldest first, at most 32.
    pub transactions: Vec<OldTransaction>,
    /// Connections to all databases of the server.
    pub connections: u64,
    /// How many there may be, beside those that are reserved for superusers.
    pub connections_most: u64,
    /// How many transactions ago the oldest row of this database was written that was not frozen since.
    pub oldest_transaction: u64,
    /// At how many autovacuum freezes rows, whatever it is set to; at two thousand million the server takes no more writes.
    pub oldest_transaction_most: u64,
    /// Tables of the store that a crash of the server empties, since they are not in its write-ahead log.
    pub unlogged: Vec<String>,
}

/// A transaction that is old, or that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OldTransaction {
    /// Who it is.
    pub session: Blocker,
    /// The processes that it waits for; empty if it does not wait.
    pub waits_for: Vec<i32>,
}

/// Asks the server.
pub(crate) async fn inspect(store: &Store, older_than: Duration) -> Result<Inspection> {
    let mut settings = Vec::new();
    for row in store.fetch(OPERATION, store.sql.settings.query()).await? {
        let cells = Cells::new(&row);
        settings.push((cells.get("name")?, cells.get("setting")?));
    }
    let query = store.sql.old_transactions.query().bind(older_than.as_secs_f64());
    let mut transactions = Vec::new();
    for row in store.fetch(OPERATION, query).await? {
        let waits_for = Cells::new(&row).get("waits_for")?;
        transactions.push(OldTransaction { session: blocker(&row)?, waits_for });
    }
    let rows = store.fetch(OPERATION, store.sql.room.query()).await?;
    let row = rows.first().ok_or_else(|| no_answer(OPERATION))?;
    let cells = Cells::new(row);
    let number = |name| cells.get::<i64>(name).map(i64::unsigned_abs);
    Ok(Inspection {
        settings,
        transactions,
        connections: number("connections")?,
        connections_most: number("connections_most")?,
        oldest_transaction: number("oldest_transaction")?,
        oldest_transaction_most: number("oldest_transaction_most")?,
        unlogged: cells.get("unlogged")?,
    })
}
