//! The append: commits of several writers in one transaction, each judged alone, in order, under the write lock.
//!
//! One statement takes the lock and reads what the judging needs, a few write what was accepted and commit. Ids are
//! looked up for a retry, before a refusal, and once an id turns out to be in use: then all that was written is undone,
//! and the batch judged again with every id looked up first.

mod batch;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::{Appended, Error, EventId, Position, Result, StreamVersion, serde_json};
pub(crate) use event_sql::rows::column as stored;
use sqlx::sqlite::SqliteRow;

use self::batch::Batch;
use crate::census::Census;
use crate::error::Failure;
use crate::inline::{self, Registered};
use crate::pool::{Pool, Transaction};
use crate::row::Cells;
use crate::sql;
use event_core::adapter::append::judge::{self, KnownEvent};

pub(crate) const OPERATION: &str = "append to a stream";

/// The answer to one commit.
pub(crate) use event_sql::queue::Answer as Verdict;

/// Stores what can be stored of a batch; the verdicts in its order. `None` is for a commit with an id of another that
/// was stored just now: it is to be asked again.
pub(crate) async fn store(
    pool: &Pool,
    census: &Census,
    commits: &[&Commit],
) -> Result<Vec<Option<Verdict>>, Failure> {
    let check = commits.iter().any(|commit| commit.retry);
    match attempt(pool, census, commits, check).await {
        Err(Failure::IdTaken) if !check => attempt(pool, census, commits, true).await,
        verdicts => verdicts,
    }
}

/// Stores a commit with the read models that are about it, or nothing of both.
pub(crate) async fn store_inline(
    pool: &Pool,
    census: &Census,
    inline: &[&Arc<dyn Registered>],
    commit: &Commit,
) -> Verdict {
    let commits = [commit];
    let mut batch = Batch::of(&commits);
    let query = sql::BEGIN_APPEND.query().bind(batch.asked()?);
    let (mut transaction, rows) = pool.begin(OPERATION, query).await?;
    batch.read(&rows)?;
    let known = look_up(&mut transaction, &batch, &commits).await?;
    let verdict = batch.judge(commit, &known);
    let answers = match verdict {
        Some(Ok(answers)) if !batch.is_empty() => answers,
        verdict => {
            transaction.rollback().await?;
            return verdict.unwrap_or_else(|| {
                Err(Error::adapter(OPERATION, "the commit repeats an event id"))
            });
        }
    };
    if let Err(error) = inline::apply(pool, &mut transaction, inline, commit, &answers).await {
        transaction.rollback().await?;
        return Err(error);
    }
    write::all(transaction, census, batch, pool.clock().now()).await?;
    Ok(answers)
}

async fn attempt(
    pool: &Pool,
    census: &Census,
    commits: &[&Commit],
    check: bool,
) -> Result<Vec<Option<Verdict>>, Failure> {
    let mut batch = Batch::of(commits);
    let query = sql::BEGIN_APPEND.query().bind(batch.asked()?);
    let (mut transaction, rows) = pool.begin(OPERATION, query).await?;
    batch.read(&rows)?;
    let known = if check { look_up(&mut transaction, &batch, commits).await? } else { Ids::new() };
    let mut verdicts: Vec<_> = commits.iter().map(|commit| batch.judge(commit, &known)).collect();
    if !check {
        let is_refused = |verdict: &Option<Verdict>| matches!(verdict, Some(Err(_)));
        let refused: Vec<_> =
            commits.iter().zip(&verdicts).filter(|(_, v)| is_refused(v)).map(|(c, _)| *c).collect();
        let known = look_up(&mut transaction, &batch, &refused).await?;
        for (commit, verdict) in commits.iter().zip(&mut verdicts).filter(|(_, v)| is_refused(v)) {
            if let Some(first) = batch.already_stored(commit, &known).transpose() {
                *verdict = Some(first);
            }
        }
    }
    if batch.is_empty() {
        transaction.rollback().await?;
    } else {
        write::all(transaction, census, batch, pool.clock().now()).await?;
    }
    Ok(verdicts)
}

/// Where the ids of a tenant, by its key, are stored.
type Ids = HashMap<(i64, EventId), Location>;

/// Where an event is stored.
#[derive(Debug, Clone, Copy)]
struct Location {
    stream_key: i64,
    version: StreamVersion,
    position: Position,
}

/// Looks up the ids of commits.
async fn look_up(
    transaction: &mut Transaction<'_>,
    batch: &Batch<'_>,
    commits: &[&Commit],
) -> Result<Ids, Failure> {
    let mut asked = Vec::new();
    for commit in commits {
        // A tenant without a key has stored nothing.
        let Some(key) = batch.tenant_key(commit) else { continue };
        let events = commit.appends.iter().flat_map(|append| &append.events);
        asked.extend(events.map(|event| (key, event.id)));
    }
    if asked.is_empty() {
        return Ok(Ids::new());
    }
    let pairs: Vec<_> =
        asked.iter().map(|(key, id)| (key, id.as_uuid().simple().to_string())).collect();
    let rows = transaction.fetch(sql::KNOWN_EVENTS.query().bind(json(&pairs)?)).await?;
    let mut ids = Ids::new();
    for row in &rows {
        let cells = Cells::new(row);
        let at = usize::try_from(cells.get::<i64>("event")?).ok();
        let Some(asked) = at.and_then(|at| asked.get(at)) else {
            return Err(Error::adapter(OPERATION, "an answer to no event id of the commit").into());
        };
        ids.insert(*asked, Location::read(row)?);
    }
    Ok(ids)
}

impl Location {
    fn read(row: &SqliteRow) -> Result<Self> {
        let cells = Cells::new(row);
        Ok(Self {
            stream_key: cells.get("stream_key")?,
            version: StreamVersion::try_from(cells.get::<i64>("version")?)?,
            position: Position::try_from(cells.get::<i64>("position")?)?,
        })
    }
}

impl Batch<'_> {
    /// The first answer to a commit whose ids are known.
    fn already_stored(&self, commit: &Commit, known: &Ids) -> Result<Option<Vec<Appended>>> {
        let Some(tenant) = self.tenant_key(commit) else { return Ok(None) };
        let find = |append: &StreamAppend, id| {
            let place = known.get(&(tenant, id))?;
            let in_stream = self.stream_key(commit, append) == Some(place.stream_key);
            Some(KnownEvent { in_stream, stream_version: place.version, position: place.position })
        };
        judge::already_stored(&commit.appends, find)
    }
}

/// A list as SQLite's `json_each` takes it.
pub(crate) fn json(list: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(list).map_err(|error| Error::adapter(OPERATION, error))
}
