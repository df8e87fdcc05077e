//! Pages of one stream, of everything behind the frontier, and single events.

use chrono::{DateTime, Utc};
use event_core::adapter::{Direction, StreamState, TenantView};
use event_core::{
    AllOptions, Error, EventId, ReadOptions, RecordedEvent, Result, StreamId, Tenant,
};
use event_sql::rows::Owners;
use event_sql::tables::tenant_of;
use sqlx::postgres::PgRow;

use crate::append::stored;
use crate::frontier::Frontier;
use crate::pool::Pool;
use crate::row;
use crate::sql::{Statement, Statements};

/// 4000 BC: the server's calendar starts soon before, ours much earlier.
const FIRST_SECOND: i64 = -188_000_000_000;

/// A page of one stream: its row and its events come in one answer.
pub(crate) async fn stream(
    pool: &Pool,
    sql: &Statements,
    tenant: &Tenant,
    stream_id: &StreamId,
    options: ReadOptions,
) -> Result<Vec<RecordedEvent>> {
    const OPERATION: &str = "read a stream";
    let (events, links, start) = match (options.get_direction(), options.get_from().get()) {
        (Direction::Forward, start) => (&sql.read_forward, &sql.read_links_forward, stored(start)),
        (Direction::Backward, 0) => (&sql.read_backward, &sql.read_links_backward, i64::MAX),
        (Direction::Backward, start) => {
            (&sql.read_backward, &sql.read_links_backward, stored(start))
        }
    };
    let ask = |statement: &Statement| {
        statement
            .query()
            .bind(tenant.as_str().to_owned())
            .bind(stream_id.as_str().to_owned())
            .bind(start)
            .bind(i64::from(options.get_limit().get()))
    };
    let mut page = StreamPage::default();
    pool.each(OPERATION, ask(events), |row| page.take(&row, row::event)).await?;
    if matches!(page.state, Some(Ok((_, true)))) {
        page = StreamPage::default();
        let linked = |row: &PgRow, owner: &mut Owners| row::linked(row, stream_id, owner);
        pool.each(OPERATION, ask(links), |row| page.take(&row, linked)).await?;
    }
    let Some(state) = page.state else {
        return Err(Error::stream_not_found(stream_id.clone()));
    };
    let (state, _) = state?;
    if state.is_deleted() {
        return Err(Error::stream_deleted(stream_id.clone()));
    }
    let mut page = page.events.page?;
    match options.get_direction() {
        Direction::Forward => page.sort_by_key(RecordedEvent::stream_version),
        Direction::Backward => page.sort_by_key(|event| std::cmp::Reverse(event.stream_version())),
    }
    Ok(page)
}

/// A page of everything that is final.
pub(crate) async fn all(
    pool: &Pool,
    sql: &Statements,
    frontier: &Frontier,
    view: &TenantView,
    options: &AllOptions,
) -> Result<Vec<RecordedEvent>> {
    if matches_nothing(options) {
        return Ok(Vec::new());
    }
    let page = options.get_limit().get() as usize;
    let mut events = Vec::new();
    let end = stored(options.get_up_to().get());
    let known = frontier.known().min(end);
    let mut after = stored(options.get_after().get());
    if after < known {
        between(pool, sql, view, options, (after, known), page, &mut events).await?;
        // Nothing that matches is left below.
        after = known;
    }
    while events.len() < page && after < end {
        let wanted = page - events.len();
        let last = frontier.advance(pool, sql, after, wanted).await?.min(end);
        if last <= after {
            break;
        }
        between(pool, sql, view, options, (after, last), page, &mut events).await?;
        // Of so many positions some do not match: a page is full as long as there is more.
        let is_all = last < after.saturating_add(stored(wanted as u64));
        after = last;
        if is_all {
            break;
        }
    }
    Ok(events)
}

/// One event by its id.
pub(crate) async fn event(
    pool: &Pool,
    sql: &Statements,
    view: &TenantView,
    event_id: EventId,
) -> Result<Option<RecordedEvent>> {
    let query = sql.read_event.query().bind(tenant_of(view)).bind(event_id.as_uuid());
    let mut events = Events::default();
    pool.each("read an event", query, |row| events.take(&row)).await?;
    Ok(events.page?.into_iter().next())
}

/// Adds the events in `(after, last]`, until there are `page` of them.
async fn between(
    pool: &Pool,
    sql: &Statements,
    view: &TenantView,
    options: &AllOptions,
    (mut after, last): (i64, i64),
    page: usize,
    found: &mut Vec<RecordedEvent>,
) -> Result<()> {
    let stream = options.get_stream().map(StreamId::as_str);
    // The stream says its category: a filter by both is one by the stream, or matches nothing.
    let (statement, narrow) = match (stream, options.get_category()) {
        (Some(stream), _) => (&sql.read_of_stream, Some(stream)),
        (None, Some(category)) => (&sql.read_category, Some(category)),
        (None, None) => (&sql.read_all, None),
    };
    let (from, before) = options.get_recorded_between();
    while found.len() < page && after < last {
        let limit = page - found.len();
        let mut query = statement
            .query()
            .bind(after)
            .bind(last)
            .bind(tenant_of(view))
            .bind(options.get_event_types().map(<[String]>::to_vec))
            .bind(from.and_then(in_calendar))
            .bind(before)
            .bind(stored(limit as u64));
        if let Some(narrow) = narrow {
            query = query.bind(narrow.to_owned());
        }
        let (mut events, mut rows) = (Events::default(), 0);
        let take = |row: PgRow| {
            rows += 1;
            after = row::position(&row).unwrap_or(last);
            if row::is_kept(&row) {
                events.take(&row);
            }
        };
        pool.each("read all streams", query, take).await?;
        found.append(&mut events.page?);
        // Fewer rows than were asked for: there are no more. As many, and some of them truncated: there may be.
        if rows < limit {
            break;
        }
    }
    Ok(())
}

/// Filters that no event can pass, among them texts and times that the server cannot even be asked for.
fn matches_nothing(options: &AllOptions) -> bool {
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

fn in_calendar(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (time.timestamp() > FIRST_SECOND).then_some(time)
}

/// A page of one stream, with what its row says.
#[derive(Default)]
struct StreamPage {
    /// The state of the stream, and whether it holds links.
    state: Option<Result<(StreamState, bool)>>,
    events: Events,
}

impl StreamPage {
    fn take(&mut self, row: &PgRow, event: impl Fn(&PgRow, &mut Owners) -> Result<RecordedEvent>) {
        if self.state.is_none() {
            self.state = Some(row::state(row));
        }
        // An empty page is the stream's row with nothing beside it.
        if row::has_event(row) {
            self.events.take_as(row, event);
        }
    }
}

/// Events as their rows come; the first row that cannot be read is what is left of a page.
struct Events {
    owner: Owners,
    page: Result<Vec<RecordedEvent>>,
}

impl Default for Events {
    fn default() -> Self {
        Self { owner: Owners::default(), page: Ok(Vec::new()) }
    }
}

impl Events {
    fn take(&mut self, row: &PgRow) {
        self.take_as(row, row::event);
    }

    fn take_as(
        &mut self,
        row: &PgRow,
        event: impl Fn(&PgRow, &mut Owners) -> Result<RecordedEvent>,
    ) {
        let Ok(page) = &mut self.page else { return };
        match event(row, &mut self.owner) {
            Ok(event) => page.push(event),
            Err(error) => self.page = Err(error),
        }
    }
}
