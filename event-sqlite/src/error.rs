//! From the driver's errors to `event_core`'s, by SQLite's result code and never by text. This is the only table of
//! them.
//!
//! | class | codes | becomes |
//! |---|---|---|
//! | event id in use | `SQLITE_CONSTRAINT_UNIQUE` | [`Failure::IdTaken`]; the append asks again |
//! | another program writes, no room | `BUSY LOCKED FULL NOMEM` | `Overloaded` |
//! | the disk failed, and what is on it is unknown | `IOERR`, the connection's thread ended | `Connection` |
//! | damaged | `CORRUPT` | `Corrupt` |
//! | no database, no rights, no folder, all else | `NOTADB READONLY CANTOPEN PERM …` | `Adapter` |

use std::path::Path;

use event_core::Error;
use event_core::error::BoxError;
use event_core::value::Escaped;
pub(crate) use event_sql::error::Failure;
use event_sql::error::of_application;

/// SQLite's result codes, by the names of its documentation. The last two are extended codes.
mod code {
    pub(super) const ERROR: u32 = 1;
    pub(super) const PERM: u32 = 3;
    pub(super) const BUSY: u32 = 5;
    pub(super) const LOCKED: u32 = 6;
    pub(super) const NOMEM: u32 = 7;
    pub(super) const READONLY: u32 = 8;
    pub(super) const IOERR: u32 = 10;
    pub(super) const CORRUPT: u32 = 11;
    pub(super) const FULL: u32 = 13;
    pub(super) const CANTOPEN: u32 = 14;
    pub(super) const PROTOCOL: u32 = 15;
    pub(super) const NOLFS: u32 = 22;
    pub(super) const AUTH: u32 = 23;
    pub(super) const NOTADB: u32 = 26;
    pub(super) const CONSTRAINT_PRIMARYKEY: u32 = 1555;
    pub(super) const CONSTRAINT_UNIQUE: u32 = 2067;
}

/// The driver's error in an operation on a file.
pub(crate) fn failure(operation: &'static str, path: &Path, error: sqlx::Error) -> Failure {
    let code = match &error {
        sqlx::Error::Database(database) => {
            database.code().and_then(|code| code.parse::<u32>().ok()).unwrap_or_default()
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => code::IOERR,
        _ => 0,
    };
    if matches!(code, code::CONSTRAINT_UNIQUE | code::CONSTRAINT_PRIMARYKEY) {
        return Failure::IdTaken;
    }
    let explained = |what: &str| Explained(format!("{}: {what}", shown(path)), error_text(&error));
    // The upper bytes of an extended code only detail the primary one.
    Failure::Store(match code & 0xff {
        code::BUSY | code::LOCKED => Error::overloaded(
            operation,
            explained("another program holds the file; wait for it, or raise `busy_timeout_ms`")
                .to_string(),
        ),
        code::FULL => Error::overloaded(
            operation,
            explained("the disk is full, or the file as large as `max_size_mb` lets it be")
                .to_string(),
        ),
        code::NOMEM => {
            Error::overloaded(operation, explained("there is no memory left").to_string())
        }
        code::IOERR => Error::connection(operation, explained("the disk failed")),
        code::CORRUPT => Error::Corrupt {
            at: None,
            reason: explained("the file is damaged; restore a backup").to_string(),
        },
        code::READONLY => Error::adapter(
            operation,
            explained("the file or its folder cannot be written; a store needs both"),
        ),
        code::CANTOPEN => Error::adapter(
            operation,
            explained("the file cannot be opened; its folder must exist, and be writable"),
        ),
        code::PERM | code::AUTH => {
            Error::adapter(operation, explained("the program may not use the file"))
        }
        code::NOTADB => Error::adapter(operation, explained("the file is no SQLite database")),
        code::PROTOCOL | code::NOLFS => {
            Error::adapter(operation, explained("the system cannot lock the file"))
        }
        _ => Error::adapter(operation, error),
    })
}

/// The same for a statement that writes no event id.
pub(crate) fn error(operation: &'static str, path: &Path, error: sqlx::Error) -> Error {
    failure(operation, path, error).into()
}

/// The error that an application's own statements returned.
pub(crate) fn application(operation: &'static str, path: &Path, error: BoxError) -> Error {
    of_application(operation, error, |error| {
        if is_refused(&error) {
            Error::adapter(operation, error)
        } else {
            self::error(operation, path, error)
        }
    })
}

/// Whether a constraint of one of the application's tables refused it.
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Whether an error says that a file is no store, or one that is being written at this moment.
pub(crate) fn is_no_store(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let code = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(code, Some(code::ERROR | code::CORRUPT | code::NOTADB))
}

/// Why a stored value could not be read.
pub(crate) fn unreadable(column: &str, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { source, .. } => format!("column {column}: {source}"),
        error => format!("column {column}: {error}"),
    }
}

/// A path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    format!("\"{}\"", Escaped(&path.to_string_lossy()))
}

fn error_text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        error => error.to_string(),
    }
}

/// The meaning of an error, and SQLite's own words.
#[derive(Debug, thiserror::Error)]
#[error("{0} ({1})")]
struct Explained(String, String);

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    async fn refused(statements: &'static str) -> (&'static str, String) {
        let mut connection = SqliteConnectOptions::new().connect().await.unwrap();
        let error = sqlx::raw_sql(statements).execute(&mut connection).await.unwrap_err();
        let error = super::error("test", Path::new("a\nb"), error);
        (error.code(), event_core::error::with_causes(&error))
    }

    #[tokio::test]
    async fn result_codes_become_errors() {
        for (statements, code, words) in [
            ("PRAGMA query_only = 1; CREATE TABLE t (x)", "adapter_error", "cannot be written"),
            ("PRAGMA max_page_count = 1; CREATE TABLE t (x)", "overloaded", "the disk is full"),
            ("ATTACH '/no/such/folder/x' AS y", "adapter_error", "its folder must exist"),
            ("SELECT", "adapter_error", "incomplete"),
        ] {
            let (found, said) = refused(statements).await;
            assert_eq!(found, code, "{statements}: {said}");
            assert!(said.contains(words), "{statements}: {said}");
            assert!(!said.contains('\n'), "{said}");
        }
    }
}
