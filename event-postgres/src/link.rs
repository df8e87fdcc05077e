//! Links: one call of a server function, judged under the stream's lock.

use event_core::adapter::StreamState;
use event_core::adapter::append::LinkEvents;
use event_core::{Appended, Conflict, Error, EventId, Outcome, Position, Result, StreamVersion};
use event_sql::error::no_answer;
use event_sql::rows::to_i64;
use uuid::Uuid;

use crate::expected::expected_number;
use crate::row::Cells;
use crate::sequences::on_sound;
use crate::status::{self, LinkStatus};
use crate::store::Store;

const OPERATION: &str = "link a stream";

/// Makes a stream refer to existing events.
pub(crate) async fn link(store: &Store, link: &LinkEvents) -> Result<Appended> {
    let stream_id = || link.stream_id.clone();
    let ids: Vec<Uuid> = link.event_ids.iter().map(|id| id.as_uuid()).collect();
    let query = |started| {
        store
            .sql
            .link_events
            .query()
            .bind(link.tenant.as_str().to_owned())
            .bind(link.stream_id.as_str().to_owned())
            .bind(link.stream_id.category().to_owned())
            .bind(expected_number(link.expected))
            .bind(link.stream_limit.map(to_i64))
            .bind(ids.clone())
            .bind(started)
    };
    let rows = on_sound(store, OPERATION, &[], query).await?;
    let cells = Cells::new(rows.first().ok_or_else(|| no_answer(OPERATION))?);
    let version = StreamVersion::try_from(cells.get::<i64>("stream_version")?)?;
    let named = || -> Result<Vec<EventId>> {
        let ids: Option<Vec<Uuid>> = cells.get("event_ids")?;
        Ok(ids.unwrap_or_default().into_iter().map(EventId::from_uuid).collect())
    };
    let appended = |outcome| -> Result<Appended> {
        let position = Position::try_from(cells.get::<i64>("last_position")?)?;
        Ok(Appended { stream_version: version, position, outcome })
    };
    let status = LinkStatus::read(OPERATION, &cells)?;
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
