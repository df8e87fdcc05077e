//! Schema migrations: embedded, in order, each applied once, under a lock against a second starter.
//!
//! All that is missing is applied in one transaction, or nothing is. A schema is refused if it is newer than this
//! program, older than the first released one, or made of migrations that differ from ours. A refused schema is not
//! changed.

use std::collections::BTreeSet;
use std::time::Duration;

use event_core::adapter::SchemaMigration;
use event_core::value::Escaped;
use event_core::{Error, Migrate, Result};
use event_sql::migrations;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::error::{self, Failure};
use crate::patience::{Patience, SHORT_LOCKS};
use crate::sql::{DEFAULT_SCHEMA, Statements};
use crate::store::Store;

const OPERATION: &str = "migrate the schema";
const READ: &str = "read the schema's version";
const BEHIND_POOLER: &str = "behind a pooler it is not migrated: name the server itself with `direct=host:port`, or open \
                             the store once there";
/// Migrations that only make this program faster.
const OPTIONAL: &[&str] = &["0019_append_event"];
/// How long a migration waits for tables that are in use.
const LONGEST: Duration = Duration::from_mins(1);

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../migrations/", $name, ".sql")))),*] };
}

/// The migrations in order. A released file never changes, not even a comment: its checksum is stored in every schema it
/// was applied to. A change of the schema is a new file, with the next number; a number is never used again.
const FILES: [(&str, &str); 25] = files! {
    "0001_tables" "0002_append" "0003_streams_and_links" "0004_subscriptions" "0005_snapshots" "0006_projections"
    "0007_row_security" "0008_projection_arguments" "0009_removed_events" "0010_bounds"
    "0011_incarnations" "0012_claims" "0013_sequences" "0014_hard_deletion"
    "0015_positions" "0016_frontier" "0017_append_together" "0018_read_models" "0019_append_event"
    "0020_subscription_changes"
    "0021_discarded_events" "0022_frontier_proof" "0023_build_state" "0024_control_tokens" "0025_names"
};

/// Brings the schema to this program's version, or refuses it, as `mode` says; a standby cannot be migrated.
pub(crate) async fn run(
    connection: &mut PgConnection,
    sql: &Statements,
    standby: bool,
    mode: Migrate,
) -> Result<()> {
    let known = known();
    let found = Found::read(connection, sql).await?;
    let missing = shown(sql, &known[found.applied(&known)?..]);
    migrations::refuse(mode, &missing, is_optional)?;
    if missing.is_empty() || mode != Migrate::OnConnect {
        return Ok(());
    }
    if standby {
        return Err(found.outdated(
            &known,
            "the server is a standby, which cannot be migrated: open the store once on its primary",
        ));
    }
    apply(connection, sql, &known).await.map(drop)
}

/// Refuses a schema that is not at this program's version, where it cannot be brought there.
pub(crate) async fn check(store: &Store, mode: Migrate) -> Result<()> {
    let known = known();
    let found = Found::through_pool(store).await?;
    let missing = shown(&store.sql, &known[found.applied(&known)?..]);
    migrations::refuse(mode, &missing, is_optional)?;
    if missing.is_empty() || mode != Migrate::OnConnect {
        return Ok(());
    }
    Err(found.outdated(&known, BEHIND_POOLER))
}

/// The migrations that are not applied, and their checksums.
pub(crate) async fn pending(
    connection: &mut PgConnection,
    sql: &Statements,
) -> Result<Vec<(SchemaMigration, Vec<u8>)>> {
    pending_of(&Found::read(connection, sql).await?, sql)
}

/// The same, asked through the pool.
pub(crate) async fn pending_behind(store: &Store) -> Result<Vec<(SchemaMigration, Vec<u8>)>> {
    pending_of(&Found::through_pool(store).await?, &store.sql)
}

fn pending_of(found: &Found, sql: &Statements) -> Result<Vec<(SchemaMigration, Vec<u8>)>> {
    let known = known();
    let missing = &known[found.applied(&known)?..];
    let checksums = missing.iter().map(|it| it.checksum.to_vec());
    Ok(shown(sql, missing).into_iter().zip(checksums).collect())
}

/// The beginning of a script that applies migrations by hand: the transaction, its locks, and the record of migrations.
pub(crate) async fn preamble(
    connection: &mut PgConnection,
    sql: &Statements,
    pending: &[(SchemaMigration, Vec<u8>)],
) -> Result<String> {
    let tables = tables(connection, sql).await.map_err(|error| error::error(READ, error))?;
    let texts = pending.iter().map(|(migration, _)| migration.sql.as_str());
    Ok(sql.script(&touched(&tables, &sql.schema().quoted(), texts)))
}

