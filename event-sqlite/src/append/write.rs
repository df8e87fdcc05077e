//! Writes the accepted commits of a batch.

use std::collections::HashMap;

use event_core::{Error, Result};
use event_sql::census::Unseen;
use event_sql::queue::APPEND;
use event_sql::rows::to_i64;

use super::batch::{Accepted, Batch, Stream};
use crate::census;
use crate::error::Failure;
use crate::pool::{Statements, Transaction};
use crate::row::Cells;
use crate::sql::{self, SqliteQuery, Statement};
use crate::store::Store;

/// Writes a batch and commits.
pub(super) async fn all(
    store: &Store,
    mut transaction: Transaction<'_>,
    mut batch: Batch<'_>,
) -> Result<(), Failure> {
    let now = store.now().timestamp_micros();
    let unseen = prepare(store, &mut transaction, &mut batch).await?;
    rows(transaction, &batch, now).await?;
    store.census.recorded(unseen);
    Ok(())
}

/// Writes a batch without committing; what is new to the census is returned, and noted after the commit.
pub(super) async fn without_commit(
    store: &Store,
    transaction: &mut impl Statements,
    mut batch: Batch<'_>,
) -> Result<Unseen, Failure> {
    let now = store.now().timestamp_micros();
    let unseen = prepare(store, transaction, &mut batch).await?;
    let events: Vec<Event<'_>> =
        batch.events.iter().map(|event| Event::of(event, &batch.streams)).collect::<Result<_>>()?;
    insert_all(transaction, &batch, &events, now).await?;
    Ok(unseen)
}

/// Writes what the rows of a batch refer to.
async fn prepare(
    store: &Store,
    transaction: &mut impl Statements,
    batch: &mut Batch<'_>,
) -> Result<Unseen, Failure> {
    assign_keys(transaction, batch).await?;
    let pairs = batch.events.iter().map(|it| (&*it.event.event_type, it.event.version));
    let unseen = store.census.unseen(pairs);
    if !unseen.pairs.is_empty() {
        transaction.execute(census::query(&unseen.pairs)?).await?;
    }
    Ok(unseen)
}

async fn rows(
    mut transaction: Transaction<'_>,
    batch: &Batch<'_>,
    now: i64,
) -> Result<(), Failure> {
    let events: Vec<Event<'_>> =
        batch.events.iter().map(|event| Event::of(event, &batch.streams)).collect::<Result<_>>()?;
    let changed: Vec<&Stream<'_>> =
        batch.streams.iter().filter(|stream| stream.is_changed).collect();
    if let ([event], [stream]) = (events.as_slice(), changed.as_slice()) {
        let query = event.bind_to(sql::APPEND_ONE.query(), now);
        return transaction.end(bind_stream(query, stream, now)?).await.map(drop);
    }
    if let Err(failure) = insert_all(&mut transaction, batch, &events, now).await {
        if matches!(failure, Failure::IdTaken) {
            transaction.rollback().await;
        }
        return Err(failure);
    }
    transaction.commit().await
}

async fn insert_all(
    transaction: &mut impl Statements,
    batch: &Batch<'_>,
    events: &[Event<'_>],
    now: i64,
) -> Result<(), Failure> {
    let changed: Vec<&Stream<'_>> =
        batch.streams.iter().filter(|stream| stream.is_changed).collect();
    for (query, portion) in sql::INSERT_EVENTS.portions(events) {
        let query = portion.iter().fold(query, |query, event| event.bind_to(query, now));
        transaction.execute(query).await?;
    }
    for (query, portion) in sql::PUT_STREAMS.portions(&changed) {
        let query = portion.iter().try_fold(query, |query, stream| bind_stream(query, stream, now));
        transaction.execute(query?).await?;
    }
    Ok(())
}

/// Assigns keys to streams, tenants and categories that are new.
async fn assign_keys(
    transaction: &mut impl Statements,
    batch: &mut Batch<'_>,
) -> Result<(), Failure> {
    let mut tenants = HashMap::new();
    let mut categories = HashMap::new();
    for stream in batch.streams.iter_mut().filter(|stream| stream.is_changed) {
        if stream.tenant_key.is_none() {
            let name = stream.tenant.as_str();
            stream.tenant_key = Some(match tenants.get(name) {
                Some(key) => *key,
                None => insert(transaction, sql::INSERT_TENANT, name).await?,
            });
            tenants.extend(stream.tenant_key.map(|key| (name, key)));
        }
        if stream.category_key.is_none() {
            let name = stream.name.category();
            stream.category_key = Some(match categories.get(name) {
                Some(key) => *key,
                None => insert(transaction, sql::INSERT_CATEGORY, name).await?,
            });
            categories.extend(stream.category_key.map(|key| (name, key)));
        }
        if stream.key.is_none() {
            batch.last_stream = batch.last_stream.saturating_add(1);
            stream.key = Some(batch.last_stream);
        }
    }
    Ok(())
}

async fn insert(
    transaction: &mut impl Statements,
    statement: Statement,
    name: &str,
) -> Result<i64, Failure> {
    let rows = transaction.fetch(statement.query().bind(name.to_owned())).await?;
    match rows.first() {
        Some(row) => Ok(Cells::new(row).first()?),
        None => Err(Error::adapter(APPEND, "a new name got no key").into()),
    }
}

/// An event with the keys of its stream.
struct Event<'b> {
    accepted: &'b Accepted<'b>,
    keys: [i64; 3],
}

impl<'b> Event<'b> {
    fn of(accepted: &'b Accepted<'b>, streams: &[Stream<'_>]) -> Result<Self> {
        let keys = streams.get(accepted.stream).and_then(keys).ok_or_else(without_keys)?;
        Ok(Self { accepted, keys })
    }

    fn bind_to(&self, query: SqliteQuery, now: i64) -> SqliteQuery {
        let [stream, tenant, category] = self.keys;
        let Accepted { version, position, event, .. } = *self.accepted;
        query
            .bind(to_i64(position.get()))
            .bind(stream)
            .bind(to_i64(version.get()))
            .bind(now)
            .bind(event.id.as_uuid())
            .bind(tenant)
            .bind(category)
            .bind(i64::from(event.version.get()))
            .bind(event.event_type.to_string())
            .bind(event.data.get().to_owned())
            .bind(event.metadata.as_json().to_owned())
    }
}

fn bind_stream(query: SqliteQuery, stream: &Stream<'_>, now: i64) -> Result<SqliteQuery> {
    let [key, tenant, category] = keys(stream).ok_or_else(without_keys)?;
    Ok(query
        .bind(key)
        .bind(tenant)
        .bind(stream.name.as_str().to_owned())
        .bind(category)
        .bind(to_i64(stream.head.version.get()))
        .bind(now))
}

fn keys(stream: &Stream<'_>) -> Option<[i64; 3]> {
    Some([stream.key?, stream.tenant_key?, stream.category_key?])
}

fn without_keys() -> Error {
    Error::adapter(APPEND, "an accepted append has no keys")
}
