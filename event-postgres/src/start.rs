//! What is checked before a store opens: the server can keep it, its schema is up to date, and the pooler mode fits.

use std::time::Duration;

use event_core::{Error, Result};
use sqlx::postgres::PgRow;
use tokio::time::timeout;

use crate::options::PgOptions;
use crate::row::Cells;
use crate::store::Store;
use crate::{error, migrate, pooler};

const OPERATION: &str = "connect to the store";
const OLDEST: i32 = 140_000;

/// Checks the server and migrates the schema; behind a pooler, on the server itself if it is named. Every step has a
/// limit, and the error says which one took too long: a server may accept connections and then say nothing.
pub(crate) async fn open(store: &Store, options: &PgOptions) -> Result<()> {
    let Store { pool, sql, .. } = store;
    let soon = pool.short_deadline();
    let at = options.servers().names();
    let step = |what, limit| Step { what, limit, at: at.clone() };
    if let Some(servers) = options.direct_servers() {
        let at = servers.names();
        let mut connection = pool.open_at(OPERATION, &servers).await?;
        let process = connection.process();
        let row = async {
            let row = sql.start.query().fetch_one(&mut *connection).await;
            row.map_err(|error| error::error(OPERATION, error))
        };
        let server =
            Server::read(&Step { what: SERVER, limit: soon, at: at.clone() }.run(row).await?)?;
        server.check(options)?;
        let migration = migrate::run(&mut connection, sql, server.standby, options.migrate);
        match pool.watched(process, migration).await {
            Some(migrated) => migrated?,
            None => return Err(too_long("the schema's version and its migration", at)),
        }
        connection.close().await;
    }
    step("the test of the pooler mode", soon.saturating_mul(2))
        .run(pooler::self_test(pool, sql))
        .await?;
    let row = step(SERVER, soon).run(store.fetch_one(OPERATION, sql.start.query())).await?;
    Server::read(&row)?.check(options)?;
    if options.direct_servers().is_none() {
        step("the schema's version", soon).run(migrate::check(store, options.migrate)).await?;
    }
    Ok(())
}

const SERVER: &str = "what the server is";

/// One step of opening, and its time.
struct Step {
    what: &'static str,
    limit: Duration,
    at: String,
}

impl Step {
    async fn run<T>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(self.limit, work).await.unwrap_or_else(|_| Err(too_long(self.what, self.at)))
    }
}

fn too_long(what: &'static str, at: String) -> Error {
    Error::connection(OPERATION, TooLong(what, at))
}

/// A server that accepted the connection, and then did not answer.
#[derive(Debug, thiserror::Error)]
#[error("{1} accepted the connection and then said nothing: {0} took too long")]
struct TooLong(&'static str, String);

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