fn shown(sql: &Statements, missing: &[Migration]) -> Vec<SchemaMigration> {
    let render = |it: &Migration| {
        let text = sql.schema().render(it.sql.as_str());
        SchemaMigration::new(it.version, it.description.to_string(), text)
    };
    missing.iter().map(render).collect()
}

/// Whether this program works without a migration.
fn is_optional(migration: &SchemaMigration) -> bool {
    OPTIONAL.contains(&migration.name.as_str())
}

/// Applies what is missing, again and again while the tables are in use: writers wait for each attempt, so each is short.
/// Returns what was applied.
pub(crate) async fn apply_all(
    connection: &mut PgConnection,
    sql: &Statements,
) -> Result<Vec<SchemaMigration>> {
    apply(connection, sql, &known()).await
}

async fn apply(
    connection: &mut PgConnection,
    sql: &Statements,
    known: &[Migration],
) -> Result<Vec<SchemaMigration>> {
    let mut patience = Patience::new(LONGEST);
    loop {
        match attempt(connection, sql, known).await {
            Err(failure) if patience.is_worth_another(&failure) => patience.pause().await,
            result => return result.map_err(Error::from),
        }
    }
}

async fn attempt(
    connection: &mut PgConnection,
    sql: &Statements,
    known: &[Migration],
) -> Result<Vec<SchemaMigration>, Failure> {
    let fail = |error| error::failure(OPERATION, error);
    let mut transaction = connection.begin().await.map_err(fail)?;
    let lock = sql.lock_migrations.query().bind(sql.schema().as_str().to_owned());
    lock.execute(&mut *transaction).await.map_err(fail)?;
    sqlx::raw_sql(SHORT_LOCKS).execute(&mut *transaction).await.map_err(fail)?;
    // Another starter may have done all of it while we waited.
    let found = Found::read(&mut transaction, sql).await?;
    if !found.has_schema {
        sql.create_schema.query().execute(&mut *transaction).await.map_err(fail)?;
    }
    if found.history.is_none() {
        sql.create_history.query().execute(&mut *transaction).await.map_err(fail)?;
    }
    let missing = &known[found.applied(known)?..];
    if found.history.is_some() {
        lock_tables(&mut transaction, sql, missing).await?;
    }
    for migration in missing {
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
    transaction.commit().await.map_err(fail)?;
    Ok(shown(sql, missing))
}

/// Locks the tables that migrations are about: all of them by one statement, in the order in which appends use them, so
/// that none is waited for by somebody who holds another.
async fn lock_tables(
    transaction: &mut PgConnection,
    sql: &Statements,
    missing: &[Migration],
) -> Result<(), Failure> {
    let fail = |error| error::failure(OPERATION, error);
    let stored = tables(transaction, sql).await.map_err(fail)?;
    let tables = touched(&stored, DEFAULT_SCHEMA, missing.iter().map(|it| it.sql.as_str()));
    let Some(lock) = sql.schema().lock_tables(&tables) else { return Ok(()) };
    let lock = sqlx::raw_sql(AssertSqlSafe(lock));
    lock.execute(transaction).await.map(drop).map_err(fail)
}

/// The tables that the schema has.
async fn tables(
    connection: &mut PgConnection,
    sql: &Statements,
) -> Result<Vec<String>, sqlx::Error> {
    let query = sql.tables_of_schema.query().bind(sql.schema().as_str().to_owned());
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get("name")).collect()
}

/// The tables that texts of migrations name, in the order in which appends use them.
fn touched<'t>(
    stored: &'t [String],
    schema: &str,
    texts: impl Iterator<Item = &'t str>,
) -> Vec<&'t str> {
    const APPEND: [&str; 5] = ["event_versions", "tenants", "categories", "streams", "events"];
    let prefix = format!("{schema}.");
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let named: BTreeSet<&str> = texts
        .flat_map(str::lines)
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| line.split(prefix.as_str()).skip(1))
        .map(|rest| rest.split(|letter| !is_part(letter)).next().unwrap_or_default())
        .collect();
    let mut tables: Vec<&str> =
        stored.iter().map(String::as_str).filter(|table| named.contains(table)).collect();
    let rank = |table: &&str| APPEND.iter().position(|it| it == table).unwrap_or(APPEND.len());
    tables.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.cmp(b)));
    tables
}

fn known() -> Vec<Migration> {
    (1..)
        .zip(FILES)
        .map(|(version, (name, text))| {
            Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
        })
        .collect()
}

