//! Pages of one stream, of all streams, and single events. Each is one statement, and so a view of one moment.

use chrono::{DateTime, Utc};
use event_core::adapter::read::only_event;
use event_core::adapter::{Direction, Room, TenantView};
use event_core::{
    AllOptions, Error, EventId, Position, ReadOptions, RecordedEvent, Result, StreamId, Tenant,
};
use event_sql::page::{EventPage, StreamPage, start};
use event_sql::rows::{Owners, checked, to_i64};
use event_sql::streams::tenant_of;
use sqlx::sqlite::SqliteRow;

use crate::epoch;
use crate::names::Name;
use crate::sql::{self, Statement, json};
use crate::store::Store;
use crate::{row, stream};

/// A page of one stream; its row and its events come in one answer.
pub(crate) async fn stream(
    store: &Store,
    tenant: &Tenant,
    stream_id: &StreamId,
    options: ReadOptions,
) -> Result<Vec<RecordedEvent>> {
    const OPERATION: &str = "read a stream";
    let (events, links) = match options.get_direction() {
        Direction::Forward => (sql::READ_FORWARD, sql::READ_LINKS_FORWARD),
        Direction::Backward => (sql::READ_BACKWARD, sql::READ_LINKS_BACKWARD),
    };
    let query = |statement: Statement| {
        statement
            .query()
            .bind(tenant.as_str().to_owned())
            .bind(stream_id.as_str().to_owned())
            .bind(start(options))
            .bind(i64::from(options.get_limit().get()))
    };
    let room = Room::new(options.get_limit_bytes());
    let mut page = StreamPage::within(room);
    let owned = |row: &SqliteRow| row::event_of(row, (tenant.clone(), stream_id.clone()));
    let take = |row: SqliteRow| {
        page.state(|| row::state(&row));
        if row::has_event(&row) {
            page.events.push(|_| owned(&row));
        }
        !page.events.room().is_used_up()
    };
    store.pool.each_while(OPERATION, query(events), take).await?;
    let holds_links = page.holds_links();
    let events = page.end(stream_id)?;
    if !holds_links {
        return Ok(events);
    }
    let mut page = EventPage::within(room);
    let linked = |row: &SqliteRow, owners: &mut Owners| row::linked(row, stream_id, owners);
    let take = |row: SqliteRow| {
        page.push(|owners| linked(&row, owners));
        !page.room().is_used_up()
    };
    store.pool.each_while(OPERATION, query(links), take).await?;
    let links = page.end()?;
    // The second statement is a view of another moment: the stream may have been deleted between the two.
    if links.is_empty() {
        check_exists(store, tenant, stream_id).await?;
    }
    Ok(links)
}

async fn check_exists(store: &Store, tenant: &Tenant, stream_id: &StreamId) -> Result<()> {
    match stream::info(store, tenant, stream_id).await? {
        None => Err(Error::stream_not_found(stream_id.clone())),
        Some(info) if info.state.is_deleted() => Err(Error::stream_deleted(stream_id.clone())),
        Some(_) => Ok(()),
    }
}

/// How often a page is read again because the log was replaced.
const TRIES: usize = 4;

/// A page of all streams. Writers take turns, so no later commit can come before what is visible.
pub(crate) async fn all(
    store: &Store,
    view: &TenantView,
    options: &AllOptions,
) -> Result<Vec<RecordedEvent>> {
    for _ in 0..TRIES {
        let epoch = store.lineage.epoch();
        if options.get_epoch().is_some_and(|wanted| wanted != epoch) {
            return Err(Error::log_replaced(options.get_after()));
        }
        if let Some(page) = attempt(store, view, options, epoch).await? {
            if options.get_epoch().is_none() {
                store.lineage.give(options, &page)?;
            }
            return Ok(page);
        }
    }
    Err(epoch::changing())
}

/// One try of a page; `None` if it is not of the log of an epoch.
async fn attempt(
    store: &Store,
    view: &TenantView,
    options: &AllOptions,
    epoch: u64,
) -> Result<Option<Vec<RecordedEvent>>> {
    let limit = options.get_limit().get() as usize;
    let (mut found, mut room) = (Vec::new(), Room::new(options.get_limit_bytes()));
    let mut rest = options.clone();
    // The statement gives what may have the correlation id: the page is filled as long as there is more.
    loop {
        let page = candidates(store, view, &rest).await?;
        if !epoch::proves(store, epoch, &page).await? {
            return Ok(None);
        }
        if options.get_correlation_id().is_none() {
            return Ok(Some(page));
        }
        let Some(last) = page.last().map(RecordedEvent::position) else { return Ok(Some(found)) };
        for event in page {
            if found.len() == limit || room.is_used_up() {
                return Ok(Some(found));
            }
            if options.admits(&event) {
                room.take(&event);
                found.push(event);
            }
        }
        rest = if options.is_backward() {
            rest.up_to(Position::new(last.get().saturating_sub(1)))
        } else {
            rest.after(last)
        };
    }
}

