//! Import: a batch of another store's, judged by the core and written under the write lock.

use std::collections::{BTreeSet, HashMap};

use event_core::adapter::import::judge::{self, Found, FoundLink, StreamKey, Target};
use event_core::adapter::import::{ImportBatch, Imported, ImportedLink, Positions};
use event_core::registry::SeenVersions;
use event_core::{Error, Position, RecordedEvent, Result, StreamInfo, StreamVersion};
use event_sql::rows::state_name;

use crate::append::{json, stored};
use crate::error::Failure;
use crate::pool::{Pool, Transaction};
use crate::row::{self, Cells};
use crate::{census, sql};

const OPERATION: &str = "import";

/// Stores a batch.
pub(crate) async fn import(pool: &Pool, batch: &ImportBatch) -> Result<Imported> {
    let (mut transaction, _) = pool.begin(OPERATION, sql::BEGIN.query()).await?;
    let imported = match batch {
        ImportBatch::Streams(lines) => streams(&mut transaction, lines).await,
        ImportBatch::Events { positions, events: batch } => {
            events(&mut transaction, *positions, batch).await
        }
        ImportBatch::Links(batch) => links(&mut transaction, batch).await,
    };
    match imported {
        Ok(imported) => {
            transaction.commit().await?;
            Ok(imported)
        }
        Err(failure) => {
            transaction.rollback().await?;
            Err(failure.into())
        }
    }
}

async fn streams(
    transaction: &mut Transaction<'_>,
    lines: &[StreamInfo],
) -> Result<Imported, Failure> {
    let there =
        there(transaction, lines.iter().map(|it| (it.tenant.as_str(), it.stream_id.as_str())))
            .await?;
    let there = there.into_values().map(|it| it.target.info);
    put(transaction, &judge::streams(lines, there)?).await?;
    Ok(Imported::default())
}

async fn events(
    transaction: &mut Transaction<'_>,
    positions: Positions,
    batch: &[RecordedEvent],
) -> Result<Imported, Failure> {
    let names = || batch.iter().map(|it| (it.tenant().as_str(), it.stream_id().as_str()));
    let streams = there(transaction, names()).await?;
    let found = Found {
        streams: streams.into_iter().map(|(key, it)| (key, it.target)).collect(),
        ids: known(transaction, batch).await?,
        last_position: last_position(transaction).await?,
    };
    let mut last = found.last_position;
    let accepted = judge::events(positions, batch, found)?;
    put(transaction, &accepted.streams).await?;
    let streams = there(transaction, names()).await?;
    let mut rows = Vec::with_capacity(accepted.events.len());
    for event in &accepted.events {
        last = match positions {
            Positions::Keep => event.position(),
            Positions::Assign => Position::new(last.get().saturating_add(1)),
        };
        let key = (event.tenant().clone(), event.stream_id().clone());
        let keys = streams.get(&key).map(|it| it.keys);
        rows.push((*event, last, keys.ok_or_else(without_key)?));
    }
    let pairs = accepted.events.iter().map(|it| (it.event_type(), it.event_version()));
    let pairs = SeenVersions::default().unseen(pairs);
    transaction.execute(census::record(&pairs)?).await?;
    for (query, portion) in sql::INSERT_EVENTS.portions(&rows) {
        let query = portion.iter().fold(query, |query, (event, position, keys)| {
            let [stream, tenant, category] = *keys;
            query
                .bind(stored(position.get()))
                .bind(stream)
                .bind(stored(event.stream_version().get()))
                .bind(event.recorded_at().timestamp_micros())
                .bind(event.event_id().as_uuid())
                .bind(tenant)
                .bind(category)
                .bind(i64::from(event.event_version().get()))
                .bind(event.event_type().to_owned())
                .bind(event.data().get().to_owned())
                .bind(event.metadata().as_json().to_owned())
        });
        transaction.execute(query).await?;
    }
    let stored = rows.len() as u64;
    Ok(Imported { stored, skipped: batch.len() as u64 - stored })
}

