//! Links: one call of a server function, judged under the stream's lock, in a transaction of its own or of the caller's.

use event_core::adapter::StreamState;
use event_core::adapter::append::LinkEvents;
use event_core::{Appended, Conflict, Error, EventId, Outcome, Position, Result, StreamVersion};
use event_sql::error::no_answer;
use event_sql::rows::to_i64;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::append::transaction::NOT_READ_COMMITTED;
use crate::error;
use crate::expected::expected_number;
use crate::row::Cells;
use crate::sequences::{self, on_sound};
use crate::sql::{PgQuery, Statement};
use crate::status::{self, LinkStatus};
use crate::store::Store;

const OPERATION: &str = "link a stream";

/// Makes a stream refer to existing events.
pub(crate) async fn link(store: &Store, link: &LinkEvents) -> Result<Appended> {
    let query = |started| call(&store.sql.link_events, link).bind(started);
    let rows = on_sound(store, OPERATION, &[], query).await?;
    answer(link, &Cells::new(rows.first().ok_or_else(|| no_answer(OPERATION))?))
}

/// Links in the caller's transaction; see [`PgAdapter::link_in`](crate::PgAdapter::link_in).
pub(crate) async fn link_in(
    store: &Store,
    transaction: &mut Transaction<'_, Postgres>,
    link: &LinkEvents,
) -> Result<Appended> {
    // In a transaction of its own: other streams of the category do not wait for that of the caller.
    let names = store.sql.record_names.query().bind(link.tenant.as_str().to_owned());
    store.fetch(OPERATION, names.bind(vec![link.stream_id.category().to_owned()])).await?;
    let query = call(&store.sql.link_events_in, link);
    let row = query.fetch_optional(&mut **transaction).await;
    let row = row.map_err(|failed| error::error(OPERATION, failed))?;
    let row = row.ok_or_else(|| Error::adapter(OPERATION, NOT_READ_COMMITTED))?;
    let cells = Cells::new(&row);
    sequences::prove(store, transaction, Some(cells.get("started")?)).await?;
    answer(link, &cells)
}

/// The call of the server function.
fn call<'q>(statement: &Statement, link: &LinkEvents) -> PgQuery<'q> {
    let ids: Vec<Uuid> = link.event_ids.iter().map(|id| id.as_uuid()).collect();
    statement
        .query()
        .bind(link.tenant.as_str().to_owned())
        .bind(link.stream_id.as_str().to_owned())
        .bind(link.stream_id.category().to_owned())
        .bind(expected_number(link.expected))
        .bind(link.stream_limit.map(to_i64))
        .bind(ids)
}

fn answer(link: &LinkEvents, cells: &Cells<'_>) -> Result<Appended> {
    let stream_id = || link.stream_id.clone();
    let version = StreamVersion::try_from(cells.get::<i64>("stream_version")?)?;
    let named = || -> Result<Vec<EventId>> {
        let ids: Option<Vec<Uuid>> = cells.get("event_ids")?;
        Ok(ids.unwrap_or_default().into_iter().map(EventId::from_uuid).collect())
    };
    let appended = |outcome| -> Result<Appended> {
        let position = Position::try_from(cells.get::<i64>("last_position")?)?;
        Ok(Appended { stream_version: version, position, outcome })
    };
    let status = LinkStatus::read(OPERATION, cells)?;
    Err(match status {
        LinkStatus::Stored => return appended(Outcome::Stored),
        LinkStatus::AlreadyStored => return appended(Outcome::AlreadyStored),
        LinkStatus::WrongVersion => {
            let conflict = Conflict { expected: link.expected, actual: version };
            Error::conflict(stream_id(), conflict)
        }
        LinkStatus::NotActive => {
            let state: Option<&str> = cells.get("state")?;
            match status::stream_state(state) {
                Some((StreamState::SoftDeleted | StreamState::HardDeleted, _)) => {
                    Error::stream_deleted(stream_id())
                }
                Some((_, false)) => Error::mixed_stream(stream_id(), false),
                Some((StreamState::Archived, true)) => Error::stream_archived(stream_id()),
                _ => status::unexpected(OPERATION, status, state),
            }
        }
        LinkStatus::IdConflict => Error::event_id_conflict(
            stream_id(),
            named()?.into_iter().next(),
            "the stream links to them already, in another order or only in part",
        ),
        LinkStatus::LimitReached => {
            let live = u64::try_from(cells.get::<i64>("live")?).unwrap_or_default();
            Error::stream_limit_reached(stream_id(), link.stream_limit.unwrap_or_default(), live)
        }
        LinkStatus::EventsNotFound => Error::events_not_found(stream_id(), named()?),
    })
}
