//! Pages of all streams, the latest events first: from the frontier back, a stride of positions after the other.

use event_core::adapter::{Room, TenantView};
use event_core::{AllOptions, Error, RecordedEvent, Result, StreamId};
use event_sql::page::EventPage;
use event_sql::rows::to_i64;
use event_sql::streams::tenant_of;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::error::Failure;
use crate::frontier::{Frontier, changing};
use crate::lineage::Started;
use crate::read::{TRIES, admitted, correlation, in_calendar, matches_nothing, storable_types};
use crate::row;
use crate::store::Store;

/// A page, of one server as a page forward is.
pub(crate) async fn all(
    frontier: &Frontier,
    view: &TenantView,
    options: &AllOptions,
) -> Result<Vec<RecordedEvent>> {
    if matches_nothing(options) {
        return Ok(Vec::new());
    }
    for _ in 0..TRIES {
        let epoch = frontier.epoch();
        if frontier.is_primary() && options.get_epoch().is_some_and(|wanted| wanted != epoch) {
            return Err(Error::log_replaced(options.get_after()));
        }
        // What was just committed is final once every commit in flight before it has ended.
        let head = frontier.head().await?;
        let known = frontier.known();
        if frontier.is_primary() && known.epoch != epoch {
            continue;
        }
        let last = head.min(to_i64(options.get_up_to().get()));
        let (events, started) = page(frontier.store(), view, options, last).await?;
        if frontier.proves(&known, started).await? {
            return Ok(events);
        }
    }
    Err(changing())
}

/// The last events up to a position, and the server that the last statement with rows was answered by.
async fn page(
    store: &Store,
    view: &TenantView,
    options: &AllOptions,
    mut last: i64,
) -> Result<(Vec<RecordedEvent>, Option<Started>)> {
    let (limit, after) = (options.get_limit().get() as usize, to_i64(options.get_after().get()));
    let (from, before) = options.get_recorded_between();
    let (mut found, mut room) = (Vec::new(), Room::new(options.get_limit_bytes()));
    let mut started = None;
    while found.len() < limit && !room.is_used_up() && after < last {
        let wanted = limit - found.len();
        let low = last - (store.stride.end(after, last) - after);
        let query = store.sql.read_all_backward.query().bind(low).bind(last).bind(tenant_of(view));
        let query = query.bind(options.get_event_types().map(storable_types));
        let query = query.bind(from.and_then(in_calendar)).bind(before);
        let query = query.bind(to_i64(wanted as u64));
        let query = query.bind(options.get_stream().map(StreamId::as_str).map(str::to_owned));
        let query = query.bind(options.get_category().map(str::to_owned));
        let query = query.bind(correlation(options).map(str::to_owned));
        let (mut events, mut rows, mut lowest) = (EventPage::within(room), 0, last);
        let take = |row: PgRow| {
            started = row::started(&row).or(started);
            rows += 1;
            lowest = row::position(&row).map_or(low, |position| position - 1);
            if row::is_kept(&row) {
                events.push(|owners| row::event(&row, owners));
            }
        };
        let began = Instant::now();
        let read = store.pool.each("read all streams", query, take).await;
        let is_all = rows < wanted;
        let can_shrink = store.stride.took(read.is_ok().then(|| began.elapsed()), is_all);
        let is_too_slow = matches!(read, Err(Failure::TooSlow(_))) && can_shrink;
        if !is_too_slow {
            read?;
        }
        room = events.room();
        found.append(&mut admitted(events.end()?, options));
        last = if is_all && !is_too_slow { low } else { lowest };
    }
    Ok((found, started))
}
