//! Schema migrations: embedded, in order, each applied once, under the write lock against a second starter.
//!
//! All missing migrations are applied in one transaction, or none is. The file of another program is refused, and so is
//! a schema that is newer than this program, older than the first released one, or made of other migrations
//! than this program's. A refused file is not changed.

use event_core::value::Escaped;
use event_core::{Error, Result};
use event_sql::migrations;
use sqlx::migrate::{Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row, SqlSafeStr};

use crate::error::shown;
use crate::pool::{Pool, run as fetch};
use crate::sql;

const OPERATION: &str = "migrate the schema";
/// The application id that `0001_store.sql` writes into the file: "evst".
const APPLICATION: i64 = 1_702_261_620;

macro_rules! files {
    ($($name:literal)*) => { [$(($name, include_str!(concat!("../migrations/", $name, ".sql")))),*] };
}

/// The migrations in order. A released one never changes, and its number is never used again.
const FILES: [(&str, &str); 4] =
    files! { "0001_store" "0002_identity" "0003_removed_events" "0004_incarnations" };

/// Brings the schema to this program's version.
pub(crate) async fn run(pool: &Pool, connection: &mut SqliteConnection) -> Result<()> {
    let fail = |error| pool.error(OPERATION, error);
    let known = known();
    let found = Found::read(pool, connection).await?;
    let applied = found.applied(pool, &known)?;
    // Only once the file is known to be a store. Each time, as a backup does not keep the mode.
    let mode = fetch(connection, sql::WRITE_AHEAD).await.map_err(fail)?;
    let mode: Option<String> = mode.first().and_then(|row| row.try_get(0).ok());
    if mode.as_deref() != Some("wal") {
        let reason = format!(
            "{} cannot have a write-ahead log (its journal mode stays `{}`); readers and the writer need one: put the file on a \
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
    let applied = found.applied(pool, known)?;
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
            let reason = format!("{} is the database of another program", shown(pool.path()));
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
                shown(pool.path()),
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
