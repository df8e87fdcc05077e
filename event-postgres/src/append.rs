//! The append: any expected version, any size, one or many streams, in one call of a server function.
//!
//! The events travel as arrays, one element an event, so the statement's text never changes. The function answers
//! with a status per stream; only an id that is in use comes as an error, and then the same call with the check flag
//! says what is stored.

use event_core::adapter::StreamState;
use event_core::adapter::append::{Commit, StreamAppend};
use event_core::envelope::EventData;
use event_core::{
    Appended, Conflict, Error, EventId, ExpectedVersion, Outcome, Position, Result, StreamVersion,
};
pub(crate) use event_sql::rows::column as stored;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::Failure;
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{PgQuery, Statement, Statements};
use crate::status::{self, AppendStatus};

pub(crate) const ONE: &str = "append to a stream";
pub(crate) const MANY: &str = "append to several streams";

/// Stores a commit; answers in its order.
pub(crate) async fn commit(
    pool: &Pool,
    sql: &Statements,
    commit: &Commit,
) -> Result<Vec<Appended>> {
    let mut check = commit.retry;
    // An id in use makes the second call; a third is needed only when that one's ids are being committed meanwhile.
    for _ in 0..3 {
        let (operation, query) = match commit.appends.as_slice() {
            [] => return Ok(Vec::new()),
            [append] => (ONE, one([&sql.append_event, &sql.append_one], commit, append, check)),
            _ => (MANY, many(&sql.append_many, commit, check)),
        };
        match pool.fetch(operation, query).await {
            Ok(rows) => return judge(commit, operation, &rows),
            Err(Failure::IdTaken) => check = true,
            Err(failure) => return Err(failure.into()),
        }
    }
    let stream_id = commit.appends.first().map(|append| append.stream_id.clone());
    Err(match stream_id {
        Some(stream_id) => {
            Error::event_id_conflict(stream_id, None, "they are being stored by others")
        }
        None => Error::adapter(ONE, "the commit is empty"),
    })
}

/// The statements of an append to one stream: for one event, and for several.
pub(crate) type ForOne<'s> = [&'s Statement; 2];

pub(crate) fn one<'q>(
    [single, several]: ForOne<'_>,
    commit: &Commit,
    append: &StreamAppend,
    check: bool,
) -> PgQuery<'q> {
    let statement = if append.events.len() == 1 { single } else { several };
    let query = statement
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(append.stream_id.as_str().to_owned())
        .bind(append.stream_id.category().to_owned())
        .bind(expected_number(append.expected))
        .bind(commit.stream_limit.map(stored))
        .bind(check);
    match append.events.as_slice() {
        [event] => query
            .bind(event.id.as_uuid())
            .bind(event.event_type.to_string())
            .bind(event_version(event))
            .bind(event.data.get().to_owned())
            .bind(event.metadata.as_json().to_owned()),
        events => Columns::of(events.iter()).bind_to(query),
    }
}

pub(crate) fn many<'q>(statement: &Statement, commit: &Commit, check: bool) -> PgQuery<'q> {
    let appends = || commit.appends.iter();
    let Requests { streams, categories, expected, sizes, of_events } = Requests::of(appends());
    let query = statement
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(streams)
        .bind(categories)
        .bind(expected)
        .bind(sizes)
        .bind(commit.stream_limit.map(stored))
        .bind(check)
        .bind(of_events);
    Columns::of(appends().flat_map(|append| &append.events)).bind_to(query)
}

/// Appends of several writers, each on its own terms.
pub(crate) fn group<'q>(sql: &Statements, requests: &[(&Commit, &StreamAppend)]) -> PgQuery<'q> {
    let appends = || requests.iter().map(|(_, append)| *append);
    let tenants: Vec<&str> = requests.iter().map(|(commit, _)| commit.tenant.as_str()).collect();
    let limits: Vec<Option<i64>> =
        requests.iter().map(|(commit, _)| commit.stream_limit.map(stored)).collect();
    let Requests { streams, categories, expected, sizes, of_events } = Requests::of(appends());
    let places: Vec<i32> = appends().flat_map(|append| (1..).take(append.events.len())).collect();
    let query = sql
        .append_batch
        .query()
        .bind(tenants)
        .bind(streams)
        .bind(categories)
        .bind(expected)
        .bind(sizes)
        .bind(limits)
        .bind(of_events)
        .bind(places);
    Columns::of(appends().flat_map(|append| &append.events)).bind_to(query)
}

/// The streams of several appends, turned from rows to columns.
#[derive(Default)]
struct Requests<'a> {
    streams: Vec<&'a str>,
    categories: Vec<&'a str>,
    expected: Vec<i64>,
    sizes: Vec<i32>,
    /// For each event the place of its stream, from 1.
    of_events: Vec<i32>,
}

impl<'a> Requests<'a> {
    fn of(appends: impl Iterator<Item = &'a StreamAppend>) -> Self {
        let mut columns = Self::default();
        for (request, append) in (1..).zip(appends) {
            columns.streams.push(append.stream_id.as_str());
            columns.categories.push(append.stream_id.category());
            columns.expected.push(expected_number(append.expected));
            columns.sizes.push(i32::try_from(append.events.len()).unwrap_or(i32::MAX));
            columns.of_events.extend(append.events.iter().map(|_| request));
        }
        columns
    }
}

