//! From the driver's errors to `event_core`'s. What a SQLSTATE means is a row of [`sqlstate`]; this is the only file that
//! makes errors of it.
//!
//! | meaning | becomes |
//! |---|---|
//! | an event id in use: `23505` on `events_event_id` | [`Failure::IdTaken`]; the append asks again |
//! | a limit of time: `57014` | the same, as [`Failure::TooSlow`] |
//! | busy, no free connection | `Overloaded`: nothing was stored, the facade tries again |
//! | locked | the same, as [`Failure::Blocked`] |
//! | lost, stale, read-only; I/O, no answer in time | `Connection`: the facade tries again, an append by its event ids |
//! | final | `Adapter` |
//!
//! A message says once what the server said, its code, and what to do about it.

use std::fmt;

use event_core::Error;
use event_core::error::BoxError;
pub(crate) use event_sql::error::Failure;
use event_sql::error::of_application;
use sqlx::postgres::PgDatabaseError;

use crate::options::Server;
use crate::soundness::REPAIR_IT;
use crate::sqlstate::{self, Fate, Meaning};

const READ_ONLY: &str = "the server is a standby or set to read only: write to its primary";
const MISSING_RIGHTS: &str = "connect once as a role that may create the schema, and let it call `store.grant(role)` (`PgAdapter::grant_to`) for this one, or `grant_admin_to` for an administrator";
const MISSING_SCHEMA: &str = "the schema was dropped or changed since this store was opened";
/// The keys whose numbers come from sequences.
const NUMBERED: &[&str] = &["events_pkey", "streams_pkey", "tenants_pkey", "categories_pkey"];
const FOREIGN_SERVER: &str =
    "if a pooler is in between, choose `pooler_mode=transaction`, or name the server itself";

/// Whether the connection it happened on cannot be used again.
pub(crate) fn is_fatal(error: &sqlx::Error) -> bool {
    meaning(error).1 == Fate::Close
}

/// Whether nothing was done, because what the session remembers does not fit the server any more: another connection
/// may do it.
pub(crate) fn is_stale(error: &sqlx::Error) -> bool {
    meaning(error).0 == Meaning::Stale
}

/// Whether the server takes no writes: another one may.
fn is_read_only(error: &sqlx::Error) -> bool {
    meaning(error).0 == Meaning::ReadOnly
}

/// The driver's error in an operation.
pub(crate) fn failure(operation: &'static str, error: sqlx::Error) -> Failure {
    failure_at(operation, None, error)
}

/// The same, on a known server: an error of the connection names it.
pub(crate) fn failure_at(
    operation: &'static str,
    server: Option<&Server>,
    error: sqlx::Error,
) -> Failure {
    let name = server.map(|server| server.name.clone());
    let said = of_server(&error);
    let is_id = said.is_some_and(|it| it.constraint() == Some("events_event_id"));
    if is_id && said.is_some_and(|it| it.code() == "23505") {
        return Failure::IdTaken;
    }
    match meaning(&error).0 {
        Meaning::Locked => Failure::Blocked(Error::overloaded(operation, text(&error))),
        Meaning::Busy if said.is_some_and(|it| it.code() == "57014") => {
            Failure::TooSlow(Error::overloaded(operation, text(&error)))
        }
        Meaning::Busy => Error::overloaded(operation, text(&error)).into(),
        Meaning::Lost | Meaning::ReadOnly => {
            Error::connection(operation, Cause(error, name)).into()
        }
        Meaning::Stale if said.is_none_or(sqlstate::is_of_session) => {
            Error::connection(operation, Cause(error, name)).into()
        }
        Meaning::Stale | Meaning::Final => Error::adapter(operation, Cause(error, None)).into(),
    }
}

/// The same for a statement that writes no event id.
pub(crate) fn error(operation: &'static str, error: sqlx::Error) -> Error {
    failure(operation, error).into()
}

