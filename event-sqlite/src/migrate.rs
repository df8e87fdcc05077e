//! Schema migrations: embedded, in order, each applied once, under the write lock against a second starter.
//!
//! All missing migrations are applied in one transaction, or none is. The file of another program is refused, and so is
//! a schema that is newer than this program, older than the first released one, or made of other migrations
//! than this program's. A refused file is not changed.

use event_core::adapter::SchemaMigration;
use event_core::error::with_causes;
use event_core::value::Escaped;
use event_core::{Error, Migrate, Result};
use event_sql::migrations;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::error::shown as path_of;
use crate::pool::{Pool, run as fetch};
use crate::sql;

const OPERATION: &str = "migrate the schema";
/// The application id that `0001_store.sql` writes into the file: "evst".
const APPLICATION: i64 = 1_702_261_620;

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../migrations/", $name, ".sql")))),*] };
}

/// The migrations in order. A released one never changes, and its number is never used again.
const FILES: [(&str, &str); 7] = files! {
    "0001_store" "0002_identity" "0003_removed_events" "0004_incarnations" "0005_read_models"
    "0006_subscription_changes"
    "0007_discarded_events"
};

/// Migrations that only make this program faster.
const OPTIONAL: &[&str] = &[];

/// Brings the schema to this program's version, or refuses it, as `mode` says.
pub(crate) async fn run(
    pool: &Pool,
    connection: &mut SqliteConnection,
    mode: Migrate,
) -> Result<Vec<SchemaMigration>> {
    let fail = |error| pool.error(OPERATION, error);
    let known = known();
    let found = Found::read(pool, connection).await?;
    let missing = shown(&known[found.applied(pool, &known)?..]);
    migrations::refuse(mode, &missing, is_optional)?;
    // Only once the file is known to be a store. Each time, as a backup does not keep the mode.
    let mode_set = fetch(connection, sql::WRITE_AHEAD).await.map_err(fail)?;
    let mode_set: Option<String> = mode_set.first().and_then(|row| row.try_get(0).ok());
    if mode_set.as_deref() != Some("wal") {
        let reason = format!(
            "{} cannot have a write-ahead log (its journal mode stays `{}`); readers and the writer need one: put the file on a \
             local disk, and close other programs that have it open",
            path_of(pool.path()),
            mode_set.unwrap_or_default()
        );
        return Err(Error::adapter("open the store", reason));
    }
    if missing.is_empty() || mode != Migrate::OnConnect {
        return Ok(Vec::new());
    }
    apply(pool, connection, &known).await
}

/// The migrations that are not applied to the file that a connection has open, and their checksums.
pub(crate) async fn pending(
    pool: &Pool,
    connection: &mut SqliteConnection,
) -> Result<Vec<(SchemaMigration, Vec<u8>)>> {
    let known = known();
    let found = Found::read(pool, connection).await?;
    Ok(with_checksums(&known[found.applied(pool, &known)?..]))
}

/// The migrations that a file lacks which does not exist.
pub(crate) fn all() -> Vec<(SchemaMigration, Vec<u8>)> {
    with_checksums(&known())
}

fn with_checksums(missing: &[Migration]) -> Vec<(SchemaMigration, Vec<u8>)> {
    let checksums = missing.iter().map(|it| it.checksum.to_vec());
    shown(missing).into_iter().zip(checksums).collect()
}

fn shown(missing: &[Migration]) -> Vec<SchemaMigration> {
    let show = |it: &Migration| {
        SchemaMigration::new(it.version, it.description.to_string(), it.sql.as_str().to_owned())
    };
    missing.iter().map(show).collect()
}

/// Whether this program works without a migration.
fn is_optional(migration: &SchemaMigration) -> bool {
    OPTIONAL.contains(&migration.name.as_str())
}

