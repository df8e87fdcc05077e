//! Links: judged and written under the write lock, in a transaction of their own or of the caller's.

use event_core::adapter::append::LinkEvents;
use event_core::adapter::append::judge::{self, StreamHead};
use event_core::{Appended, Error, Outcome, Position, Result, StreamVersion};
use event_sql::rows::{Record, to_i64};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::Failure;
use crate::pool::{Callers, Statements};
use crate::row::{self, Cells};
use crate::sql::{self, json};
use crate::store::Store;
use crate::stream::named;

const OPERATION: &str = "link a stream";

/// Makes a stream refer to existing events.
pub(crate) async fn link(store: &Store, link: &LinkEvents) -> Result<Appended> {
    let query = named(sql::BEGIN_CHANGE, &link.tenant, &link.stream_id);
    let (mut transaction, rows) = store.begin(OPERATION, query).await?;
    let stream = stream(&rows)?;
    let found = find(&mut transaction, link, stream.map(|(key, _)| key)).await?;
    let positions = match judge(link, stream.map(|(_, head)| head), &found) {
        Ok(Verdict::Write(positions)) => positions,
        Ok(Verdict::AlreadyLinked(first)) => {
            transaction.rollback().await;
            store.pool.prove(OPERATION).await?;
            return Ok(first);
        }
        Err(refusal) => {
            transaction.rollback().await;
            return Err(refusal);
        }
    };
    let linked = write(store, &mut transaction, link, (stream, &positions)).await?;
    transaction.commit().await?;
    Ok(linked)
}

/// Links in the caller's transaction; see [`SqliteAdapter::link_in`](crate::SqliteAdapter::link_in).
pub(crate) async fn link_in(
    store: &Store,
    connection: &mut SqliteConnection,
    link: &LinkEvents,
) -> Result<Appended> {
    store.pool.check_file(OPERATION, connection).await?;
    let mut transaction = Callers { connection, pool: &store.pool, operation: OPERATION };
    // What is read below is what the lock protects.
    transaction.execute(sql::TAKE_LOCK.query()).await?;
    let rows = transaction.fetch(named(sql::STREAM_INFO, &link.tenant, &link.stream_id)).await?;
    let stream = stream(&rows)?;
    let found = find(&mut transaction, link, stream.map(|(key, _)| key)).await?;
    match judge(link, stream.map(|(_, head)| head), &found)? {
        Verdict::AlreadyLinked(first) => Ok(first),
        Verdict::Write(positions) => {
            Ok(write(store, &mut transaction, link, (stream, &positions)).await?)
        }
    }
}

/// The key of a stream, and where it stands.
fn stream(rows: &[SqliteRow]) -> Result<Option<(i64, StreamHead)>> {
    let stream = rows.first().map(|row| {
        let key: i64 = Cells::new(row).get("stream_key")?;
        Ok::<_, Error>((key, StreamHead::of(&row::info(row)?)))
    });
    stream.transpose()
}

/// Writes the links, and the stream if it does not exist.
async fn write(
    store: &Store,
    transaction: &mut impl Statements,
    link: &LinkEvents,
    (stream, positions): (Option<(i64, StreamHead)>, &[Position]),
) -> Result<Appended, Failure> {
    let (key, before) = if let Some((key, head)) = stream {
        (key, head.version)
    } else {
        let now = store.now().timestamp_micros();
        (create(transaction, link, now).await?, StreamVersion::NONE)
    };
    let version = StreamVersion::new(before.get().saturating_add(positions.len() as u64));
    let numbers: Vec<u64> = positions.iter().map(|position| position.get()).collect();
    let links = sql::INSERT_LINKS.query().bind(key).bind(to_i64(before.get()));
    transaction.execute(links.bind(json(&numbers)?)).await?;
    transaction.execute(sql::SET_VERSION.query().bind(key).bind(to_i64(version.get()))).await?;
    let position = positions.last().copied().unwrap_or(Position::START);
    Ok(Appended { stream_version: version, position, outcome: Outcome::Stored })
}

/// An event that is to be linked, as the file has it.
struct Found {
    position: Option<Position>,
    /// The number under which the stream links to it already.
    version: Option<StreamVersion>,
}

async fn find(
    transaction: &mut impl Statements,
    link: &LinkEvents,
    key: Option<i64>,
) -> Result<Vec<Found>, Failure> {
    let ids: Vec<String> =
        link.event_ids.iter().map(|id| id.as_uuid().simple().to_string()).collect();
    let query =
        sql::FIND_LINKED.query().bind(link.tenant.as_str().to_owned()).bind(json(&ids)?).bind(key);
    let rows = transaction.fetch(query).await?;
    let found = rows.iter().map(|row| {
        let cells = Cells::new(row);
        let row = Record(&cells);
        Ok(Found {
            position: row.optional("position", Record::position)?,
            version: row.optional("version", Record::version)?,
        })
    });
    Ok(found.collect::<Result<_>>()?)
}

enum Verdict {
    /// The first answer, as all of them are linked already.
    AlreadyLinked(Appended),
    Write(Vec<Position>),
}

/// Judges, in this order: links that exist already, the stream's state, the claim, events that are missing, the limit.
fn judge(link: &LinkEvents, head: Option<StreamHead>, found: &[Found]) -> Result<Verdict> {
    let ids = || link.event_ids.iter().zip(found);
    let known: Vec<_> =
        ids().filter_map(|(id, it)| Some((*id, it.version?, it.position?))).collect();
    if let Some(first) = judge::already_linked(link, &known)? {
        return Ok(Verdict::AlreadyLinked(first));
    }
    StreamHead::link(head.as_ref(), link)?;
    let positions: Vec<Position> = found.iter().filter_map(|it| it.position).collect();
    if positions.len() < found.len() {
        let missing = ids().filter(|(_, it)| it.position.is_none()).map(|(id, _)| *id).collect();
        return Err(Error::events_not_found(link.stream_id.clone(), missing));
    }
    let head = head.unwrap_or(StreamHead::NONE);
    head.check_limit(&link.stream_id, positions.len(), link.stream_limit)?;
    Ok(Verdict::Write(positions))
}

/// Creates a stream of links. Its tenant exists, since its events do.
async fn create(
    transaction: &mut impl Statements,
    link: &LinkEvents,
    now: i64,
) -> Result<i64, Failure> {
    let category = || link.stream_id.category().to_owned();
    transaction.execute(sql::PUT_CATEGORIES.query().bind(json(&[category()])?)).await?;
    let query = sql::INSERT_LINK_STREAM
        .query()
        .bind(link.tenant.as_str().to_owned())
        .bind(link.stream_id.as_str().to_owned())
        .bind(category())
        .bind(now);
    let rows = transaction.fetch(query).await?;
    match rows.first() {
        Some(row) => Ok(Cells::new(row).first()?),
        None => Err(Error::adapter(OPERATION, "a new stream got no key").into()),
    }
}