/// The error that an application's own statements returned. One that is final stays as it is, for the application to
/// recognise; what it means there is not known here.
pub(crate) fn application(operation: &'static str, error: BoxError) -> Error {
    let meant = of_driver(&*error).map(|error| match meaning(error).0 {
        Meaning::Stale if !of_server(error).is_none_or(sqlstate::is_of_session) => Meaning::Final,
        meaning => meaning,
    });
    match meant {
        Some(Meaning::Busy | Meaning::Locked) => Error::overloaded(operation, plain(&*error)),
        Some(Meaning::Lost | Meaning::Stale | Meaning::ReadOnly) => {
            Error::connection(operation, plain(&*error))
        }
        Some(Meaning::Final) | None => {
            of_application(operation, error, |error: sqlx::Error| Error::adapter(operation, error))
        }
    }
}

/// The driver's error in one of an application, which may have put its own around it.
pub(crate) fn of_driver<'e>(
    error: &'e (dyn std::error::Error + 'static),
) -> Option<&'e sqlx::Error> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|error| error.downcast_ref())
}

/// An application's error in words, the driver's part of it once.
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    match error.downcast_ref() {
        Some(error) => text(error),
        None => match of_driver(error) {
            Some(driver) => format!("{error}: {}", text(driver)),
            None => error.to_string(),
        },
    }
}

/// What is wrong with a URL or an option, in the driver's words.
pub(crate) fn reason(error: sqlx::Error) -> String {
    match error {
        sqlx::Error::Configuration(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// Whether a server says that it did not understand a message, and goes on: then the message met another session than it
/// was meant for. Poolers have the same code for their own troubles, which end the session.
pub(crate) fn is_mix_up(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => of_server(error).is_some_and(sqlstate::is_mix_up),
        sqlx::Error::Io(_) => false,
        _ => true,
    }
}

/// Why a stored value could not be read.
pub(crate) fn unreadable(column: &str, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::ColumnDecode { source, .. } => format!("column {column}: {source}"),
        error => format!("column {column}: {error}"),
    }
}

fn of_server(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    match error {
        sqlx::Error::Database(error) => error.try_downcast_ref(),
        _ => None,
    }
}

fn meaning(error: &sqlx::Error) -> (Meaning, Fate) {
    match error {
        sqlx::Error::Database(_) => {
            of_server(error).map_or((Meaning::Final, Fate::Close), sqlstate::of)
        }
        sqlx::Error::Io(error) if is_untrusted(error) => (Meaning::Final, Fate::Close),
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => (Meaning::Lost, Fate::Close),
        sqlx::Error::PoolTimedOut => (Meaning::Busy, Fate::Close),
        // Found before anything was sent.
        sqlx::Error::Encode(_) => (Meaning::Final, Fate::Keep),
        _ => (Meaning::Final, Fate::Close),
    }
}

/// Whether a certificate was refused: trying again would change nothing. The driver reports it as data that is not valid.
fn is_untrusted(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData && error.to_string().contains("certificate")
}

/// What the driver says, once: its own errors repeat the cause, and add a line of the server's sources.
#[derive(Debug)]
struct Cause(sqlx::Error, Option<String>);

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.1 {
            write!(f, "{server}: ")?;
        }
        f.write_str(&text(&self.0))
    }
}

/// What the driver says, its code, and what to do about it.
pub(crate) fn text(error: &sqlx::Error) -> String {
    let Some(server) = of_server(error) else {
        return match error {
            sqlx::Error::Io(error) if is_untrusted(error) => {
                format!("no encrypted connection: {error}")
            }
            sqlx::Error::Io(error) => error.to_string(),
            sqlx::Error::Tls(error) => format!("no encrypted connection: {error}"),
            sqlx::Error::Protocol(what) => format!("not an answer of PostgreSQL: {what}"),
            error => error.to_string(),
        };
    };
    let said = format!("{} (SQLSTATE {})", server.message(), server.code());
    let is_final = meaning(error).0 == Meaning::Final;
    match server.code() {
        "42501" => format!("{said}; {MISSING_RIGHTS}"),
        "3F000" | "42P01" | "42883" => format!("{said}; {MISSING_SCHEMA}"),
        "ES002" => format!("{said}; {REPAIR_IT}"),
        "23505" if server.constraint().is_some_and(|it| NUMBERED.contains(&it)) => {
            format!("{said}; the number is in use, so its sequence is behind the rows: {REPAIR_IT}")
        }
        "08P01" if is_final => format!("{said}; {FOREIGN_SERVER}"),
        _ if is_read_only(error) => format!("{said}; {READ_ONLY}"),
        _ => said,
    }
}
