//! Filters that few events of a long log pass, under a short limit for a statement: a page is bounded by what it looks at.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::error::BoxError;
use event_core::{
    AllOptions, Event, EventSet as _, EventStore, ExpectedVersion, Filter, Position, RecordedEvent,
};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::Noted;
use sqlx::PgConnection;

use crate::{pg, stream};

const NOISE: i64 = 600_000;

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

/// Keeps nothing: its checkpoint is what counts.
struct Rare;

impl PgProjection for Rare {
    type Event = Notes;
    const NAME: &'static str = "rare";
    const BUILD: u32 = 1;

    fn filter(&self) -> Filter {
        Filter::all().event_types(Notes::TYPES.iter().copied())
    }

    async fn create(&self, _: &mut PgConnection) -> Result<(), BoxError> {
        Ok(())
    }

    async fn apply(
        &self,
        _: &mut PgConnection,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        Ok(())
    }
}

/// A long log of another type, with one note at its end.
async fn open(database: &pg::Database<'_>) -> (Arc<PgAdapter>, Position) {
    database.adapter().await.close().await;
    let mut connection = database.connection().await;
    let fill = format!(
        "INSERT INTO event_store.tenants (name) VALUES ('default');
         INSERT INTO event_store.categories (name) VALUES ('noise');
         INSERT INTO event_store.streams (tenant_key, stream_id, category_key, version) VALUES (1, 'noise-1', 1, {NOISE});
         INSERT INTO event_store.events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
         SELECT 1, 1, 1, n, gen_random_uuid(), 'contract.strange', 1, '{{}}', '{{}}' FROM generate_series(1, {NOISE}) n;
         ANALYZE"
    );
    pg::run(&mut connection, &fill).await;
    let limit = Duration::from_millis(100);
    let adapter = database.options().statement_timeout(limit).connect().await.unwrap();
    let adapter = Arc::new(adapter);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let at = store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    (adapter, at.position)
}

#[tokio::test]
async fn a_filter_that_few_events_pass_makes_progress_within_the_limit() {
    let database = pg::shared().database().await;
    let (adapter, at) = open(&database).await;
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();

    let options = || AllOptions::new().event_types(Notes::TYPES.iter().copied());
    let page = store.read_all(options()).await.unwrap();
    assert_eq!(page.len(), 1, "a page is full as long as there is more");
    let nothing = store.read_all(AllOptions::new().event_types(["contract.nothing"])).await;
    assert!(nothing.unwrap().is_empty());
    let category = store.read_all(options().category("noise")).await.unwrap();
    assert!(category.is_empty());

    let mut projector = adapter.projector(Rare).await.unwrap();
    let mut positions = Vec::new();
    let written = projector.catch_up().progress(|at| positions.push(at.position)).await.unwrap();
    assert_eq!((written, projector.status().await.unwrap().position), (1, at));

    let filter = Rare.filter();
    let mut consumer = store.subscription("rare").filter(filter).open().await.unwrap();
    let delivery = consumer.next().await.unwrap().unwrap();
    assert_eq!(delivery.event().position(), at);
    delivery.ack().unwrap();
    consumer.close().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn the_place_that_was_read_up_to_is_kept_without_an_event() {
    let database = pg::shared().database().await;
    let (adapter, at) = open(&database).await;
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let nothing = || Filter::all().event_types(["contract.nothing"]);
    let mut consumer = store.subscription("none").filter(nothing()).open().await.unwrap();
    let place = async || store.subscriptions().await.unwrap()[0].position;
    tokio::select! {
        _ = consumer.next() => panic!("nothing passes the filter"),
        () = async {
            while place().await < at {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        } => {}
    }
    consumer.close().await.unwrap();
    store.close().await;
}
