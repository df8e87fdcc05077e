//! The questions behind [`Lineage`](crate::lineage::Lineage): whether a statement was made on the server of now, whether
//! that one has the log of before, and what it holds at a position. They are asked where appends go.

use event_core::adapter::Place;
use event_core::{EventId, Position, Result};
use event_sql::rows::to_i64;
use uuid::Uuid;

use crate::lineage::{Now, OPERATION, Started, Witness, behind};
use crate::row::Cells;
use crate::store::Store;

/// Notes what a statement showed; the epoch that it belongs to. `None`: it was made on another server than the one of now,
/// which is looked into; the statement has to be repeated.
pub(crate) async fn admit(store: &Store, witness: Witness) -> Result<Option<u64>> {
    if let Some(epoch) = store.lineage.note(witness) {
        return Ok(Some(epoch));
    }
    look_into(store).await?;
    Ok(None)
}

/// Whether a page was read on the server of now; one that is not has to be read again.
pub(crate) async fn admits_page(store: &Store, started: Started) -> Result<bool> {
    Ok(admit(store, Witness { started, last: None }).await?.is_some())
}

/// Compares the server of now with what is remembered.
pub(crate) async fn look_into(store: &Store) -> Result<()> {
    let _changing = store.lineage.changing.lock().await;
    let (positions, ids) = store.lineage.samples();
    let query = store.sql.lineage.query().bind(positions).bind(ids);
    let row = store.fetch_one(OPERATION, query).await?;
    let cells = Cells::new(&row);
    let now = Now {
        started: cells.get("started")?,
        standby: cells.get("standby")?,
        common: cells.get("common")?,
        last_assigned: cells.get("last_assigned")?,
    };
    if store.lineage.turn(&now)? {
        // Pairs that were recorded may be gone.
        store.census.clear();
        store.sequences.doubt();
    }
    Ok(())
}

/// What the log holds at a position, for a reader of an epoch.
pub(crate) async fn place(store: &Store, at: Position, since: u64) -> Result<Place> {
    loop {
        let query = store.sql.place.query().bind(to_i64(at.get()));
        let row = store.fetch_one(OPERATION, query).await?;
        let cells = Cells::new(&row);
        let witness = Witness { started: cells.get("started")?, last: None };
        let Some(epoch) = admit(store, witness).await? else { continue };
        let event: Option<Uuid> = cells.get("event_id")?;
        if event.is_none() && epoch != since && cells.get("standby")? {
            return Err(behind());
        }
        let last_assigned = Position::try_from(cells.get::<i64>("last_assigned")?)?;
        let common = match u64::try_from(store.lineage.common_since(since)) {
            Ok(common) if epoch != since => Position::new(common),
            _ => last_assigned,
        };
        return Ok(Place { epoch, event: event.map(EventId::from_uuid), last_assigned, common });
    }
}
