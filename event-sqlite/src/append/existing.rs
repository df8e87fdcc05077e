//! The append that most are: one event, to a stream that exists, in one call of the connection's thread.
//!
//! Its script takes the lock, stores the event if nothing stands against it, and commits. It only ever accepts: what it does
//! not store is judged by the batch, which says why. So both have to agree on what is accepted, and the contract suite runs
//! on both.

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::envelope::EventData;
use event_core::{Appended, ExpectedVersion, Outcome, Result, StreamVersion};
use event_sql::queue::APPEND;
use event_sql::rows::{Record, to_i64};
use sqlx::sqlite::SqliteRow;

use crate::error::Failure;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery};
use crate::store::Store;

/// Stores a commit of one event to a stream that exists; `None`: nothing was stored, and the batch has to judge it.
pub(super) async fn append(
    store: &Store,
    commits: &[&Commit],
) -> Result<Option<Appended>, Failure> {
    let [commit] = commits else { return Ok(None) };
    let [append] = commit.appends.as_slice() else { return Ok(None) };
    let ([event], Some(versions), false) =
        (append.events.as_slice(), versions(append.expected), commit.retry)
    else {
        return Ok(None);
    };
    if !store.census.unseen_of(commit).pairs.is_empty() {
        return Ok(None);
    }
    let transaction = store.lock(APPEND).await?;
    let rows = transaction.end(bind(store, (commit, append, event), versions)).await?;
    Ok(rows.first().map(appended).transpose()?)
}

/// The versions of an existing stream that an append expects, from the lowest to the highest; `None` if it expects no stream.
fn versions(expected: ExpectedVersion) -> Option<(i64, i64)> {
    match expected {
        ExpectedVersion::NoStream | ExpectedVersion::Exact(StreamVersion::NONE) => None,
        ExpectedVersion::Any => Some((0, i64::MAX)),
        ExpectedVersion::StreamExists => Some((1, i64::MAX)),
        ExpectedVersion::Exact(version) => {
            let version = to_i64(version.get());
            Some((version, version))
        }
    }
}

fn bind(
    store: &Store,
    (commit, append, event): (&Commit, &StreamAppend, &EventData),
    (lowest, highest): (i64, i64),
) -> SqliteQuery {
    let (position, id) = store.lineage.known().last.unzip();
    sql::APPEND_TO_EXISTING
        .query()
        .bind(commit.tenant.as_str().to_owned())
        .bind(append.stream_id.as_str().to_owned())
        .bind(lowest)
        .bind(highest)
        .bind(commit.stream_limit.map(to_i64))
        .bind(store.now().timestamp_micros())
        .bind(event.id.as_uuid())
        .bind(i64::from(event.version.get()))
        .bind(event.event_type.to_string())
        .bind(event.data.get().to_owned())
        .bind(event.metadata.as_json().to_owned())
        .bind(position)
        .bind(id)
}

fn appended(row: &SqliteRow) -> Result<Appended> {
    let cells = Cells::new(row);
    let row = Record(&cells);
    Ok(Appended {
        stream_version: row.version("version")?,
        position: row.position("position")?,
        outcome: Outcome::Stored,
    })
}
