//! Schema migrations: embedded, in order, each applied once, under a lock against a second starter.
//!
//! All that is missing is applied in one transaction, or nothing is. A schema newer than this program is refused, and
//! so is one whose applied files differ from ours.

use event_core::adapter::rows;
use event_core::{Error, Result};
use sqlx::migrate::{Migration, MigrationType};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::error;
use crate::sql::Statements;

const OPERATION: &str = "migrate the schema";

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../migrations/", $name, ".sql")))),*] };
}

/// The files in order; a number is never used again, and a released file never changes.
const FILES: [(&str, &str); 14] = files! {
    "0001_events" "0002_known_events" "0003_append_one" "0004_append_many" "0005_delete_stream"
    "0006_append_group" "0007_change_stream" "0008_event_versions" "0009_links" "0012_subscriptions"
    "0013_consume" "0014_snapshots" "0015_projections" "0016_append_batch"
};

/// Brings the schema to this program's version.
pub(crate) async fn run(connection: &mut PgConnection, sql: &Statements) -> Result<()> {
    let known = known();
    let found = Found::read(connection, sql).await?;
    if found.applied(&known)? == known.len() {
        return Ok(());
    }
    apply(connection, sql, &known).await
}

async fn apply(connection: &mut PgConnection, sql: &Statements, known: &[Migration]) -> Result<()> {
    let fail = |error| error::error(OPERATION, error);
    let mut transaction = connection.begin().await.map_err(fail)?;
    let lock = sql.lock_migrations.query().bind(sql.schema().as_str().to_owned());
    lock.execute(&mut *transaction).await.map_err(fail)?;
    // Another starter may have done all of it while we waited.
    let found = Found::read(&mut transaction, sql).await?;
    if !found.has_schema {
        sql.create_schema.query().execute(&mut *transaction).await.map_err(fail)?;
    }
    if found.history.is_none() {
        sql.create_history.query().execute(&mut *transaction).await.map_err(fail)?;
    }
    for migration in known.iter().skip(found.applied(known)?) {
        let text = sql.schema().render(migration.sql.as_str());
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await.map_err(fail)?;
        let record = sql.record_migration.query();
        record
            .bind(migration.version)
            .bind(migration.description.to_string())
            .bind(migration.checksum.to_vec())
            .execute(&mut *transaction)
            .await
            .map_err(fail)?;
        tracing::info!(
            schema = sql.schema().as_str(),
            migration = &*migration.description,
            "applied a schema migration"
        );
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

/// What the database says about its schema.
struct Found {
    has_schema: bool,
    history: Option<Vec<(i64, Vec<u8>)>>,
}

impl Found {
    async fn read(connection: &mut PgConnection, sql: &Statements) -> Result<Self> {
        let fail = |error| error::error("read the schema's version", error);
        let query = sql.has_history.query().bind(sql.schema().as_str().to_owned());
        let row = query.fetch_one(&mut *connection).await.map_err(fail)?;
        let encoding: String = row.try_get("encoding").map_err(fail)?;
        if encoding != "UTF8" {
            let reason =
                format!("the database stores text as {encoding}; create it with `ENCODING 'UTF8'`");
            return Err(Error::adapter("use the database", reason));
        }
        let has_schema = row.try_get("has_schema").map_err(fail)?;
        if !row.try_get("has_history").map_err(fail)? {
            return Ok(Self { has_schema, history: None });
        }
        let rows = sql.applied.query().fetch_all(connection).await.map_err(fail)?;
        let history = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        Ok(Self { has_schema, history: Some(history.collect::<Result<_, _>>().map_err(fail)?) })
    }

    /// How many of our migrations are applied; they must be the first ones, unchanged.
    fn applied(&self, known: &[Migration]) -> Result<usize> {
        let known = known.iter().map(|it| (it.version, &*it.description, &*it.checksum));
        rows::applied_migrations(self.history.as_deref().unwrap_or_default(), known)
    }
}
