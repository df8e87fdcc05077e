//! Sequences that are behind their rows: a store that has some is refused, and can be repaired.
//!
//! Logical replication and a restore of rows alone copy what was numbered, and leave the sequences where they were. The
//! next numbers are then in use, or they are gaps that every reader has passed: what is stored there is never read.

use std::fmt;
use std::time::Duration;

use event_core::adapter::append::Commit;
use event_core::{Error, Result};
use event_sql::error::no_answer;
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgRow};

use crate::census;
use crate::epoch;
use crate::error::{self, Failure};
use crate::lineage::Started;
use crate::options::PgOptions;
use crate::patience::{Patience, SHORT_LOCKS};
use crate::row::Cells;
use crate::soundness::REPAIR_IT;
use crate::sql::PgQuery;
use crate::start;
use crate::store::Store;

const OPERATION: &str = "connect to the store";
const REPAIR: &str = "repair the sequences of the store";
/// How long a repair waits for appends.
const LONGEST: Duration = Duration::from_mins(1);
/// How many servers in a row a statement may meet that nothing is known of.
const SERVERS: u32 = 5;

/// A sequence of the store that had not assigned the highest number that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceBehind {
    /// The sequence, in the schema of the store.
    pub sequence: String,
    /// The last number that it assigned.
    pub assigned: i64,
    /// The highest number that is stored.
    pub stored: i64,
}

impl fmt::Display for SequenceBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, assigned, stored } = self;
        write!(f, "`{sequence}` is at {assigned}, but {stored} is stored")
    }
}

impl SequenceBehind {
    fn read(row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            sequence: cells.get("sequence")?,
            assigned: cells.get("assigned")?,
            stored: cells.get("stored")?,
        })
    }
}

impl PgOptions {
    /// Sets every sequence of the store that is behind its rows to the highest stored number, never back, and says which
    /// ones those were. For a store that [`connect`](Self::connect) refuses, after a logical replication or a restore of
    /// rows alone. Appends wait meanwhile; call it as the owner of the schema.
    ///
    /// Nothing must have been appended since the rows were copied: an event at a position that readers have passed stays
    /// where it is.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), without this one; [`Error::Adapter`] without the right;
    /// [`Error::Overloaded`] when other transactions hold the tables for a minute.
    pub async fn repair_sequences(self) -> Result<Vec<SequenceBehind>> {
        let store = Store::new(&self);
        let repaired = async {
            Box::pin(start::open(&store, &self)).await?;
            let mut connection = store.pool.open_patient_session(REPAIR).await?;
            let mut patience = Patience::new(LONGEST);
            let repaired = loop {
                let process = connection.process();
                let work = attempt(&store, &mut connection);
                let attempted = store.pool.watched(process, work).await;
                match attempted.unwrap_or_else(|| Err(store.pool.no_answer(REPAIR).into())) {
                    Err(failure) if patience.is_worth_another(&failure) => patience.pause().await,
                    result => break result?,
                }
            };
            connection.close().await;
            Ok(repaired)
        };
        let repaired = repaired.await;
        store.pool.close().await;
        repaired
    }
}

async fn attempt(
    store: &Store,
    connection: &mut PgConnection,
) -> Result<Vec<SequenceBehind>, Failure> {
    let fail = |error| error::failure(REPAIR, error);
    let mut transaction = connection.begin().await.map_err(fail)?;
    sqlx::raw_sql(SHORT_LOCKS).execute(&mut *transaction).await.map_err(fail)?;
    let query = store.sql.repair_sequences.query();
    let rows = query.fetch_all(&mut *transaction).await.map_err(fail)?;
    let repaired = rows.iter().map(SequenceBehind::read).collect::<Result<_>>()?;
    transaction.commit().await.map_err(fail)?;
    Ok(repaired)
}

/// When the server that is known to be sound started; asks if none is.
///
/// # Errors
/// [`Error::Adapter`] when a sequence is behind its rows; those of asking.
pub(crate) async fn server(store: &Store) -> Result<Started> {
    if let Some(started) = store.sequences.server() {
        return Ok(started);
    }
    let started = judge(&store.fetch(OPERATION, store.sql.sequences_behind.query()).await?)?;
    turn_to(store, started);
    Ok(started)
}

/// Goes on with a server that is sound. What was recorded on another one may not be recorded there; that is forgotten first,
/// so that whoever learns of the server finds it forgotten.
fn turn_to(store: &Store, started: Started) {
    if store.sequences.is_other(started) {
        store.census.clear();
    }
    store.sequences.prove(started);
}

/// Runs a statement that stores commits, or links, and that does nothing, and returns no row, on another server than the one
/// it binds. The versions of the events are recorded on that server before.
pub(crate) async fn on_sound(
    store: &Store,
    operation: &'static str,
    commits: &[&Commit],
    query: impl Fn(Started) -> PgQuery<'static> + Send + Sync,
) -> Result<Vec<PgRow>, Failure> {
    for _ in 0..SERVERS {
        let started = server(store).await?;
        for commit in commits {
            census::record(store, commit).await?;
        }
        let rows = store.fetch(operation, query(started)).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
        store.sequences.doubt();
        epoch::look_into(store).await?;
    }
    Err(Error::connection(operation, "each statement reached another server").into())
}

/// Proves the server on which positions were assigned in a transaction that is open still; on its own connection, since
/// whoever holds one must not wait for another.
///
/// # Errors
/// As [`server`].
pub(crate) async fn prove(
    store: &Store,
    connection: &mut PgConnection,
    started: Option<Started>,
) -> Result<()> {
    if started.is_some() && store.sequences.server() == started {
        return Ok(());
    }
    let rows = store.sql.sequences_behind.query().fetch_all(connection).await;
    turn_to(store, judge(&rows.map_err(|failed| error::error(OPERATION, failed))?)?);
    Ok(())
}

/// Refuses sequences that are behind their rows; when their server started.
fn judge(rows: &[PgRow]) -> Result<Started> {
    let first = Cells::new(rows.first().ok_or_else(|| no_answer(OPERATION))?);
    let started = first.get("started")?;
    if first.get::<Option<String>>("sequence")?.is_none() {
        return Ok(started);
    }
    let behind: Vec<_> = rows.iter().map(SequenceBehind::read).collect::<Result<_>>()?;
    Err(Error::adapter(OPERATION, Behind(behind)))
}

#[derive(Debug)]
struct Behind(Vec<SequenceBehind>);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sequences of the store are behind their rows, as after a logical replication or a restore of rows alone: ")?;
        for (index, behind) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{behind}")?;
        }
        write!(
            f,
            "; new events would get numbers that are in use, or that readers have passed: {REPAIR_IT}"
        )
    }
}

impl std::error::Error for Behind {}