/// The events, turned from rows to columns.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    versions: Vec<i32>,
    data: Vec<&'a str>,
    metadata: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(events: impl Iterator<Item = &'a EventData>) -> Self {
        let mut columns = Self::default();
        for event in events {
            columns.ids.push(event.id.as_uuid());
            columns.types.push(&event.event_type);
            columns.versions.push(event_version(event));
            columns.data.push(event.data.get());
            columns.metadata.push(event.metadata.as_json());
        }
        columns
    }

    fn bind_to(self, query: PgQuery<'_>) -> PgQuery<'_> {
        query
            .bind(self.ids)
            .bind(self.types)
            .bind(self.versions)
            .bind(self.data)
            .bind(self.metadata)
    }
}

/// An event version is at most what the column holds.
fn event_version(event: &EventData) -> i32 {
    i32::try_from(event.version.get()).unwrap_or(i32::MAX)
}

/// Expected versions that are no version, as the server functions take them.
const ANY: i64 = -1;
const STREAM_EXISTS: i64 = -2;
const NO_STREAM: i64 = 0;

/// An expected version as the server functions take it.
pub(crate) fn expected_number(expected: ExpectedVersion) -> i64 {
    match expected {
        ExpectedVersion::Any => ANY,
        ExpectedVersion::StreamExists => STREAM_EXISTS,
        ExpectedVersion::NoStream => NO_STREAM,
        ExpectedVersion::Exact(version) => stored(version.get()),
    }
}

/// The server function's answer about one stream.
struct Answer {
    status: AppendStatus,
    version: Option<i64>,
    state: Option<String>,
    live: Option<i64>,
    position: Option<i64>,
    event_id: Option<Uuid>,
}

impl Answer {
    fn read(operation: &'static str, row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            status: AppendStatus::read(operation, &cells)?,
            version: cells.get("stream_version")?,
            state: cells.get("state")?,
            live: cells.get("live")?,
            position: cells.get("last_position")?,
            event_id: cells.get("event_id")?,
        })
    }
}

/// The answers in the commit's order, or the error that they stand for.
pub(crate) fn judge(
    commit: &Commit,
    operation: &'static str,
    rows: &[PgRow],
) -> Result<Vec<Appended>> {
    let answers: Vec<Answer> =
        rows.iter().map(|row| Answer::read(operation, row)).collect::<Result<_>>()?;
    if answers.len() != commit.appends.len() {
        let reason = format!("{} answers for {} streams", answers.len(), commit.appends.len());
        return Err(Error::adapter(operation, reason));
    }
    let all = |status| answers.iter().all(|answer| answer.status == status);
    let outcome = if all(AppendStatus::Stored) {
        Outcome::Stored
    } else if all(AppendStatus::AlreadyStored) {
        Outcome::AlreadyStored
    } else {
        let mut streams = commit.appends.iter().zip(&answers);
        let refused = streams.find(|(_, answer)| answer.status != AppendStatus::ClaimHolds);
        return Err(match refused {
            Some((append, answer)) => refusal(commit, operation, append, answer)?,
            None => Error::adapter(operation, "nothing was stored, and no stream says why"),
        });
    };
    answers
        .iter()
        .map(|answer| {
            let (Some(version), Some(position)) = (answer.version, answer.position) else {
                return Err(Error::adapter(operation, "an answer without its numbers"));
            };
            Ok(Appended {
                stream_version: StreamVersion::try_from(version)?,
                position: Position::try_from(position)?,
                outcome,
            })
        })
        .collect()
}

/// The error that a status other than stored stands for.
fn refusal(
    commit: &Commit,
    operation: &'static str,
    append: &StreamAppend,
    answer: &Answer,
) -> Result<Error> {
    let stream_id = append.stream_id.clone();
    Ok(match answer.status {
        AppendStatus::WrongVersion => {
            let actual = StreamVersion::try_from(answer.version.unwrap_or_default())?;
            Error::conflict(stream_id, Conflict { expected: append.expected, actual })
        }
        AppendStatus::NotActive => match status::stream_state(answer.state.as_deref()) {
            Some((StreamState::Archived, _)) => Error::stream_archived(stream_id),
            Some((StreamState::SoftDeleted | StreamState::HardDeleted, _)) => {
                Error::stream_deleted(stream_id)
            }
            Some((StreamState::Active, true)) => Error::mixed_stream(stream_id, true),
            _ => status::unexpected(operation, answer.status, answer.state.as_deref()),
        },
        AppendStatus::AlreadyStored | AppendStatus::IdConflict => Error::event_id_conflict(
            stream_id,
            answer.event_id.map(EventId::from_uuid),
            "stored elsewhere, in another order, or only in part",
        ),
        AppendStatus::LimitReached => {
            let limit = commit.stream_limit.unwrap_or_default();
            let live = answer.live.unwrap_or_default();
            Error::stream_limit_reached(stream_id, limit, u64::try_from(live).unwrap_or_default())
        }
        AppendStatus::Stored | AppendStatus::ClaimHolds => {
            status::unexpected(operation, answer.status, answer.state.as_deref())
        }
    })
}