async fn links(
    transaction: &mut Transaction<'_>,
    batch: &[ImportedLink],
) -> Result<Imported, Failure> {
    let names = batch.iter().map(|it| (it.tenant.as_str(), it.stream_id.as_str()));
    let streams = there(transaction, names).await?;
    let stream = |link: &ImportedLink| streams.get(&(link.tenant.clone(), link.stream_id.clone()));
    let key = |link: &ImportedLink| stream(link).map(|it| it.keys[0]);
    let asked = batch.iter().map(|link| {
        let id = link.event_id.as_uuid().simple().to_string();
        (key(link), link.tenant.as_str(), stored(link.stream_version.get()), id)
    });
    let query = sql::IMPORT_FIND_LINKS.query().bind(json(&asked.collect::<Vec<_>>())?);
    let rows = transaction.fetch(query).await?;
    let found = rows.iter().zip(batch).map(|(row, link)| {
        let cells = Cells::new(row);
        let number = |column| cells.get::<Option<i64>>(column);
        Ok(FoundLink {
            stream: stream(link).map(|it| it.target.info.clone()),
            position: number("position")?.map(Position::try_from).transpose()?,
            at_number: number("at_number")?.map(Position::try_from).transpose()?,
            number: number("number")?.map(StreamVersion::try_from).transpose()?,
        })
    });
    let accepted = judge::links(batch, &found.collect::<Result<Vec<_>>>()?)?;
    let rows = accepted.iter().map(|(link, position)| {
        (key(link), stored(link.stream_version.get()), stored(position.get()))
    });
    transaction.execute(sql::IMPORT_LINKS.query().bind(json(&rows.collect::<Vec<_>>())?)).await?;
    let stored = accepted.len() as u64;
    Ok(Imported { stored, skipped: batch.len() as u64 - stored })
}

/// A stream that is there: its own key, its tenant's, its category's.
struct There {
    target: Target,
    keys: [i64; 3],
}

async fn there<'a>(
    transaction: &mut Transaction<'_>,
    names: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<HashMap<StreamKey, There>, Failure> {
    let names: BTreeSet<_> = names.collect();
    let rows = transaction.fetch(sql::IMPORT_FIND_STREAMS.query().bind(json(&names)?)).await?;
    let streams = rows.iter().map(|row| {
        let cells = Cells::new(row);
        let info = row::info(row)?;
        let last = StreamVersion::try_from(cells.get::<i64>("last_event")?)?;
        let keys = [cells.get("stream_key")?, cells.get("tenant_key")?, cells.get("category_key")?];
        let key = (info.tenant.clone(), info.stream_id.clone());
        Ok((key, There { target: Target::existing(info, last), keys }))
    });
    Ok(streams.collect::<Result<_>>()?)
}

type Places = HashMap<
    (event_core::Tenant, event_core::EventId),
    (event_core::StreamId, StreamVersion, Position),
>;

async fn known(
    transaction: &mut Transaction<'_>,
    batch: &[RecordedEvent],
) -> Result<Places, Failure> {
    let ids = batch
        .iter()
        .map(|event| (event.tenant().as_str(), event.event_id().as_uuid().simple().to_string()));
    let query = sql::IMPORT_KNOWN.query().bind(json(&ids.collect::<Vec<_>>())?);
    let rows = transaction.fetch(query).await?;
    let mut places = Places::new();
    for row in &rows {
        let cells = Cells::new(row);
        let at = usize::try_from(cells.get::<i64>("event")?).ok();
        let Some(event) = at.and_then(|at| batch.get(at)) else {
            return Err(Error::adapter(OPERATION, "an answer to no event of the batch").into());
        };
        let stream_id =
            cells.checked(event_core::StreamId::new(cells.get::<String>("stream_id")?))?;
        let version = cells.checked(StreamVersion::try_from(cells.get::<i64>("version")?))?;
        let position = cells.checked(Position::try_from(cells.get::<i64>("position")?))?;
        let id = (event.tenant().clone(), event.event_id());
        places.insert(id, (stream_id, version, position));
    }
    Ok(places)
}

async fn last_position(transaction: &mut Transaction<'_>) -> Result<Position, Failure> {
    let rows = transaction.fetch(sql::LAST_ASSIGNED.query()).await?;
    let last: i64 = rows.first().map_or(Ok(0), |row| Cells::new(row).at_first())?;
    Ok(Position::try_from(last).map_err(Error::from)?)
}

/// Writes streams as the judging left them.
async fn put(transaction: &mut Transaction<'_>, targets: &[Target]) -> Result<(), Failure> {
    let infos = || targets.iter().map(|target| &target.info);
    let tenants: BTreeSet<_> = infos().map(|it| it.tenant.as_str()).collect();
    let categories: BTreeSet<_> = infos().map(|it| it.stream_id.category()).collect();
    transaction.execute(sql::PUT_TENANTS.query().bind(json(&tenants)?)).await?;
    transaction.execute(sql::PUT_CATEGORIES.query().bind(json(&categories)?)).await?;
    let rows = infos().map(|it| {
        (
            it.tenant.as_str(),
            it.stream_id.as_str(),
            it.stream_id.category(),
            stored(it.version.get()),
            stored(it.first_version.get()),
            state_name(it.state, it.holds_links),
            it.created_at.timestamp_micros(),
        )
    });
    let query = sql::IMPORT_STREAMS.query().bind(json(&rows.collect::<Vec<_>>())?);
    transaction.execute(query).await?;
    Ok(())
}

fn without_key() -> Error {
    Error::adapter(OPERATION, "a stream of the batch has no key")
}
