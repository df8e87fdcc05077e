//! [`PoolerMode`]: what stands between this program and the server, and the test at the start that it is so.
//!
//! A pooler that gives each transaction another server is no matter for SQL, but for whatever a session keeps: prepared
//! statements are found on one server and missing, or others, on the next. A wrong mode gives wrong rows without a word,
//! so two connections ask different things in turns before the store is opened.

use std::fmt;
use std::str::FromStr;

use event_core::{Error, Result};
use sqlx::postgres::{PgConnection, PgRow};

use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{Statement, Statements};

const OPERATION: &str = "test the connection to the store";
/// Each connection asks so often; a pooler hands servers over between any two of them.
const ROUNDS: usize = 4;

/// What stands between this program and the server.
///
/// | mode | for | one statement costs |
/// |---|---|---|
/// | `Direct` | the server itself, or a pooler that keeps a server for each session | one exchange |
/// | `Transaction` | pgbouncer with `pool_mode = transaction`, any version | four exchanges |
/// | `TransactionPrepared` | pgbouncer 1.21 or newer with `max_prepared_statements` | three exchanges |
///
/// Behind a pooler every statement is a transaction of its own that brings its settings along, and nothing is left in a
/// session. Opening a store tests that the mode fits and refuses if it does not: prepared statements that meet another
/// server give the rows of somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolerMode {
    /// Nothing, or what keeps a server for each session.
    #[default]
    Direct,
    /// A pooler that may give each transaction another server.
    Transaction,
    /// The same, one that knows prepared statements and makes them where they are missing.
    TransactionPrepared,
}

impl PoolerMode {
    /// Whether a server is only ours for a transaction.
    pub(crate) const fn is_pooled(self) -> bool {
        !matches!(self, Self::Direct)
    }

    /// Whether statements are prepared by name and used again.
    pub(crate) const fn prepares(self) -> bool {
        !matches!(self, Self::Transaction)
    }
}

impl FromStr for PoolerMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "direct" => Ok(Self::Direct),
            "transaction" => Ok(Self::Transaction),
            "transaction_prepared" => Ok(Self::TransactionPrepared),
            _ => Err("`pooler_mode` is `direct`, `transaction` or `transaction_prepared`".into()),
        }
    }
}

impl fmt::Display for PoolerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Transaction => "transaction",
            Self::TransactionPrepared => "transaction_prepared",
        })
    }
}

/// Tests that two connections get their own answers, whoever stands between.
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
            Err(mix_up) => {
                found = Err(mix_up);
                break;
            }
        }
    }
    found.and_then(|()| same_servers(mode, &servers)).map_err(|found| match found {
        Found::Failed(error) => error,
        Found::MixUp(what) => Error::adapter(OPERATION, WrongMode { mode, what }),
    })?;
    pool.adopt(first).await;
    pool.adopt(second).await;
    Ok(())
}

enum Found {
    /// Something that is no matter of modes.
    Failed(Error),
    MixUp(String),
}

/// Without a pooler each connection has one server, and no two the same.
fn same_servers(mode: PoolerMode, servers: &[(i32, i32)]) -> Result<(), Found> {
    let apart = |(one, other): &(i32, i32)| one != other;
    let kept = servers.windows(2).all(|pair| pair[0] == pair[1]);
    if mode.is_pooled() || (servers.iter().all(apart) && kept) {
        return Ok(());
    }
    Err(Found::MixUp("two connections were served by one server process, in turns".into()))
}

/// Asks what only this connection asks; the server process that answered.
async fn ask(
    pool: &Pool,
    connection: &mut PgConnection,
    statement: &Statement,
    expected: &str,
) -> Result<i32, Found> {
    let mut answer = None;
    let take = |row: PgRow| answer = Some(row);
    match pool.exchange(connection, statement.query(), take).await {
        Ok(()) => {}
        // Statements that are missing, or there already, and answers that do not belong to the question.
        Err(sqlx::Error::Database(error))
            if !matches!(error.code().as_deref(), Some("26000" | "42P05" | "08P01")) =>
        {
            return Err(Found::Failed(crate::error::error(
                OPERATION,
                sqlx::Error::Database(error),
            )));
        }
        Err(error @ sqlx::Error::Io(_)) => {
            return Err(Found::Failed(crate::error::error(OPERATION, error)));
        }
        Err(error) => return Err(Found::MixUp(error.to_string())),
    }
    let read = |row: &PgRow| {
        let cells = Cells::new(row);
        Ok::<_, Error>((cells.get::<String>("probe")?, cells.get::<i32>("pid")?))
    };
    match answer.as_ref().map(read) {
        Some(Ok((probe, pid))) if probe == expected => Ok(pid),
        Some(Ok((probe, _))) => {
            Err(Found::MixUp(format!("asked for `{expected}`, the answer was `{probe}`")))
        }
        Some(Err(error)) => Err(Found::MixUp(error.to_string())),
        None => Err(Found::MixUp("no answer".into())),
    }
}

/// The mode does not fit what stands between.
#[derive(Debug)]
struct WrongMode {
    mode: PoolerMode,
    what: String,
}

impl fmt::Display for WrongMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let advice = match self.mode {
            PoolerMode::Direct => {
                "a pooler stands in between: choose `pooler_mode=transaction`, or name the server itself"
            }
            PoolerMode::Transaction => {
                "what stands in between mixes up answers within a transaction: name the server itself"
            }
            PoolerMode::TransactionPrepared => {
                "the pooler does not keep prepared statements: choose `pooler_mode=transaction`, or use pgbouncer 1.21 or \
                 newer with `max_prepared_statements`"
            }
        };
        write!(f, "`pooler_mode={}` does not fit: {}; {advice}", self.mode, self.what)
    }
}

impl std::error::Error for WrongMode {}
