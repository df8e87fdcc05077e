//! The append: commits of several writers in one transaction, each judged on its own, in order, under the write lock.
//!
//! One event to a stream that exists is stored by a script of its own (`existing.rs`), if nothing stands against it.
//! Otherwise one statement takes the lock and reads what the judging needs; a few write what was accepted and commit. Ids are
//! looked up for a retry, before a refusal, and once an id turns out to be in use: then everything that was written is
//! undone, and the batch judged again with every id looked up first.

mod batch;
mod callers;
mod existing;
mod write;

use std::collections::HashMap;

use event_core::adapter::append::judge::{self, KnownEvent};
use event_core::adapter::append::{Commit, StreamAppend};
use event_core::adapter::{AfterCommit, WantingModels};
use event_core::{Appended, Error, EventId, Position, Result, StreamVersion};
use event_sql::inline::Wanting;
use event_sql::queue::{APPEND, Answer};
use event_sql::rows::Record;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use self::batch::Batch;
pub(crate) use self::callers::append_in;
use crate::epoch;
use crate::error::Failure;
use crate::pool::{Statements, Transaction};
use crate::row::Cells;
use crate::sql::{self, json};
use crate::store::Store;
use crate::{inline, inline_models};

/// Stores the commits of a batch, each on its own terms; the answers in its order. `None` is for a commit with an id of
/// another that was stored just now: it has to be stored alone.
pub(crate) async fn batch(
    store: &Store,
    commits: &[&Commit],
) -> Result<Vec<Option<Answer>>, Failure> {
    let ids = match existing::append(store, commits).await {
        Ok(Some(appended)) => return Ok(vec![Some(Ok(vec![appended]))]),
        Ok(None) if commits.iter().all(|it| !it.retry) => Ids::AssumedNew,
        Ok(None) | Err(Failure::IdTaken) => Ids::LookedUp,
        Err(failure) => return Err(failure),
    };
    match attempt(store, commits, ids).await {
        Err(Failure::IdTaken) if ids == Ids::AssumedNew => {
            attempt(store, commits, Ids::LookedUp).await
        }
        answers => answers,
    }
}

/// Stores one commit.
pub(crate) async fn commit(store: &Store, commit: &Commit) -> Answer {
    let answers = batch(store, &[commit]).await?;
    answers.into_iter().next().flatten().unwrap_or_else(|| Err(repeated_id()))
}

/// Stores a commit together with the read models that want it.
pub(crate) async fn commit_inline(
    store: &Store,
    (inline, models): (Option<&Wanting<'_, SqliteConnection>>, Option<WantingModels>),
    commit: &Commit,
) -> Result<(Vec<Appended>, Vec<AfterCommit>)> {
    let (mut transaction, mut batch) = begin(store, &[commit]).await?;
    let known = look_up(&mut transaction, &batch, &[commit]).await?;
    let answers = match batch.judge(commit, &known) {
        Some(Ok(answers)) if !batch.is_empty() => answers,
        answer => {
            transaction.rollback().await;
            store.pool.prove(APPEND).await?;
            let answers = answer.unwrap_or_else(|| Err(repeated_id()))?;
            return Ok((answers, Vec::new()));
        }
    };
    if let Some(inline) = inline
        && let Err(error) = inline::apply(store, &mut transaction, inline, commit, &answers).await
    {
        transaction.rollback().await;
        return Err(error);
    }
    let Some(models) = models else {
        write::all(store, transaction, batch).await?;
        return Ok((answers, Vec::new()));
    };
    let written = async {
        let unseen = write::without_commit(store, &mut transaction, batch).await?;
        let after = inline_models::apply(store, &mut transaction, models, &answers).await?;
        Ok::<_, Error>((unseen, after))
    };
    match written.await {
        Ok((unseen, after)) => {
            transaction.commit().await?;
            store.census.recorded(unseen);
            Ok((answers, after))
        }
        Err(error) => {
            transaction.rollback().await;
            Err(error)
        }
    }
}

/// Whether the ids of a batch are looked up before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// They are new, as almost always; one that is not fails the transaction.
    AssumedNew,
    /// They may be stored already.
    LookedUp,
}

