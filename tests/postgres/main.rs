//! Tests that need a PostgreSQL server: contention, faults, schema migrations, reading in commit order, round trips.
//!
//! Each test gets its own database on a server that runs as long as this process; see `support/pg.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod append_in;
mod behind;
mod beside;
mod calls;
mod chaos;
mod concurrency;
mod connections;
mod consume;
mod contract;
mod copying;
mod failover;
mod faults;
mod fence;
mod frontier;
mod game;
mod group;
mod hosts;
mod hot;
mod import;
mod inline;
mod inspect;
mod limits;
mod link;
mod neighbours;
mod plans;
mod pooler;
mod projection;
mod read;
mod rights;
mod roundtrips;
mod row_security;
mod schema;
mod sequences;
mod sparse;
mod sqlstates;
mod stall;
mod standby;
mod stopped;
mod subscribe;
mod successor;
#[cfg(feature = "tls")]
mod tls;
mod torture;
mod verify;

#[path = "../support/bouncer.rs"]
mod bouncer;
#[path = "../support/contested.rs"]
mod contested;
#[path = "../support/filled.rs"]
mod filled;
#[path = "../support/gate.rs"]
mod gate;
#[path = "../support/jumps.rs"]
mod jumps;
#[path = "../support/model.rs"]
mod model;
#[path = "../support/pg.rs"]
mod pg;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/readers.rs"]
mod readers;
#[path = "../support/travel.rs"]
mod travel;

use std::sync::Arc;

use event_core::adapter::append::{Commit, StreamAppend};
use event_core::adapter::{Adapter, TenantView};
use event_core::envelope::EventData;
use event_core::serde_json::value::RawValue;
use event_core::{
    AllOptions, EventId, EventVersion, ExpectedVersion, Metadata, Position, ReadOptions,
    RecordedEvent, Result, StreamId, StreamVersion, Tenant,
};
use event_postgres::PgAdapter;

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

const fn exact(version: u64) -> ExpectedVersion {
    ExpectedVersion::Exact(StreamVersion::new(version))
}

/// The view of the default tenant.
fn default_tenant() -> TenantView {
    TenantView::One(Tenant::default())
}

/// An event with a given id.
fn event(id: EventId) -> EventData {
    EventData {
        id,
        event_type: "noted".into(),
        version: EventVersion::FIRST,
        data: RawValue::from_string(r#"{ "text":"x" }"#.into()).unwrap(),
        metadata: Metadata::new(),
    }
}

fn events(count: usize) -> Vec<EventData> {
    (0..count).map(|_| event(EventId::new())).collect()
}

fn append(name: &str, expected: ExpectedVersion, events: Vec<EventData>) -> StreamAppend {
    StreamAppend { stream_id: stream(name), expected, events }
}

/// A commit of one or several appends, without a stream limit.
fn commit(appends: impl Into<Vec<StreamAppend>>) -> Commit {
    Commit { tenant: Tenant::default(), appends: appends.into(), stream_limit: None, retry: false }
}

/// A commit of a single append.
fn one(name: &str, expected: ExpectedVersion, events: Vec<EventData>) -> Commit {
    commit([append(name, expected, events)])
}

/// The first page of a stream.
async fn page(adapter: &PgAdapter, name: &str) -> Result<Vec<RecordedEvent>> {
    adapter.read_stream(&default_tenant(), &stream(name), ReadOptions::forward()).await
}

/// The first page of all tenants' events after a position.
async fn after(adapter: &PgAdapter, position: u64) -> Vec<RecordedEvent> {
    let options = AllOptions::new().after(Position::new(position));
    adapter.read_all(&TenantView::All, &options).await.unwrap()
}

fn ids(events: &[RecordedEvent]) -> Vec<EventId> {
    events.iter().map(RecordedEvent::event_id).collect()
}

fn versions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.stream_version().get()).collect()
}

/// Runs `writers` tasks concurrently on one adapter; returns their results by task number.
async fn concurrently<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    adapter: &Arc<PgAdapter>,
    writers: usize,
    work: impl Fn(usize, Arc<PgAdapter>) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..writers).map(|n| tokio::spawn(work(n, Arc::clone(adapter)))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
