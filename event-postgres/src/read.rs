//! Pages of one stream, of all streams up to the frontier, and single events.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use event_core::adapter::read::only_event;
use event_core::adapter::{Direction, Room, TenantView};
use event_core::{
    AllOptions, Error, EventId, ReadOptions, RecordedEvent, Result, StreamId, Tenant,
};
use event_sql::page::{EventPage, StreamPage, start};
use event_sql::rows::{Owners, to_i64};
use event_sql::streams::tenant_of;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::error::Failure;
use crate::frontier::{Frontier, Known, changing};
use crate::lineage::{Started, behind};
use crate::row;
use crate::sql::{PgQuery, Statement, Statements};
use crate::store::Store;

/// How often a page is read again because the server changed.
pub(crate) const TRIES: usize = 4;
/// 4000 BC: the server's calendar starts soon before, ours much earlier.
const FIRST_SECOND: i64 = -188_000_000_000;

/// A page of one stream; its row and its events come in one answer.
pub(crate) async fn stream(
    store: &Store,
    tenant: &Tenant,
    stream_id: &StreamId,
    options: ReadOptions,
) -> Result<Vec<RecordedEvent>> {
    let sql = &store.sql;
    let (events, links) = match options.get_direction() {
        Direction::Forward => (&sql.read_forward, &sql.read_links_forward),
        Direction::Backward => (&sql.read_backward, &sql.read_links_backward),
    };
    let query = |statement: &Statement| {
        statement
            .query()
            .bind(tenant.as_str().to_owned())
            .bind(stream_id.as_str().to_owned())
            .bind(start(options))
            .bind(i64::from(options.get_limit().get()))
    };
    let room = Room::new(options.get_limit_bytes());
    let mut page = stream_page(store, query(events), room, row::event).await?;
    if page.holds_links() {
        let linked = |row: &PgRow, owners: &mut Owners| row::linked(row, stream_id, owners);
        page = stream_page(store, query(links), room, linked).await?;
    }
    let mut events = page.end(stream_id)?;
    match options.get_direction() {
        Direction::Forward => events.sort_by_key(RecordedEvent::stream_version),
        Direction::Backward => events.sort_by_key(|event| Reverse(event.stream_version())),
    }
    Ok(events)
}

async fn stream_page(
    store: &Store,
    query: PgQuery<'_>,
    room: Room,
    event: impl Fn(&PgRow, &mut Owners) -> Result<RecordedEvent>,
) -> Result<StreamPage> {
    let mut page = StreamPage::within(room);
    let take = |row: PgRow| {
        page.state(|| row::state(&row));
        if row::has_event(&row) {
            page.events.push(|owners| event(&row, owners));
        }
    };
    store.pool.each("read a stream", query, take).await?;
    Ok(page)
}

/// A page of all streams, up to the frontier. Every statement of it must be of the server that the frontier is of;
/// otherwise the page is read again.
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
        let page = attempt(frontier, view, options, epoch).await?;
        if let Some(page) = page {
            return Ok(page);
        }
    }
    Err(changing())
}

/// One try of a page; `None` if it is not of one server.
async fn attempt(
    frontier: &Frontier,
    view: &TenantView,
    options: &AllOptions,
    epoch: u64,
) -> Result<Option<Vec<RecordedEvent>>> {
    let store = frontier.store();
    let page = options.get_limit().get() as usize;
    let (mut events, mut room) = (Vec::new(), Room::new(options.get_limit_bytes()));
    let end = to_i64(options.get_up_to().get());
    let mut known = frontier.known();
    let mut after = to_i64(options.get_after().get());
    if known.last > 0 && known.epoch != epoch {
        // The frontier is of the log before: a poll tells it so.
        frontier.advance(after, 0).await?;
        known = frontier.known();
    }
    if known.epoch != epoch && known.last > 0 {
        return Ok(None);
    }
    // A statement without rows says nothing of its server: the next poll, or one at the end, tells whether it changed.
    let mut open: Option<Known> = None;
    let last = known.last.min(end);
    if after < last {
        let found = (&mut events, &mut room);
        let started = between(store, view, options, (after, last), page, found).await?;
        match started {
            Some(_) if !frontier.proves(&known, started).await? => return Ok(None),
            Some(_) => {}
            None => open = Some(known),
        }
        // Nothing that matches is left below.
        after = last;
    }
    while events.len() < page && !room.is_used_up() && after < end {
        let wanted = page - events.len();
        let last = frontier.advance(after, wanted).await?.min(end);
        let known = frontier.known();
        let changed = open.take().is_some_and(|before| !before.is_of(&known));
        if changed || (frontier.is_primary() && known.epoch != epoch) {
            return Ok(None);
        }
        if last <= after {
            // A standby that came back earlier in the log says nothing of what follows.
            if !frontier.is_primary() && known.last < to_i64(options.get_after().get()) {
                return Err(behind());
            }
            break;
        }
        let found = (&mut events, &mut room);
        let started = between(store, view, options, (after, last), page, found).await?;
        match started {
            Some(_) if !frontier.proves(&known, started).await? => return Ok(None),
            Some(_) => {}
            None => open = Some(known),
        }
        // Of so many positions some do not match: the page is filled as long as there are more.
        let is_all = last < after.saturating_add(to_i64(wanted as u64));
        after = last;
        if is_all {
            break;
        }
    }
    match open {
        Some(known) if !frontier.proves(&known, None).await? => Ok(None),
        _ => Ok(Some(events)),
    }
}

