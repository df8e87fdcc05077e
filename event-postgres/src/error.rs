//! From the driver's errors to `event_core`'s, by SQLSTATE and never by text: the one table.
//!
//! | class | codes | becomes |
//! |---|---|---|
//! | id in use | `23505` on `events_event_id` | [`Failure::IdTaken`]; the append asks again |
//! | not committed, room or luck was short | `40001 40P01 55P03 57014 53xxx`, no free connection | `Overloaded` |
//! | unreachable, or the answer was lost | I/O, `08xxx` but `08P01`, `57P01 57P02 57P03 57P05 40003 25006`, no answer in time | `Connection` |
//! | rights, names, data, all else | `28xxx 3D000 42xxx 22xxx …` | `Adapter` |

use std::borrow::Cow;

use event_core::Error;
pub(crate) use event_sql::error::Failure;

/// Whether the connection it happened on can be used again.
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

/// The driver's error while we were doing something.
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
    Failure::Store(match code.as_str() {
        "40001" | "40P01" | "55P03" | "57014" => Error::overloaded(operation, error.to_string()),
        "57P01" | "57P02" | "57P03" | "57P05" | "40003" => Error::connection(operation, error),
        "25006" => Error::connection(operation, ReadOnly(error)),
        "42501" => Error::adapter(operation, MissingRights(error)),
        "3F000" | "42P01" | "42883" => Error::adapter(operation, MissingSchema(error)),
        // A proxy that does not take our settings, or no PostgreSQL at all: trying again changes nothing.
        "08P01" => Error::adapter(operation, ForeignServer(error)),
        code if code.starts_with("53") => Error::overloaded(operation, error.to_string()),
        code if code.starts_with("08") => Error::connection(operation, error),
        _ => Error::adapter(operation, error),
    })
}

/// The same where no id can be in the way.
pub(crate) fn error(operation: &'static str, error: sqlx::Error) -> Error {
    failure(operation, error).into()
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
#[derive(Debug)]
struct ReadOnly(sqlx::Error);

impl std::fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the server is a read-only standby: write to its primary", self.0)
    }
}

impl std::error::Error for ReadOnly {}

/// Something that does not take what PostgreSQL takes.
#[derive(Debug)]
struct ForeignServer(sqlx::Error);

impl std::fmt::Display for ForeignServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}; if a pooler stands in between, choose `pooler_mode=transaction`, or name the server itself",
            self.0
        )
    }
}

impl std::error::Error for ForeignServer {}

/// A role that may not do it.
#[derive(Debug)]
struct MissingRights(sqlx::Error);

impl std::fmt::Display for MissingRights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}; connect once as a role that may create the schema, and let it call `PgAdapter::grant_to` for this one",
            self.0
        )
    }
}

impl std::error::Error for MissingRights {}

/// Tables or functions that are not there.
#[derive(Debug)]
struct MissingSchema(sqlx::Error);

impl std::fmt::Display for MissingSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; the schema was dropped or changed since this store was opened", self.0)
    }
}

impl std::error::Error for MissingSchema {}