/// A page of the events that pass the filters, except that one on the correlation id gives candidates.
async fn candidates(
    store: &Store,
    view: &TenantView,
    options: &AllOptions,
) -> Result<Vec<RecordedEvent>> {
    let stream = options.get_stream();
    if stream.is_some_and(|id| options.get_category().is_some_and(|c| c != id.category())) {
        return Ok(Vec::new());
    }
    let filters =
        (options.get_correlation_id(), stream.map(StreamId::as_str), options.get_category());
    let (statement, narrow) = match filters {
        _ if options.is_backward() => (sql::READ_ALL_BACKWARD, None),
        (Some(id), ..) => (sql::READ_CORRELATED, Some(id)),
        (None, Some(stream), _) => (sql::READ_OF_STREAM, Some(stream)),
        (None, None, Some(category)) => (sql::READ_CATEGORY, Some(category)),
        (None, None, None) => (sql::READ_ALL, None),
    };
    let types = options.get_event_types().map(|types| json(&types)).transpose()?;
    let (from, before) = options.get_recorded_between();
    let mut query = statement
        .query()
        .bind(to_i64(options.get_after().get()))
        .bind(tenant_of(view))
        .bind(types)
        .bind(from.map(micros))
        .bind(before.map(micros))
        .bind(i64::from(options.get_limit().get()))
        .bind(to_i64(options.get_up_to().get()));
    if let Some(narrow) = narrow {
        query = query.bind(narrow.to_owned());
    }
    if options.is_backward() {
        let (id, stream, category) = filters;
        query = query.bind(stream.map(str::to_owned)).bind(category.map(str::to_owned));
        query = query.bind(id.map(str::to_owned));
    }
    let mut page = KeyedPage::new(store, view, Room::new(options.get_limit_bytes()));
    store.pool.each_while("read all streams", query, |row| page.take(row)).await?;
    page.end().await
}

/// One event by its id.
pub(crate) async fn event(
    store: &Store,
    view: &TenantView,
    event_id: EventId,
) -> Result<Option<RecordedEvent>> {
    let query = sql::READ_EVENT.query().bind(tenant_of(view)).bind(event_id.as_uuid());
    let mut page = EventPage::default();
    let take = |row: SqliteRow| page.push(|owners| row::event(&row, owners));
    store.pool.each("read an event", query, take).await?;
    only_event(page.end()?)
}

/// The first microsecond that is not before a time: events are stored with microseconds.
fn micros(time: DateTime<Utc>) -> i64 {
    let rest = i64::from(!time.timestamp_subsec_nanos().is_multiple_of(1_000));
    time.timestamp_micros().saturating_add(rest)
}

/// An event whose row refers to no stream that can be read: it is marked, so that the page can be read past it.
fn without_stream(key: i64, row: &SqliteRow, tenant: Tenant) -> Result<RecordedEvent> {
    let stream_id = checked(StreamId::new(format!("unknown-{key}")))?;
    let event = row::event_of(row, (tenant, stream_id))?;
    Ok(event.damaged(format!("column stream_key: there is no stream {key} with a valid name")))
}

/// Events of many streams, whose rows hold the keys of their streams. From the first unknown key on, rows wait until it
/// is looked up.
struct KeyedPage<'s> {
    store: &'s Store,
    /// Whose an event is whose stream is unknown.
    tenant: Tenant,
    /// The last name: neighbours often share it.
    last: Option<(i64, Name)>,
    events: EventPage,
    waiting: Vec<(i64, SqliteRow)>,
    /// What is left beside the events and the rows that wait.
    waiting_room: Room,
}

impl<'s> KeyedPage<'s> {
    fn new(store: &'s Store, view: &TenantView, room: Room) -> Self {
        let tenant = view.tenant().cloned().unwrap_or_default();
        let events = EventPage::within(room);
        Self { store, tenant, last: None, events, waiting: Vec::new(), waiting_room: room }
    }

    /// Takes a row; whether there is room for another one.
    fn take(&mut self, row: SqliteRow) -> bool {
        let key = match row::stream_key(&row) {
            Ok(key) => key,
            Err(error) => {
                self.events.push(|_| Err(error));
                return false;
            }
        };
        if !self.waiting.is_empty() {
            return self.wait(key, row);
        }
        if self.last.as_ref().is_none_or(|(last, _)| *last != key) {
            self.last = self.store.names.get(key).map(|name| (key, name));
        }
        match &self.last {
            Some((_, name)) => {
                self.events.push(|_| row::event_of(&row, name.clone()));
                self.waiting_room = self.events.room();
                !self.waiting_room.is_used_up()
            }
            None => self.wait(key, row),
        }
    }

    /// Keeps a row until its stream is looked up.
    fn wait(&mut self, key: i64, row: SqliteRow) -> bool {
        self.waiting_room.take_bytes(row::size(&row));
        self.waiting.push((key, row));
        !self.waiting_room.is_used_up()
    }

    async fn end(mut self) -> Result<Vec<RecordedEvent>> {
        if self.waiting.is_empty() {
            return self.events.end();
        }
        let mut keys: Vec<i64> = self.waiting.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        let found = self.store.names.learn(&self.store.pool, &keys).await?;
        for (key, row) in &self.waiting {
            match found.get(key) {
                Some(name) => self.events.push(|_| row::event_of(row, name.clone())),
                None => self.events.push(|_| without_stream(*key, row, self.tenant.clone())),
            }
        }
        self.events.end()
    }
}