/// One event by its id.
pub(crate) async fn event(
    store: &Store,
    view: &TenantView,
    event_id: EventId,
) -> Result<Option<RecordedEvent>> {
    let query = store.sql.read_event.query().bind(tenant_of(view)).bind(event_id.as_uuid());
    let mut page = EventPage::default();
    let take = |row: PgRow| page.push(|owners| row::event(&row, owners));
    store.pool.each("read an event", query, take).await?;
    only_event(page.end()?)
}

/// Adds the events in `(after, last]`, until there are `page` of them, or the room is used up. Returns the server that the
/// last statement was answered by, if that had rows.
async fn between(
    store: &Store,
    view: &TenantView,
    options: &AllOptions,
    (mut after, last): (i64, i64),
    page: usize,
    (found, room): (&mut Vec<RecordedEvent>, &mut Room),
) -> Result<Option<Started>> {
    let (from, before) = options.get_recorded_between();
    // Where the index alone does not lead to what passes, a statement is bounded by what it looks at.
    let is_sparse = correlation(options).is_some()
        || options.get_stream().is_none()
            && (view.tenant().is_some()
                || options.get_event_types().is_some()
                || from.is_some()
                || before.is_some());
    let mut started = None;
    while found.len() < page && !room.is_used_up() && after < last {
        started = None;
        let limit = page - found.len();
        let end = if is_sparse { store.stride.end(after, last) } else { last };
        let query = page_of_all(&store.sql, view, options, (after, end), limit);
        let (mut events, mut rows) = (EventPage::within(*room), 0);
        let take = |row: PgRow| {
            if rows == 0 {
                started = row::started(&row);
            }
            rows += 1;
            after = row::position(&row).unwrap_or(end);
            if row::is_kept(&row) {
                events.push(|owners| row::event(&row, owners));
            }
        };
        let began = Instant::now();
        let read = store.pool.each("read all streams", query, take).await;
        if is_sparse {
            let can_shrink = store.stride.took(read.is_ok().then(|| began.elapsed()), rows < limit);
            if matches!(read, Err(Failure::TooSlow(_))) && can_shrink {
                // What has arrived is in order; the next statement goes on behind it.
                *room = events.room();
                found.append(&mut admitted(events.end()?, options));
                continue;
            }
        }
        read?;
        *room = events.room();
        found.append(&mut admitted(events.end()?, options));
        // Fewer rows than the limit: there are no more up to the end. As many, some of them truncated: there may be.
        if rows < limit {
            after = end;
        }
    }
    Ok(started)
}

/// The statement for at most `limit` of the events in `(after, end]` that pass.
pub(crate) fn page_of_all<'q>(
    sql: &Statements,
    view: &TenantView,
    options: &AllOptions,
    (after, end): (i64, i64),
    limit: usize,
) -> PgQuery<'q> {
    let stream = options.get_stream().map(StreamId::as_str);
    // A stream has one category: a filter by both is one by the stream, or matches nothing.
    let (statement, narrow) = match (correlation(options), stream, options.get_category()) {
        (Some(id), ..) => (&sql.read_correlated, Some(id)),
        (None, Some(stream), _) => (&sql.read_of_stream, Some(stream)),
        (None, None, Some(category)) => (&sql.read_category, Some(category)),
        (None, None, None) => (&sql.read_all, None),
    };
    let (from, before) = options.get_recorded_between();
    let query = statement
        .query()
        .bind(after)
        .bind(end)
        .bind(tenant_of(view))
        .bind(options.get_event_types().map(storable_types))
        .bind(from.and_then(in_calendar))
        .bind(before)
        .bind(to_i64(limit as u64));
    match narrow {
        Some(narrow) => query.bind(narrow.to_owned()),
        None => query,
    }
}

/// The text that the metadata of candidates contains.
pub(crate) fn correlation(options: &AllOptions) -> Option<&str> {
    // A text cannot hold a zero: stored, it is an escape, which makes a candidate.
    options.get_correlation_id().map(|id| if id.contains('\0') { "\\" } else { id })
}

/// The events of a page that pass the filters. The statement for a correlation id gives candidates; every other one has
/// compared all there is.
pub(crate) fn admitted(mut events: Vec<RecordedEvent>, options: &AllOptions) -> Vec<RecordedEvent> {
    if options.get_correlation_id().is_some() {
        events.retain(|event| options.admits(event));
    }
    events
}

/// Filters that no event can pass, among them texts and times that cannot be sent to the server.
pub(crate) fn matches_nothing(options: &AllOptions) -> bool {
    let (_, before) = options.get_recorded_between();
    let category = options.get_category();
    category.is_some_and(|category| category.contains('\0'))
        || options
            .get_stream()
            .is_some_and(|stream| category.is_some_and(|c| c != stream.category()))
        || options
            .get_event_types()
            .is_some_and(|types| types.iter().all(|name| name.contains('\0')))
        || before.is_some_and(|time| in_calendar(time).is_none())
}

/// The types that an event can have: the server has no text with U+0000.
pub(crate) fn storable_types(types: &[String]) -> Vec<String> {
    types.iter().filter(|name| !name.contains('\0')).cloned().collect()
}

pub(crate) fn in_calendar(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (time.timestamp() > FIRST_SECOND).then_some(time)
}
