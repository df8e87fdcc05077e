//! The append: any expected version, any size, one or many streams, in one call of a server function.
//!
//! The events are sent as arrays, one element per event, so the statement's text never changes. The function returns a
//! status per stream; only an id that is in use comes as an error, and then the same call looks the ids up first and
//! returns what is stored.

mod answer;
mod columns;
pub(crate) mod transaction;
mod waits;

use std::collections::HashSet;
use std::time::Duration;

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Error, Result};
use event_sql::queue::APPEND;
use event_sql::rows::{to_i32, to_i64};

pub(crate) use self::answer::Refused;
use self::answer::answers;
use self::columns::{EventColumns, StreamColumns};
pub(crate) use self::waits::{commit, take_turn};
use crate::error::Failure;
use crate::expected::expected_number;
use crate::lineage::Started;
use crate::sequences::on_sound;
use crate::sql::{PgQuery, Statement, Statements};
use crate::store::Store;

const APPEND_MANY: &str = "append to several streams";

/// Whether a call looks up the ids of its events before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// They are new, as almost always; one that is not fails the call.
    AssumedNew,
    /// They may be stored already: by a retry, or because the first call failed.
    LookedUp,
}

/// Stores a commit; the answers in its order. `None` if another transaction has had one of the streams locked for as long
/// as `wait`, and nothing is stored.
pub(crate) async fn commit_within(
    store: &Store,
    commit: &Commit,
    wait: Duration,
) -> Result<Option<Vec<Appended>>> {
    let sql = &store.sql;
    let mut ids = if commit.retry { Ids::LookedUp } else { Ids::AssumedNew };
    // An id in use needs a second call; a third only when the ids of that one are being committed meanwhile.
    for _ in 0..3 {
        let operation = match commit.appends.as_slice() {
            [] => return Ok(Some(Vec::new())),
            [append] if !append.is_claim() => APPEND,
            _ => APPEND_MANY,
        };
        let query = |started| {
            let query = match commit.appends.as_slice() {
                [append] if !append.is_claim() => {
                    one([&sql.append_event, &sql.append_one], commit, append, ids)
                }
                _ => many(&sql.append_many, commit, ids),
            };
            query.bind(started).bind(format!("{}ms", wait.as_millis().max(1)))
        };
        match on_sound(store, operation, &[commit], query).await {
            Ok(rows) => return answers(commit, operation, &rows).map(Some),
            Err(Failure::Blocked(_)) => return Ok(None),
            Err(Failure::IdTaken) => ids = Ids::LookedUp,
            Err(failure) => return Err(failure.into()),
        }
    }
    let stream_id = commit.appends.first().map(|append| append.stream_id.clone());
    Err(match stream_id {
        Some(stream_id) => Error::event_id_conflict(
            stream_id,
            None,
            "other writers are storing them at the same moment",
        ),
        None => Error::adapter(APPEND, "the commit is empty"),
    })
}

/// The call for one stream; of its statements the first takes one event, the second several.
fn one<'q>(
    [single, several]: [&Statement; 2],
    commit: &Commit,
    append: &StreamAppend,
    ids: Ids,
) -> PgQuery<'q> {
    let statement = if append.events.len() == 1 { single } else { several };
    let query = statement
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(append.stream_id.as_str().to_owned())
        .bind(append.stream_id.category().to_owned())
        .bind(expected_number(append.expected))
        .bind(commit.stream_limit.map(to_i64))
        .bind(ids == Ids::LookedUp);
    match append.events.as_slice() {
        [event] => query
            .bind(event.id.as_uuid())
            .bind(event.event_type.to_string())
            .bind(to_i32(event.version.get()))
            .bind(event.data.get().to_owned())
            .bind(event.metadata.as_json().to_owned()),
        events => EventColumns::of(events.iter()).bind_to(query),
    }
}

/// The call for several streams, all or nothing.
fn many<'q>(statement: &Statement, commit: &Commit, ids: Ids) -> PgQuery<'q> {
    let appends = || commit.appends.iter();
    let StreamColumns { streams, categories, expected, sizes, of_events } =
        StreamColumns::of(appends());
    let query = statement
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(streams)
        .bind(categories)
        .bind(expected)
        .bind(sizes)
        .bind(commit.stream_limit.map(to_i64))
        .bind(ids == Ids::LookedUp)
        .bind(of_events);
    EventColumns::of(appends().flat_map(|append| &append.events)).bind_to(query)
}

/// The call for appends of several writers, each on its own terms.
pub(crate) fn batch(
    sql: &Statements,
    requests: &[(&Commit, &StreamAppend)],
    started: Started,
) -> PgQuery<'static> {
    let appends = || requests.iter().map(|(_, append)| *append);
    let tenants: Vec<&str> = requests.iter().map(|(commit, _)| commit.tenant.as_str()).collect();
    let limits: Vec<Option<i64>> =
        requests.iter().map(|(commit, _)| commit.stream_limit.map(to_i64)).collect();
    let StreamColumns { streams, categories, expected, sizes, of_events } =
        StreamColumns::of(appends());
    // For each event its number in its append, from 1.
    let numbers: Vec<i32> = appends().flat_map(|append| (1..).take(append.events.len())).collect();
    // Judging in order costs more than judging all at once.
    let mut seen = HashSet::new();
    let distinct =
        requests.iter().all(|(commit, append)| seen.insert((&commit.tenant, &append.stream_id)));
    let statement = if distinct { &sql.append_batch } else { &sql.append_together };
    let query = statement
        .query()
        .bind(tenants)
        .bind(streams)
        .bind(categories)
        .bind(expected)
        .bind(sizes)
        .bind(limits)
        .bind(of_events)
        .bind(numbers);
    EventColumns::of(appends().flat_map(|append| &append.events)).bind_to(query).bind(started)
}