async fn attempt(
    store: &Store,
    commits: &[&Commit],
    ids: Ids,
) -> Result<Vec<Option<Answer>>, Failure> {
    let (mut transaction, mut batch) = begin(store, commits).await?;
    let known = match ids {
        Ids::LookedUp => look_up(&mut transaction, &batch, commits).await?,
        Ids::AssumedNew => KnownIds::new(),
    };
    let mut answers: Vec<_> = commits.iter().map(|commit| batch.judge(commit, &known)).collect();
    if ids == Ids::AssumedNew {
        let is_refused = |answer: &Option<Answer>| matches!(answer, Some(Err(_)));
        let refused: Vec<_> =
            commits.iter().zip(&answers).filter(|(_, a)| is_refused(a)).map(|(c, _)| *c).collect();
        let known = look_up(&mut transaction, &batch, &refused).await?;
        for (commit, answer) in commits.iter().zip(&mut answers).filter(|(_, a)| is_refused(a)) {
            if let Some(first) = batch.already_stored(commit, &known).transpose() {
                *answer = Some(first);
            }
        }
    }
    if batch.is_empty() {
        transaction.rollback().await;
        // An answer that an append is stored already is as good as the file.
        store.pool.prove(APPEND).await?;
    } else {
        write::all(store, transaction, batch).await?;
    }
    Ok(answers)
}

/// Takes the write lock and reads the streams of the commits.
async fn begin<'s, 'b>(
    store: &'s Store,
    commits: &[&'b Commit],
) -> Result<(Transaction<'s>, Batch<'b>), Failure> {
    let mut batch = Batch::of(commits);
    let names = batch.names()?;
    loop {
        let known = store.lineage.known();
        let (position, id) = known.last.unzip();
        let query = sql::BEGIN_APPEND.query().bind(names.clone()).bind(position).bind(id);
        let (transaction, rows) = store.begin(APPEND, query).await?;
        let is_same = rows.first().map(|row| Cells::new(row).get::<bool>("is_same")).transpose()?;
        if is_same == Some(false) {
            // What is kept in memory, such as the census, is of another log.
            transaction.rollback().await;
            epoch::turn(store, &known).await?;
            continue;
        }
        batch.read(&rows)?;
        return Ok((transaction, batch));
    }
}

/// Where the ids of a tenant, by its key, are stored.
type KnownIds = HashMap<(i64, EventId), Location>;

/// Where an event is stored.
#[derive(Debug, Clone, Copy)]
struct Location {
    stream_key: i64,
    version: StreamVersion,
    position: Position,
}

/// Looks up the ids of commits.
async fn look_up(
    transaction: &mut impl Statements,
    batch: &Batch<'_>,
    commits: &[&Commit],
) -> Result<KnownIds, Failure> {
    let mut asked = Vec::new();
    for commit in commits {
        // A tenant without a key has stored nothing.
        let Some(key) = batch.tenant_key(commit) else { continue };
        let events = commit.appends.iter().flat_map(|append| &append.events);
        asked.extend(events.map(|event| (key, event.id)));
    }
    if asked.is_empty() {
        return Ok(KnownIds::new());
    }
    let pairs: Vec<_> =
        asked.iter().map(|(key, id)| (key, id.as_uuid().simple().to_string())).collect();
    let rows = transaction.fetch(sql::KNOWN_EVENTS.query().bind(json(&pairs)?)).await?;
    let mut ids = KnownIds::new();
    for row in &rows {
        let at = usize::try_from(Cells::new(row).get::<i64>("event")?).ok();
        let Some(asked) = at.and_then(|at| asked.get(at)) else {
            return Err(Error::adapter(APPEND, "an answer to no event id of the commit").into());
        };
        ids.insert(*asked, Location::read(row)?);
    }
    Ok(ids)
}

impl Location {
    fn read(row: &SqliteRow) -> Result<Self> {
        let cells = Cells::new(row);
        let row = Record(&cells);
        Ok(Self {
            stream_key: row.number("stream_key")?,
            version: row.version("version")?,
            position: row.position("position")?,
        })
    }
}

impl Batch<'_> {
    /// The first answer to a commit whose ids are stored already.
    fn already_stored(&self, commit: &Commit, known: &KnownIds) -> Result<Option<Vec<Appended>>> {
        let Some(tenant) = self.tenant_key(commit) else { return Ok(None) };
        let find = |append: &StreamAppend, id| {
            let found = known.get(&(tenant, id))?;
            let in_stream = self.stream_key(commit, append) == Some(found.stream_key);
            Some(KnownEvent { in_stream, stream_version: found.version, position: found.position })
        };
        judge::already_stored(&commit.appends, find)
    }
}

fn repeated_id() -> Error {
    Error::adapter(APPEND, "the commit repeats an event id")
}