/// Refuses a file that does not exist, where it may not be created.
pub(crate) fn require_file(pool: &Pool, mode: Migrate) -> Result<()> {
    if mode == Migrate::OnConnect || pool.path().exists() {
        return Ok(());
    }
    let missing: Vec<_> = all().into_iter().map(|(migration, _)| migration).collect();
    let refused = migrations::refuse(mode, &missing, |_| false);
    refused.map_err(|error| {
        let reason = format!("{} does not exist; {}", path_of(pool.path()), with_causes(&error));
        Error::adapter("open the store", reason)
    })
}

async fn apply(
    pool: &Pool,
    connection: &mut SqliteConnection,
    known: &[Migration],
) -> Result<Vec<SchemaMigration>> {
    let fail = |error| pool.error(OPERATION, error);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    // Another starter may have done all of it while we waited.
    let found = Found::read(pool, &mut transaction).await?;
    let missing = &known[found.applied(pool, known)?..];
    fetch(&mut transaction, sql::CREATE_HISTORY).await.map_err(fail)?;
    for migration in missing {
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
    transaction.commit().await.map_err(fail)?;
    Ok(shown(missing))
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
    /// The name of the first migration, if any is applied.
    first: Option<String>,
    /// Number and checksum of the applied migrations.
    history: Vec<(i64, Vec<u8>)>,
}

impl Found {
    async fn read(pool: &Pool, connection: &mut SqliteConnection) -> Result<Self> {
        let fail = |error| pool.error("read the schema's version", error);
        let row = sql::IDENTITY.query().fetch_one(&mut *connection).await.map_err(fail)?;
        let number = |column| row.try_get::<i64, _>(column).map_err(fail);
        let (application, tables) = (number("application_id")?, number("tables")?);
        if tables > 0 && (application != APPLICATION || number("has_history")? == 0) {
            let reason = format!("{} is the database of another program", path_of(pool.path()));
            return Err(Error::adapter("open the store", reason));
        }
        if tables == 0 {
            return Ok(Self { first: None, history: Vec::new() });
        }
        let rows = fetch(connection, sql::APPLIED).await.map_err(fail)?;
        let first = rows.first().map(|row| row.try_get("name")).transpose().map_err(fail)?;
        let history =
            rows.iter().map(|row| Ok((row.try_get("version")?, row.try_get("checksum")?)));
        Ok(Self { first, history: history.collect::<Result<_, _>>().map_err(fail)? })
    }

    /// How many of our migrations are applied; they must be the first ones, unchanged.
    fn applied(&self, pool: &Pool, known: &[Migration]) -> Result<usize> {
        let (first, _) = FILES[0];
        if let Some(found) = self.first.as_deref().filter(|found| *found != first) {
            let reason = format!(
                "{} was written by an earlier program, and this one cannot read its tables (the first schema migration is `{}`, \
                 not `{first}`); the file was not changed: export it with the program that wrote it and import it into a new \
                 file, or start with a new file",
                path_of(pool.path()),
                Escaped(found),
            );
            return Err(Error::adapter("open the store", reason));
        }
        let known = known.iter().map(|it| (it.version, &*it.description, &*it.checksum));
        migrations::applied(&self.history, known)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");

    #[test]
    fn released_migrations_do_not_change() {
        let mut found = String::new();
        for migration in known() {
            write!(found, "{} ", migration.description).unwrap();
            for byte in &*migration.checksum {
                write!(found, "{byte:02x}").unwrap();
            }
            found.push('\n');
        }
        let path = Path::new(FOLDER).join("checksums.txt");
        let pinned = std::fs::read_to_string(&path).unwrap();
        assert!(
            found == pinned,
            "the schema migrations are not those of {}. Never edit, rename or remove a released migration: stores that \
             have it applied would be refused. Add a new migration instead, and its line to the file. The migrations \
             of this program:\n{found}",
            path.display()
        );
    }

    #[test]
    fn every_migration_is_listed() {
        let entries = Path::new(FOLDER).read_dir().unwrap().map(|entry| entry.unwrap().path());
        let sql = entries.filter(|path| path.extension().is_some_and(|it| it == "sql"));
        let mut names: Vec<_> =
            sql.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, FILES.map(|(name, _)| name));
    }
}
