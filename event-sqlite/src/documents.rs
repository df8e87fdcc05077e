//! The statements that load and write the documents of views.

use std::sync::LazyLock;

use event_core::Result;
use event_core::adapter::{BuildMove, DocumentKey, DocumentWrite};
use event_sql::projector::Move;
use event_sql::rows::to_i64;

use crate::error::Failure;
use crate::pool::Transaction;
use crate::row::Cells;
use crate::sql::{self, Rows, SqliteQuery, Statement, json};

/// So many documents are loaded by one statement.
const LOADED: usize = 4_096;

static PUT_DOCUMENTS: LazyLock<Rows> = LazyLock::new(|| Rows::of(sql::PUT_DOCUMENTS));

/// The statements that load documents.
pub(crate) fn load(
    name: &str,
    build: u32,
    keys: &[DocumentKey],
) -> impl Iterator<Item = Result<SqliteQuery>> {
    keys.chunks(LOADED).map(move |portion| {
        Ok(named(sql::LOAD_DOCUMENTS, name, build).bind(pairs(portion.iter())?))
    })
}

/// A statement about one build: its name and its number come first.
pub(crate) fn named(statement: Statement, name: &str, build: u32) -> SqliteQuery {
    statement.query().bind(name.to_owned()).bind(i64::from(build))
}

/// Keys as JSON.
fn pairs<'k>(keys: impl Iterator<Item = &'k DocumentKey>) -> Result<String> {
    json(&keys.map(|key| (key.tenant.as_str(), key.key.as_str())).collect::<Vec<_>>())
}

/// The key of a build, if its checkpoint could be moved.
pub(crate) async fn enter(
    transaction: &mut Transaction<'_>,
    (name, build): (&str, u32),
    step: BuildMove,
) -> Result<Option<i64>, Failure> {
    let to = Move::to(step.up_to, step.events, step.last);
    let query = named(sql::MOVE_PROJECTION, name, build).bind(to_i64(step.from.get()));
    let query = query.bind(to.up_to).bind(to.events).bind(to.event_id).bind(to.event_position);
    let query = query.bind(to.event_at.map(|at| at.timestamp_micros())).bind(step.is_current);
    if transaction.execute(query).await? == 0 {
        return Ok(None);
    }
    let found = transaction.fetch(named(sql::BUILD_KEY, name, build)).await?;
    Ok(found.first().map(|row| Cells::new(row).get("build_key")).transpose()?)
}

/// Moves the checkpoint of a build and writes its documents; false, and nothing is written, where that is not possible.
pub(crate) async fn write_in(
    transaction: &mut Transaction<'_>,
    write: DocumentWrite,
) -> Result<bool, Failure> {
    let Some(key) = enter(transaction, (write.name, write.build), write.step).await? else {
        return Ok(false);
    };
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for (at, text) in write.documents {
        match text {
            Some(text) => kept.push((at, text)),
            None => gone.push(at),
        }
    }
    for (query, portion) in PUT_DOCUMENTS.portions(&kept) {
        let query = portion.iter().fold(query, |query, (at, text)| {
            let query = query.bind(key).bind(at.tenant.as_str().to_owned());
            query.bind(at.key.clone()).bind(text.clone())
        });
        transaction.execute(query).await?;
    }
    for portion in gone.chunks(LOADED) {
        let query = sql::REMOVE_DOCUMENTS.query().bind(key).bind(pairs(portion.iter())?);
        transaction.execute(query).await?;
    }
    Ok(true)
}
