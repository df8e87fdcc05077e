//! Streams and events of an import, turned from rows to columns.

use chrono::{DateTime, Utc};
use event_core::RecordedEvent;
use event_core::adapter::import::Positions;
use event_core::adapter::import::judge::Target;
use event_sql::import::StoredStream;
use event_sql::rows::{state_name, to_i32, to_i64};
use uuid::Uuid;

use crate::sql::{PgQuery, Statements};

/// Bytes of payloads that are sent at a time.
const PORTION: usize = 4 << 20;

/// The key of a tenant or a category as its column of 32 bits holds it.
pub(super) fn narrow(key: i64) -> i32 {
    i32::try_from(key).unwrap_or(i32::MAX)
}

/// Streams.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) tenants: Vec<String>,
    pub(super) streams: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) versions: Vec<i64>,
    pub(super) first: Vec<i64>,
    pub(super) states: Vec<&'static str>,
    pub(super) created: Vec<DateTime<Utc>>,
}

impl Columns {
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut columns = Self::default();
        for Target { info, .. } in targets {
            columns.tenants.push(info.tenant.as_str().to_owned());
            columns.streams.push(info.stream_id.as_str().to_owned());
            columns.categories.push(info.stream_id.category().to_owned());
            columns.versions.push(to_i64(info.version.get()));
            columns.first.push(to_i64(info.first_version.get()));
            columns.states.push(state_name(info.state, info.holds_links));
            columns.created.push(info.created_at);
        }
        columns
    }
}

/// Events.
#[derive(Default)]
struct Events {
    streams: Vec<i64>,
    versions: Vec<i64>,
    times: Vec<DateTime<Utc>>,
    ids: Vec<Uuid>,
    tenants: Vec<i32>,
    categories: Vec<i32>,
    schemas: Vec<i32>,
    types: Vec<String>,
    data: Vec<String>,
    metadata: Vec<String>,
    positions: Vec<i64>,
}

impl Events {
    fn add(&mut self, event: &RecordedEvent, stream: &StoredStream) {
        self.streams.push(stream.key);
        self.versions.push(to_i64(event.stream_version().get()));
        self.times.push(event.recorded_at());
        self.ids.push(event.event_id().as_uuid());
        self.tenants.push(narrow(stream.tenant_key));
        self.categories.push(narrow(stream.category_key));
        self.schemas.push(to_i32(event.event_version().get()));
        self.types.push(event.event_type().to_owned());
        self.data.push(event.data().get().to_owned());
        self.metadata.push(event.metadata().as_json().to_owned());
        self.positions.push(to_i64(event.position().get()));
    }

    fn insert(self, sql: &Statements, positions: Positions) -> PgQuery<'_> {
        let statement = match positions {
            Positions::Keep => &sql.import_events_at,
            Positions::Assign => &sql.import_events,
        };
        let query = statement.query().bind(self.streams).bind(self.versions).bind(self.times);
        let query = query.bind(self.ids).bind(self.tenants).bind(self.categories);
        let query = query.bind(self.schemas).bind(self.types).bind(self.data).bind(self.metadata);
        match positions {
            Positions::Keep => query.bind(self.positions),
            Positions::Assign => query,
        }
    }
}

/// An event and its stream.
pub(super) type Keyed<'e> = (&'e RecordedEvent, &'e StoredStream);

/// The statement that stores the first of some events, a few megabytes of them or one that is larger, and how many
/// those are.
///
/// One statement per portion: a driver that leaves Nagle's algorithm on makes `COPY`, whose end is a message of its
/// own, wait 40 ms for the server's delayed acknowledgement.
pub(super) fn insert<'q>(
    sql: &'q Statements,
    positions: Positions,
    events: &[Keyed<'_>],
) -> (PgQuery<'q>, usize) {
    let (mut portion, mut bytes) = (Events::default(), 0);
    for (event, stream) in events {
        if bytes >= PORTION {
            break;
        }
        bytes += event.data().get().len() + event.metadata().as_json().len();
        portion.add(event, stream);
    }
    let count = portion.ids.len();
    (portion.insert(sql, positions), count)
}
