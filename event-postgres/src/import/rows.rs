//! What is imported, as columns of streams and of events.

use chrono::{DateTime, Utc};
use event_core::RecordedEvent;
use event_core::adapter::import::judge::Target;
use event_sql::rows::state_name;
use uuid::Uuid;

use crate::append::stored;
use crate::sql::{PgQuery, Statements};

/// Bytes of payloads that are sent at a time.
const PORTION: usize = 4 << 20;

/// Streams, turned from rows to columns.
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
            columns.versions.push(stored(info.version.get()));
            columns.first.push(stored(info.first_version.get()));
            columns.states.push(state_name(info.state, info.holds_links));
            columns.created.push(info.created_at);
        }
        columns
    }
}

/// Events, turned from rows to columns.
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
    /// Adds an event; the keys are those of its stream, tenant and category.
    fn add(&mut self, event: &RecordedEvent, (stream, tenant, category): (i64, i32, i32)) {
        self.streams.push(stream);
        self.versions.push(stored(event.stream_version().get()));
        self.times.push(event.recorded_at());
        self.ids.push(event.event_id().as_uuid());
        self.tenants.push(tenant);
        self.categories.push(category);
        // A schema version is at most what the column holds.
        self.schemas.push(i32::try_from(event.event_version().get()).unwrap_or(i32::MAX));
        self.types.push(event.event_type().to_owned());
        self.data.push(event.data().get().to_owned());
        self.metadata.push(event.metadata().as_json().to_owned());
        self.positions.push(stored(event.position().get()));
    }

    /// The statement that stores them; with their positions if they keep them.
    fn insert(self, sql: &Statements, keep: bool) -> PgQuery<'_> {
        let statement = if keep { &sql.import_events_at } else { &sql.import_events };
        let query = statement.query().bind(self.streams).bind(self.versions).bind(self.times);
        let query = query.bind(self.ids).bind(self.tenants).bind(self.categories);
        let query = query.bind(self.schemas).bind(self.types).bind(self.data).bind(self.metadata);
        if keep { query.bind(self.positions) } else { query }
    }
}

/// An event and the keys of its stream, tenant and category.
pub(super) type Keyed<'e> = (&'e RecordedEvent, (i64, i32, i32));

/// The statement that stores the first of some events, a few megabytes of them or one that is larger, and how many those
/// are.
///
/// One statement a portion: a driver that leaves Nagle's algorithm on makes `COPY`, whose end is a message of its own,
/// wait 40 ms for the server's delayed acknowledgement.
pub(super) fn insert<'q>(
    sql: &'q Statements,
    keep: bool,
    events: &[Keyed<'_>],
) -> (PgQuery<'q>, usize) {
    let (mut portion, mut bytes) = (Events::default(), 0);
    for (event, keys) in events {
        if bytes >= PORTION {
            break;
        }
        bytes += event.data().get().len() + event.metadata().as_json().len();
        portion.add(event, *keys);
    }
    let count = portion.ids.len();
    (portion.insert(sql, keep), count)
}
