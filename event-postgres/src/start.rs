//! What is checked before a store opens: the server can keep it, its schema is up to date, and the pooler mode fits.

use event_core::{Error, Result};
use sqlx::Connection;
use sqlx::postgres::PgRow;

use crate::options::PgOptions;
use crate::row::Cells;
use crate::store::Store;
use crate::{error, migrate, pooler};

const OPERATION: &str = "connect to the store";
const OLDEST: i32 = 140_000;

/// Checks the server and migrates the schema; behind a pooler, on the server itself if it is named.
pub(crate) async fn open(store: &Store, options: &PgOptions) -> Result<()> {
    let Store { pool, sql, .. } = store;
    if let Some(driver) = options.direct_driver() {
        let mut connection = pool.open_at(OPERATION, &driver).await?;
        let row = sql.start.query().fetch_one(&mut connection).await;
        let server = Server::read(&row.map_err(|error| error::error(OPERATION, error))?)?;
        server.check(options)?;
        migrate::run(&mut connection, sql, server.standby).await?;
        // The schema is up to date; a connection that does not close properly changes nothing about that.
        let _ = connection.close().await;
    }
    pooler::self_test(pool, sql).await?;
    Server::read(&store.fetch_one(OPERATION, sql.start.query()).await?)?.check(options)?;
    if options.direct_driver().is_none() {
        migrate::check(store).await?;
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
        if !self.synchronous && !self.standby && !options.allow_asynchronous_commit {
            return refuse(
                "the server acknowledges commits before they are stored (`synchronous_commit` is off for it, for this database or \
                 for this role): a crash would take back events that readers have seen; turn it on, or say \
                 `allow_asynchronous_commit=on`",
            );
        }
        if !self.has_settings {
            return refuse(
                "the settings of this connection did not reach the server: a pooler is in between; choose \
                 `pooler_mode=transaction`, or name the server itself",
            );
        }
        Ok(())
    }
}
