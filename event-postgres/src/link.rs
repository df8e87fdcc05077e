//! Links: one call of a server function, judged under the stream's lock.

use event_core::adapter::append::LinkEvents;
use event_core::{Appended, Conflict, Error, EventId, Outcome, Position, Result, StreamVersion};
use uuid::Uuid;

use crate::append::{claim, stored};
use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::Statements;

const OPERATION: &str = "link a stream";

/// Makes a stream refer to existing events.
pub(crate) async fn link(pool: &Pool, sql: &Statements, link: &LinkEvents) -> Result<Appended> {
    let stream_id = || link.stream_id.clone();
    let ids: Vec<Uuid> = link.event_ids.iter().map(|id| id.as_uuid()).collect();
    let query = sql
        .link_events
        .query()
        .bind(link.tenant.as_str().to_owned())
        .bind(link.stream_id.as_str().to_owned())
        .bind(link.stream_id.category().to_owned())
        .bind(claim(link.expected))
        .bind(link.stream_limit.map(stored))
        .bind(ids);
    let rows = pool.fetch(OPERATION, query).await?;
    let Some(row) = rows.first() else { return Err(Error::adapter(OPERATION, "no answer")) };
    let cells = Cells::new(row);
    let version = StreamVersion::try_from(cells.get::<i64>("stream_version")?)?;
    let named = || -> Result<Vec<EventId>> {
        let ids: Option<Vec<Uuid>> = cells.get("event_ids")?;
        Ok(ids.unwrap_or_default().into_iter().map(EventId::from_uuid).collect())
    };
    let status: i16 = cells.get("status")?;
    Err(match (status, cells.get::<Option<i16>>("state")?) {
        (0 | 3, _) => {
            let position = Position::try_from(cells.get::<i64>("last_position")?)?;
            let outcome = if status == 0 { Outcome::Stored } else { Outcome::AlreadyStored };
            return Ok(Appended { stream_version: version, position, outcome });
        }
        (1, _) => {
            let conflict = Conflict { expected: link.expected, actual: version };
            Error::conflict(stream_id(), conflict)
        }
        (2, Some(0 | 1)) => Error::mixed_stream(stream_id(), false),
        (2, Some(2 | 3)) => Error::stream_deleted(stream_id()),
        (2, Some(5)) => Error::stream_archived(stream_id()),
        (4, _) => Error::event_id_conflict(
            stream_id(),
            named()?.into_iter().next(),
            "the stream links to them already, in another order or only in part",
        ),
        (5, _) => {
            let live = u64::try_from(cells.get::<i64>("live")?).unwrap_or_default();
            Error::stream_limit_reached(stream_id(), link.stream_limit.unwrap_or_default(), live)
        }
        (7, _) => Error::events_not_found(stream_id(), named()?),
        (status, state) => Error::adapter(
            OPERATION,
            format!(
                "the answer has status {status} and stream state {state:?}, which this program does not know"
            ),
        ),
    })
}
