//! Pages of one stream, of everything, and single events. Each is one statement, and so a view of one moment.

use chrono::{DateTime, Utc};
use event_core::adapter::{Direction, TenantView};
use event_core::{
    AllOptions, Error, EventId, ReadOptions, RecordedEvent, Result, StreamId, Tenant, serde_json,
};
use event_sql::tables::tenant_of;
use sqlx::sqlite::SqliteRow;

use crate::append::stored;
use crate::names::{Name, Names};
use crate::pool::Pool;
use crate::row::{self, Owner};
use crate::sql::{self, Statement};
use crate::stream;

/// A page of one stream: its row and its events come in one answer.
pub(crate) async fn stream(
    pool: &Pool,
    tenant: &Tenant,
    stream_id: &StreamId,
    options: ReadOptions,
) -> Result<Vec<RecordedEvent>> {
    const OPERATION: &str = "read a stream";
    let (events, links, start) = match (options.get_direction(), options.get_from().get()) {
        (Direction::Forward, start) => (sql::READ_FORWARD, sql::READ_LINKS_FORWARD, stored(start)),
        (Direction::Backward, 0) => (sql::READ_BACKWARD, sql::READ_LINKS_BACKWARD, i64::MAX),
        (Direction::Backward, start) => {
            (sql::READ_BACKWARD, sql::READ_LINKS_BACKWARD, stored(start))
        }
    };
    let ask = |statement: Statement| {
        statement
            .query()
            .bind(tenant.as_str().to_owned())
            .bind(stream_id.as_str().to_owned())
            .bind(start)
            .bind(i64::from(options.get_limit().get()))
    };
    let owner = Owner::Given(tenant.clone(), stream_id.clone());
    let (mut state, mut holds_links, mut page) = (None, false, Events::new(owner));
    let take = |row: SqliteRow| {
        if state.is_none() {
            state = Some(row::state(&row));
            holds_links = row::holds_links(&row);
        }
        // An empty page is the stream's row with nothing beside it.
        if row::has_event(&row) {
            page.take(&row);
        }
    };
    pool.each(OPERATION, ask(events), take).await?;
    let Some(state) = state else {
        return Err(Error::stream_not_found(stream_id.clone()));
    };
    if state?.is_deleted() {
        return Err(Error::stream_deleted(stream_id.clone()));
    }
    if holds_links {
        page = Events::new(Owner::default());
        let linked = |row: &SqliteRow, owner: &mut Owner| row::linked(row, stream_id, owner);
        pool.each(OPERATION, ask(links), |row| page.take_as(&row, linked)).await?;
        // The second question is about another moment: the stream may have been deleted between the two.
        if matches!(&page.page, Ok(links) if links.is_empty()) {
            check_there(pool, tenant, stream_id).await?;
        }
    }
    page.page
}

async fn check_there(pool: &Pool, tenant: &Tenant, stream_id: &StreamId) -> Result<()> {
    match stream::info(pool, tenant, stream_id).await? {
        None => Err(Error::stream_not_found(stream_id.clone())),
        Some(info) if info.state.is_deleted() => Err(Error::stream_deleted(stream_id.clone())),
        Some(_) => Ok(()),
    }
}

/// A page of everything. Writers take turns, so no later commit can get in front of what is there.
pub(crate) async fn all(
    pool: &Pool,
    view: &TenantView,
    options: &AllOptions,
) -> Result<Vec<RecordedEvent>> {
    let types = options.get_event_types().map(serde_json::to_string).transpose();
    let types = types.map_err(|error| Error::adapter("read all streams", error))?;
    let (from, before) = options.get_recorded_between();
    let stream = options.get_stream();
    if stream.is_some_and(|id| options.get_category().is_some_and(|c| c != id.category())) {
        return Ok(Vec::new());
    }
    let (statement, narrow) = match (stream.map(StreamId::as_str), options.get_category()) {
        (Some(stream), _) => (sql::READ_OF_STREAM, Some(stream)),
        (None, Some(category)) => (sql::READ_CATEGORY, Some(category)),
        (None, None) => (sql::READ_ALL, None),
    };
    let mut query = statement
        .query()
        .bind(stored(options.get_after().get()))
        .bind(tenant_of(view))
        .bind(types)
        .bind(from.map(micros))
        .bind(before.map(micros))
        .bind(i64::from(options.get_limit().get()))
        .bind(stored(options.get_up_to().get()));
    if let Some(narrow) = narrow {
        query = query.bind(narrow.to_owned());
    }
    let mut page = Page::new(pool.names());
    pool.each("read all streams", query, |row| page.take(row)).await?;
    page.end(pool).await
}

