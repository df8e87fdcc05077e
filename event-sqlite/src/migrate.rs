//! Schema migrations: embedded, in order, each applied once, under the write lock against a second starter.
//!
//! All that is missing is applied in one transaction, or nothing is. A schema newer than this program is refused, and
//! so is one whose applied files differ from ours, and the file of another program.

use event_core::{Error, Result};
use event_sql::rows;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::error::shown;
use crate::pool::{Pool, run as fetch};
use crate::sql;

const OPERATION: &str = "migrate the schema";
/// What `0001_events.sql` writes into the file: "evst".
const APPLICATION: i64 = 1_702_261_620;

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../migrations/", $name, ".sql")))),*] };
}

/// The files in order; a number is never used again, and a released file never changes.
const FILES: [(&str, &str); 6] = files! { "0001_events" "0002_snapshots" "0003_event_versions" "0004_links" "0005_subscriptions" "0006_projections" };

/// Brings the schema to this program's version.
pub(crate) async fn run(pool: &Pool, connection: &mut SqliteConnection) -> Result<()> {
    let fail = |error| pool.error(OPERATION, error);
    let known = known();
    let found = Found::read(pool, connection).await?;
    let applied = found.applied(&known)?;
    // Not before the file is known to be ours; but each time, since a backup comes without it.
    let mode = fetch(connection, sql::WRITE_AHEAD).await.map_err(fail)?;
    let mode: Option<String> = mode.first().and_then(|row| row.try_get(0).ok());
    if mode.as_deref() != Some("wal") {
        let reason = format!(
            "{} cannot be written ahead (its journal mode stays `{}`); readers and the writer need that: put the file on a \
             local disk, and close other programs that have it open",
            shown(pool.path()),
            mode.unwrap_or_default()
        );
        return Err(Error::adapter("open the store", reason));
    }
    if applied < known.len() {
        apply(pool, connection, &known).await?;
    }
    Ok(())
}

async fn apply(pool: &Pool, connection: &mut SqliteConnection, known: &[Migration]) -> Result<()> {
    let fail = |error| pool.error(OPERATION, error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    // Another starter may have done all of it while we waited.
    let found = Found::read(pool, &mut transaction).await?;
    let applied = found.applied(known)?;
    fetch(&mut transaction, sql::CREATE_HISTORY).await.map_err(fail)?;
    for migration in known.iter().skip(applied) {
        let text = migration.sql.as_str().to_owned();
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await.map_err(fail)?;
        sql::RECORD_MIGRATION
            .query()
            .bind(migration.version)
            .bind(migration.description.to_string())
            .bind(migration.checksum.to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(fail)?;
        tracing::info!(migration = &*migration.description, "applied a schema migration");
    }
    transaction.commit().await.map_err(fail)
}

fn known() -> Vec<Migration> {
    (1..)
        .zip(FILES)
        .map(|(version, (name, text))| {
            Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
        })
        .collect()
}

/// What the file says about its schema.
struct Found {
    history: Vec<(i64, Vec<u8>)>,
}

impl Found {
    async fn read(pool: &Pool, connection: &mut SqliteConnection) -> Result<Self> {
        let fail = |error| pool.error("read the schema's version", error);
        let row = sql::IDENTITY.query().fetch_one(&mut *connection).await.map_err(fail)?;
        let number = |column| row.try_get::<i64, _>(column).map_err(fail);
        let (application, tables) = (number("application_id")?, number("tables")?);
        if tables > 0 && (application != APPLICATION || number("has_history")? == 0) {
            let reason = format!("{} is the database of another program", shown(pool.path()));
            return Err(Error::adapter("open the store", reason));
        }
        if tables == 0 {
            return Ok(Self { history: Vec::new() });
        }
        let rows = fetch(connection, sql::APPLIED).await.map_err(fail)?;
        let history = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(Self { history: history.collect::<Result<_, _>>().map_err(fail)? })
    }

    /// How many of our migrations are applied; they must be the first ones, unchanged.
    fn applied(&self, known: &[Migration]) -> Result<usize> {
        let known = known.iter().map(|it| (it.version, &*it.description, &*it.checksum));
        rows::applied_migrations(&self.history, known)
    }
}