/// A migration that was applied to the schema.
struct Applied {
    version: i64,
    name: String,
    checksum: Vec<u8>,
}

fn history(rows: &[PgRow]) -> Result<Vec<Applied>> {
    let applied = rows.iter().map(|row| {
        Ok(Applied {
            version: row.try_get("version")?,
            name: row.try_get("name")?,
            checksum: row.try_get("checksum")?,
        })
    });
    applied.collect::<Result<_, _>>().map_err(|error| error::error(READ, error))
}

/// What the database says about its schema.
struct Found {
    has_schema: bool,
    history: Option<Vec<Applied>>,
}

impl Found {
    async fn read(connection: &mut PgConnection, sql: &Statements) -> Result<Self> {
        let fail = |error| error::error(READ, error);
        let query = sql.has_history.query().bind(sql.schema().as_str().to_owned());
        let mut found = Self::of(&query.fetch_one(&mut *connection).await.map_err(fail)?)?;
        if found.history.is_some() {
            let rows = sql.applied.query().fetch_all(connection).await.map_err(fail)?;
            found.history = Some(history(&rows)?);
        }
        Ok(found)
    }

    async fn through_pool(store: &Store) -> Result<Self> {
        let sql = &store.sql;
        let query = sql.has_history.query().bind(sql.schema().as_str().to_owned());
        let mut found = Self::of(&store.fetch_one(READ, query).await?)?;
        if found.history.is_some() {
            found.history = Some(history(&store.fetch(READ, sql.applied.query()).await?)?);
        }
        Ok(found)
    }

    /// Without the history: the row says only whether there is one.
    fn of(row: &PgRow) -> Result<Self> {
        let fail = |error| error::error(READ, error);
        let encoding: String = row.try_get("encoding").map_err(fail)?;
        if encoding != "UTF8" {
            let reason =
                format!("the database stores text as {encoding}; create it with `ENCODING 'UTF8'`");
            return Err(Error::adapter("use the database", reason));
        }
        let has_schema = row.try_get("has_schema").map_err(fail)?;
        let has_history: bool = row.try_get("has_history").map_err(fail)?;
        Ok(Self { has_schema, history: has_history.then(Vec::new) })
    }

    /// The error for missing migrations that cannot be applied here.
    fn outdated(&self, known: &[Migration], reason: &str) -> Error {
        let applied = self.history.as_deref().unwrap_or_default().len();
        let newest = known.len();
        Error::adapter(
            OPERATION,
            format!("it is at version {applied}, this program needs version {newest}; {reason}"),
        )
    }

    /// How many of our migrations are applied; they must be the first ones, unchanged.
    fn applied(&self, known: &[Migration]) -> Result<usize> {
        let history = self.history.as_deref().unwrap_or_default();
        // First of all: an earlier program may have applied more migrations than this one has.
        let other =
            history.iter().zip(known).find(|(applied, ours)| applied.name != *ours.description);
        if let Some((applied, ours)) = other {
            let reason = format!(
                "the schema was written by an earlier program, and this one cannot read its tables (schema migration {} is `{}`, \
                 not `{}`); the schema was not changed: export it with the program that wrote it and import it into a new schema, \
                 or start with a new schema",
                applied.version,
                Escaped(&applied.name),
                ours.description,
            );
            return Err(Error::adapter(OPERATION, reason));
        }
        let history: Vec<(i64, Vec<u8>)> =
            history.iter().map(|it| (it.version, it.checksum.clone())).collect();
        let known = known.iter().map(|it| (it.version, &*it.description, &*it.checksum));
        migrations::applied(&history, known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_a_migration_are_locked_in_the_order_of_an_append() {
        let stored = ["categories", "events", "links", "projections", "streams", "subscriptions"];
        let stored = stored.map(str::to_owned);
        let texts = [
            "-- event_store.links is left alone
ALTER TABLE event_store.events ADD x int, ADD y int;",
            "CREATE TABLE event_store.new (); CREATE INDEX i ON event_store.subscriptions (name); ALTER TABLE event_store.streams_of ADD x int",
            "UPDATE event_store.categories SET name = name; GRANT SELECT ON event_store.streams TO x;",
        ];
        assert_eq!(
            touched(&stored, DEFAULT_SCHEMA, texts.into_iter()),
            ["categories", "streams", "events", "subscriptions"]
        );
        assert!(
            touched(&stored, DEFAULT_SCHEMA, ["CREATE FUNCTION event_store.f()"].into_iter())
                .is_empty()
        );
    }
}
