//! From the driver's errors to `event_core`'s, by SQLSTATE and never by text. This is the only table of them.
//!
//! | class | codes | becomes |
//! |---|---|---|
//! | event id in use | `23505` on `events_event_id` | [`Failure::IdTaken`]; the append asks again |
//! | not committed: a conflict, or no room | `40001 40P01 55P03 57014 53xxx`, no free connection | `Overloaded` |
//! | unreachable, or the answer was lost | I/O, `08xxx` but `08P01`, `57P01 57P02 57P03 57P05 40003 25006`, no answer in time | `Connection` |
//! | rights, names, data, all else | `28xxx 3D000 42xxx 22xxx …` | `Adapter` |

use std::borrow::Cow;

use event_core::Error;
use event_core::error::BoxError;
pub(crate) use event_sql::error::Failure;
use event_sql::error::of_application;

/// Whether the connection it happened on cannot be used again.
pub(crate) fn is_fatal(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => matches!(
            error.code().as_deref(),
            Some(code) if code.starts_with("57P") || code.starts_with("08") || code == "25006"
        ),
        sqlx::Error::Encode(_) => false,
        _ => true,
    }
}

/// The driver's error in an operation.
pub(crate) fn failure(operation: &'static str, error: sqlx::Error) -> Failure {
    let code = match &error {
        sqlx::Error::Database(database) => {
            let code = database.code().map_or_else(String::new, Cow::into_owned);
            if code == "23505" && database.constraint() == Some("events_event_id") {
                return Failure::IdTaken;
            }
            code
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            "08006".into()
        }
        sqlx::Error::PoolTimedOut => "53300".into(),
        _ => String::new(),
    };
    if code == "55P03" {
        return Failure::Blocked(Error::overloaded(operation, error.to_string()));
    }
    Failure::Store(match code.as_str() {
        "40001" | "40P01" | "57014" => Error::overloaded(operation, error.to_string()),
        "57P01" | "57P02" | "57P03" | "57P05" | "40003" => Error::connection(operation, error),
        "25006" => Error::connection(operation, ReadOnly(error)),
        "42501" => Error::adapter(operation, MissingRights(error)),
        "3F000" | "42P01" | "42883" => Error::adapter(operation, MissingSchema(error)),
        // A proxy that does not accept our settings, or no PostgreSQL at all: trying again changes nothing.
        "08P01" => Error::adapter(operation, ForeignServer(error)),
        code if code.starts_with("53") => Error::overloaded(operation, error.to_string()),
        code if code.starts_with("08") => Error::connection(operation, error),
        _ => Error::adapter(operation, error),
    })
}

/// The same for a statement that writes no event id.
pub(crate) fn error(operation: &'static str, error: sqlx::Error) -> Error {
    failure(operation, error).into()
}

/// The error that an application's own statements returned.
pub(crate) fn application(operation: &'static str, error: BoxError) -> Error {
    of_application(operation, error, |error: sqlx::Error| {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            // Its own tables and rights: the store's are not in question.
            Some("42501" | "3F000" | "42P01" | "42883") => Error::adapter(operation, error),
            _ => self::error(operation, error),
        }
    })
}

/// What is wrong with a URL or an option, in the driver's words.
pub(crate) fn reason(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// Why a stored value could not be read.
pub(crate) fn unreadable(column: &str, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { source, .. } => format!("column {column}: {source}"),
        error => format!("column {column}: {error}"),
    }
}

/// A standby, or a server or role that is set to read only.
#[derive(Debug, thiserror::Error)]
#[error("{0}; the server is a read-only standby: write to its primary")]
struct ReadOnly(sqlx::Error);

/// A server that does not accept what PostgreSQL accepts.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}; if a pooler is in between, choose `pooler_mode=transaction`, or name the server itself"
)]
struct ForeignServer(sqlx::Error);

/// A role without the rights.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}; connect once as a role that may create the schema, and let it call `PgAdapter::grant_to` for this one, or `grant_admin_to` for an administrator"
)]
struct MissingRights(sqlx::Error);

/// Tables or functions that do not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}; the schema was dropped or changed since this store was opened")]
struct MissingSchema(sqlx::Error);
