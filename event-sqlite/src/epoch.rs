//! The questions behind [`Lineage`](crate::lineage::Lineage): whether the log is the one that was read, how far it goes, and
//! what it holds at a position.

use event_core::adapter::Place;
use event_core::{Error, EventId, Position, RecordedEvent, Result};
use event_sql::rows::to_i64;
use uuid::Uuid;

use crate::lineage::{Known, Seen};
use crate::row::Cells;
use crate::sql::{self, json};
use crate::store::Store;

const OPERATION: &str = "find out whether the log was replaced";
/// How often a proof is repeated because the log has changed in between.
const TRIES: usize = 8;

/// How far the log of an epoch goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) epoch: u64,
    pub(crate) head: Position,
}

/// Whether a page that was read in an epoch is of its log.
pub(crate) async fn proves(store: &Store, epoch: u64, page: &[RecordedEvent]) -> Result<bool> {
    let is_sound = |event: &&RecordedEvent| event.damage().is_none();
    let last = page.iter().filter(is_sound).max_by_key(|event| event.position());
    let last = last.map(|it| (to_i64(it.position().get()), it.event_id().as_uuid()));
    Ok(extent(store, epoch, last).await?.is_some())
}

/// How far the log goes, in the epoch of now.
pub(crate) async fn now(store: &Store) -> Result<Extent> {
    for _ in 0..TRIES {
        if let Some(extent) = extent(store, store.lineage.epoch(), None).await? {
            return Ok(extent);
        }
    }
    Err(changing())
}

/// What the log holds at a position, for a reader of an epoch.
pub(crate) async fn place(store: &Store, at: Position, since: u64) -> Result<Place> {
    let epoch = now(store).await?.epoch;
    let query = sql::PLACE.query().bind(to_i64(at.get()));
    let row = store.fetch_one(OPERATION, query).await?;
    let cells = Cells::new(&row);
    let event = cells.get::<Option<Uuid>>("event_id")?.map(EventId::from_uuid);
    let last_assigned = Position::try_from(cells.get::<i64>("last_assigned")?)?;
    let common = match u64::try_from(store.lineage.common_since(since)) {
        Ok(common) if epoch != since => Position::new(common),
        _ => last_assigned,
    };
    Ok(Place { epoch, event, last_assigned, common })
}

/// The pages of a log that is replaced again and again.
pub(crate) fn changing() -> Error {
    Error::connection(OPERATION, "the log was replaced while it was read")
}

/// How far the log of an epoch goes; `None` if the log is another one, or lacks an event that was read.
async fn extent(store: &Store, epoch: u64, page: Option<(i64, Uuid)>) -> Result<Option<Extent>> {
    let mut tries = 0;
    loop {
        let known = store.lineage.known();
        if known.epoch != epoch {
            return Ok(None);
        }
        let seen = look(store, &known, page).await?;
        if !seen.is_same || seen.last_assigned < known.last_assigned {
            turn(store, &known).await?;
            return Ok(None);
        }
        tries += 1;
        // One that has seen more may have seen another log: the question is asked again. Beside many readers of a growing
        // log that has an end.
        if store.lineage.note(&known, page, &seen) || tries == TRIES {
            let head = Position::try_from(seen.head)?;
            return Ok(Some(Extent { epoch, head }));
        }
    }
}

async fn look(store: &Store, known: &Known, page: Option<(i64, Uuid)>) -> Result<Seen> {
    let query = sql::PROOF
        .query()
        .bind(known.last.map(|(position, _)| position))
        .bind(known.last.map(|(_, id)| id))
        .bind(page.map(|(position, _)| position))
        .bind(page.map(|(_, id)| id));
    let row = store.fetch_one(OPERATION, query).await?;
    let cells = Cells::new(&row);
    Ok(Seen {
        is_same: cells.get("is_same")?,
        head: cells.get("head")?,
        // A damaged row proves nothing, and stops nobody.
        last_id: cells.get("last_id").ok().flatten(),
        last_assigned: cells.get("last_assigned")?,
    })
}

/// Begins another epoch after the one that was known, once.
pub(crate) async fn turn(store: &Store, known: &Known) -> Result<()> {
    let _changing = store.lineage.changing.lock().await;
    if store.lineage.epoch() != known.epoch {
        return Ok(());
    }
    let hex = |(position, id): (i64, Uuid)| (position, id.simple().to_string());
    let samples: Vec<_> = store.lineage.samples().into_iter().map(hex).collect();
    let row = store.fetch_one(OPERATION, sql::COMMON.query().bind(json(&samples)?)).await?;
    let cells = Cells::new(&row);
    let (common, last_assigned) = (cells.get("common")?, cells.get("last_assigned")?);
    store.census.clear();
    store.names.clear();
    store.lineage.replace(common, last_assigned);
    Ok(())
}
