//! The append: any expected version, any size, one or many streams, in one call of a server function.
//!
//! The events travel as arrays, one element an event, so the statement's text never changes. The function answers
//! with a status per stream; only an id that is in use comes as an error, and then the same call with the check flag
//! says what is stored.

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
        .bind(claim(append.expected))
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
    let Requests { streams, categories, claims, sizes, of_events } = Requests::of(appends());
    let query = statement
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(streams)
        .bind(categories)
        .bind(claims)
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
    let Requests { streams, categories, claims, sizes, of_events } = Requests::of(appends());
    let places: Vec<i32> = appends().flat_map(|append| (1..).take(append.events.len())).collect();
    let query = sql
        .append_batch
        .query()
        .bind(tenants)
        .bind(streams)
        .bind(categories)
        .bind(claims)
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
    claims: Vec<i64>,
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
            columns.claims.push(claim(append.expected));
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

/// A claim as the server functions take it.
pub(crate) fn claim(expected: ExpectedVersion) -> i64 {
    match expected {
        ExpectedVersion::Any => -1,
        ExpectedVersion::StreamExists => -2,
        ExpectedVersion::NoStream => 0,
        ExpectedVersion::Exact(version) => stored(version.get()),
    }
}

/// What the server function said of one stream.
struct Answer {
    status: i16,
    version: Option<i64>,
    state: Option<i16>,
    live: Option<i64>,
    position: Option<i64>,
    event_id: Option<Uuid>,
}

impl Answer {
    fn read(row: &PgRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            status: cells.get("status")?,
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
    let answers: Vec<Answer> = rows.iter().map(Answer::read).collect::<Result<_>>()?;
    if answers.len() != commit.appends.len() {
        let reason = format!("{} answers for {} streams", answers.len(), commit.appends.len());
        return Err(Error::adapter(operation, reason));
    }
    let outcome = if answers.iter().all(|answer| answer.status == 0) {
        Outcome::Stored
    } else if answers.iter().all(|answer| answer.status == 3) {
        Outcome::AlreadyStored
    } else {
        let refused = commit.appends.iter().zip(&answers).find(|(_, answer)| answer.status != 6);
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
    Ok(match (answer.status, answer.state) {
        (1, _) => {
            let actual = StreamVersion::try_from(answer.version.unwrap_or_default())?;
            Error::conflict(stream_id, Conflict { expected: append.expected, actual })
        }
        (2, Some(1 | 5)) => Error::stream_archived(stream_id),
        (2, Some(2 | 3)) => Error::stream_deleted(stream_id),
        (2, Some(4)) => Error::mixed_stream(stream_id, true),
        (3 | 4, _) => Error::event_id_conflict(
            stream_id,
            answer.event_id.map(EventId::from_uuid),
            "stored elsewhere, in another order, or only in part",
        ),
        (5, _) => {
            let limit = commit.stream_limit.unwrap_or_default();
            let live = answer.live.unwrap_or_default();
            Error::stream_limit_reached(stream_id, limit, u64::try_from(live).unwrap_or_default())
        }
        (status, state) => Error::adapter(
            operation,
            format!(
                "the answer has status {status} and stream state {state:?}, which this program does not know"
            ),
        ),
    })
}