/// One event by its id.
pub(crate) async fn event(
    pool: &Pool,
    view: &TenantView,
    event_id: EventId,
) -> Result<Option<RecordedEvent>> {
    let query = sql::READ_EVENT.query().bind(tenant_of(view)).bind(event_id.as_uuid());
    let mut events = Events::new(Owner::default());
    pool.each("read an event", query, |row| events.take(&row)).await?;
    Ok(events.page?.into_iter().next())
}

/// The first microsecond that is not before a time: events are stored with microseconds.
fn micros(time: DateTime<Utc>) -> i64 {
    let rest = i64::from(!time.timestamp_subsec_nanos().is_multiple_of(1_000));
    time.timestamp_micros().saturating_add(rest)
}

/// Events as their rows come; the first row that cannot be read is what is left of a page.
struct Events {
    owner: Owner,
    page: Result<Vec<RecordedEvent>>,
}

impl Events {
    const fn new(owner: Owner) -> Self {
        Self { owner, page: Ok(Vec::new()) }
    }

    fn take(&mut self, row: &SqliteRow) {
        self.take_as(row, row::event);
    }

    fn take_as(
        &mut self,
        row: &SqliteRow,
        event: impl Fn(&SqliteRow, &mut Owner) -> Result<RecordedEvent>,
    ) {
        let Ok(page) = &mut self.page else { return };
        match event(row, &mut self.owner) {
            Ok(event) => page.push(event),
            Err(error) => self.page = Err(error),
        }
    }
}

/// Events of many streams. Their rows hold keys; from the first one on that is not known, rows wait until it is.
struct Page<'n> {
    names: &'n Names,
    /// The last one: neighbours often share it.
    last: Option<(i64, Name)>,
    events: Result<Vec<RecordedEvent>>,
    waiting: Vec<(i64, SqliteRow)>,
}

impl<'n> Page<'n> {
    const fn new(names: &'n Names) -> Self {
        Self { names, last: None, events: Ok(Vec::new()), waiting: Vec::new() }
    }

    fn take(&mut self, row: SqliteRow) {
        let Ok(events) = &mut self.events else { return };
        let key = match row::stream_key(&row) {
            Ok(key) => key,
            Err(error) => {
                self.events = Err(error);
                return;
            }
        };
        if !self.waiting.is_empty() {
            self.waiting.push((key, row));
            return;
        }
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            self.last = self.names.get(key).map(|name| (key, name));
        }
        match &self.last {
            Some((_, name)) => match row::event_of(&row, name.clone()) {
                Ok(event) => events.push(event),
                Err(error) => self.events = Err(error),
            },
            None => self.waiting.push((key, row)),
        }
    }

    async fn end(self, pool: &Pool) -> Result<Vec<RecordedEvent>> {
        let mut events = self.events?;
        if self.waiting.is_empty() {
            return Ok(events);
        }
        let mut keys: Vec<i64> = self.waiting.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let found = self.names.learn(pool, &keys).await?;
        for (key, row) in &self.waiting {
            let name = found.get(key).cloned().ok_or_else(|| Error::Corrupt {
                at: None,
                reason: format!("column stream_key: there is no stream {key}"),
            })?;
            events.push(row::event_of(row, name)?);
        }
        Ok(events)
    }
}
