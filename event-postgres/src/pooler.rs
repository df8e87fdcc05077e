//! The test, when a store opens, that its [`PoolerMode`] is what is really between this program and the server.
//!
//! A pooler that gives each transaction another server is harmless for SQL, but not for what a session keeps: a
//! statement that was prepared on one server is missing on the next, or is another client's. A wrong mode would return
//! wrong rows silently, so two connections ask different questions in turns before the store opens.

use event_core::{Error, Result};
use sqlx::postgres::{PgConnection, PgRow};

use crate::error;
use crate::options::PoolerMode;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{Statement, Statements};

const OPERATION: &str = "test the connection to the store";
/// How often each connection asks; a pooler may switch servers between any two questions.
const ROUNDS: usize = 4;

/// Tests that two connections get their own answers.
pub(crate) async fn self_test(pool: &Pool, sql: &Statements) -> Result<()> {
    let mode = pool.mode();
    let mut first = pool.open(OPERATION).await?;
    let mut second = pool.open(OPERATION).await?;
    let mut servers = Vec::new();
    let mut found = Ok(());
    for _ in 0..ROUNDS {
        let mut round = async || {
            let one = ask(pool, &mut first, &sql.probe_first, "first").await?;
            let other = ask(pool, &mut second, &sql.probe_second, "second").await?;
            Ok((one, other))
        };
        match round().await {
            Ok(pids) => servers.push(pids),
            Err(fault) => {
                found = Err(fault);
                break;
            }
        }
    }
    found.and_then(|()| same_servers(mode, &servers)).map_err(|fault| match fault {
        Fault::Failed(error) => error,
        Fault::MixUp(what) => Error::adapter(OPERATION, WrongMode { mode, what }),
    })?;
    pool.adopt(first).await;
    pool.adopt(second).await;
    Ok(())
}

enum Fault {
    /// A failure that has nothing to do with the mode.
    Failed(Error),
    /// Answers were mixed up.
    MixUp(String),
}

/// Without a pooler each connection keeps one server process, and no two have the same.
fn same_servers(mode: PoolerMode, servers: &[(i32, i32)]) -> Result<(), Fault> {
    let apart = |(one, other): &(i32, i32)| one != other;
    let kept = servers.windows(2).all(|pair| pair[0] == pair[1]);
    if mode.is_pooled() || (servers.iter().all(apart) && kept) {
        return Ok(());
    }
    Err(Fault::MixUp("two connections were served by one server process, in turns".into()))
}

/// Runs a query that only this connection runs; returns the id of the server process that ran it.
async fn ask(
    pool: &Pool,
    connection: &mut PgConnection,
    statement: &Statement,
    expected: &str,
) -> Result<i32, Fault> {
    let mut answer = None;
    let take = |row: PgRow| answer = Some(row);
    match pool.exchange(connection, statement.query(), take).await.1 {
        Ok(()) => {}
        Err(failed) if error::is_mix_up(&failed) => return Err(Fault::MixUp(failed.to_string())),
        Err(failed) => return Err(Fault::Failed(error::error(OPERATION, failed))),
    }
    let read = |row: &PgRow| {
        let cells = Cells::new(row);
        Ok::<_, Error>((cells.get::<String>("probe")?, cells.get::<i32>("pid")?))
    };
    match answer.as_ref().map(read) {
        Some(Ok((probe, pid))) if probe == expected => Ok(pid),
        Some(Ok((probe, _))) => {
            Err(Fault::MixUp(format!("asked for `{expected}`, the answer was `{probe}`")))
        }
        Some(Err(error)) => Err(Fault::MixUp(error.to_string())),
        None => Err(Fault::MixUp("no answer".into())),
    }
}

/// The mode does not fit what is between this program and the server.
#[derive(Debug, thiserror::Error)]
#[error("`pooler_mode={mode}` does not fit: {what}; {}", advice(*mode))]
struct WrongMode {
    mode: PoolerMode,
    what: String,
}

const fn advice(mode: PoolerMode) -> &'static str {
    match mode {
        PoolerMode::Direct => {
            "a pooler is in between: choose `pooler_mode=transaction`, or name the server itself"
        }
        PoolerMode::Transaction => {
            "what is in between mixes up answers within a transaction: name the server itself"
        }
        PoolerMode::TransactionPrepared => {
            "the pooler does not keep prepared statements: choose `pooler_mode=transaction`, or use pgbouncer 1.21 or \
             newer with `max_prepared_statements`"
        }
    }
}
