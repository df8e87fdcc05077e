//! Before a store is opened: the server is one that can keep it, its schema is in order, and what stands between is what
//! the options say.

use event_core::{Error, Result};
use sqlx::Connection;
use sqlx::postgres::PgRow;

use crate::options::PgOptions;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::Statements;
use crate::{error, migrate, pooler};

const OPERATION: &str = "connect to the store";
const OLDEST: i32 = 140_000;

/// Checks the server and migrates the schema; behind a pooler, on the server itself if it is named.
pub(crate) async fn open(options: &PgOptions, pool: &Pool, sql: &Statements) -> Result<()> {
    if let Some(driver) = options.direct_driver() {
        let mut connection = pool.open_at(OPERATION, &driver).await?;
        let row = sql.start.query().fetch_one(&mut connection).await;
        let server = Server::read(&row.map_err(|error| error::error(OPERATION, error))?)?;
        server.check(options)?;
        migrate::run(&mut connection, sql, server.standby).await?;
        // The schema is in order; a connection that does not close in good order changes nothing about that.
        let _ = connection.close().await;
    }
    pooler::self_test(pool, sql).await?;
    let rows = pool.fetch(OPERATION, sql.start.query()).await?;
    let Some(row) = rows.first() else {
        return Err(Error::adapter(OPERATION, "no answer"));
    };
    Server::read(row)?.check(options)?;
    if options.direct_driver().is_none() {
        migrate::check(pool, sql).await?;
    }
    Ok(())
}

/// What a server says of itself and of the session.
struct Server {
    version: i32,
    standby: bool,
    synchronous: bool,
    /// Whether a setting that was sent along has arrived.
    has_settings: bool,
}

impl Server {
    fn read(row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            version: cells.get("version")?,
            standby: cells.get("standby")?,
            synchronous: cells.get("synchronous")?,
            has_settings: cells.get("has_settings")?,
        })
    }

    fn check(&self, options: &PgOptions) -> Result<()> {
        let refuse = |reason: &str| Err(Error::adapter(OPERATION, reason));
        if self.version < OLDEST {
            return refuse("the server is older than PostgreSQL 14");
        }
        if !self.synchronous && !self.standby && !options.allows_asynchronous_commit() {
            return refuse(
                "the server acknowledges commits before they are stored (`synchronous_commit` is off for it, for this database or \
                 for this role): a crash would take back events that readers have seen; turn it on, or say \
                 `allow_asynchronous_commit=on`",
            );
        }
        if !self.has_settings {
            return refuse(
                "the settings of this connection did not reach the server: a pooler stands in between; choose \
                 `pooler_mode=transaction`, or name the server itself",
            );
        }
        Ok(())
    }
}
