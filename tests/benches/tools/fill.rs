//! [`fill`]: the store that is measured.

use std::time::Duration;

use event_core::subscription::OnFailure;
use event_core::{
    AllOptions, BatchSize, Event, EventId, EventStore, EventVersion, ExpectedVersion, Filter, Keys,
    Metadata, NewEvent, Position, RecordedEvent, RetryPolicy, Scope, StartFrom, StreamId, Tenant,
    View,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::guess::{self, Guess};

/// How much is stored, and how often is measured.
pub(crate) struct Size {
    /// Events of the one long stream.
    pub(crate) long: u64,
    pub(crate) streams: u64,
    /// Events of each other stream.
    pub(crate) each: u64,
    pub(crate) parked: u64,
    /// Requests of each page.
    pub(crate) requests: usize,
    /// Rounds of each command.
    pub(crate) rounds: usize,
    pub(crate) tails: usize,
    /// Events that are appended under the eyes of the tails.
    pub(crate) watched: u64,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        long: 200_080,
        streams: 10_000,
        each: 80,
        parked: 100,
        requests: 300,
        rounds: 3,
        tails: 200,
        watched: 500,
    };
    pub(crate) const SHORT: Self = Self {
        long: 500,
        streams: 20,
        each: 5,
        parked: 5,
        requests: 2,
        rounds: 1,
        tails: 5,
        watched: 5,
    };
}

/// What was stored.
pub(crate) struct Filled {
    pub(crate) events: u64,
    /// Some events, with their tenants.
    pub(crate) some: Vec<(Tenant, EventId)>,
    pub(crate) head: u64,
}

/// Tenants of the store, besides `default`.
pub(crate) const TENANTS: u64 = 40;

/// A payment was refused, which is rare.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "bench.refused", version = 1)]
struct Refused {
    reason: String,
}

/// A closed set of the rare events.
#[derive(Debug, Event)]
enum Rare {
    Refused(Refused),
}

/// How many payments were refused.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Refusals(u64);

impl View for Refusals {
    type Event = Rare;
    const NAME: &'static str = "refusals";

    fn keys(_: &Rare, _: &RecordedEvent) -> Keys {
        Keys::one("all")
    }

    fn fold(&mut self, _: &Rare, _: &RecordedEvent) {
        self.0 += 1;
    }
}

/// The tenant and the name of a short stream.
pub(crate) fn stream(number: u64) -> (Tenant, StreamId) {
    let tenant = Tenant::new(format!("guild-{:02}", number % TENANTS)).unwrap();
    let category = ["game", "order", "account"][usize::try_from(number % 3).unwrap()];
    (tenant, StreamId::new(format!("{category}-{number:05}")).unwrap())
}

/// The long stream, of the default tenant.
pub(crate) fn long() -> StreamId {
    StreamId::new("ledger-1").unwrap()
}

/// Fills a new store.
pub(crate) async fn fill(url: &str, size: &Size) -> Filled {
    let store = EventStore::connect(url).stream_limit(None).await.unwrap();
    let data = guess::stored().1.data().get().to_owned();
    let rare = store.with_scope(Scope::tenant(Tenant::new("guild-07").unwrap()));
    let refused = (0..10).map(|at| Refused { reason: format!("card {at}") });
    rare.append(&StreamId::new("refusals-1").unwrap(), ExpectedVersion::NoStream, refused)
        .await
        .unwrap();
    let each = size.streams - 2;
    for number in 0..each {
        let (tenant, name) = stream(number);
        let metadata = Metadata::from_json(format!(r#"{{"source_id":"812345678901234567","correlation_id":"{name}-{}","actor_id":"712345678901234561"}}"#, number % 7)).unwrap();
        let events = (0..size.each).map(|_| event(&data).with_metadata(metadata.clone()));
        let store = store.with_scope(Scope::tenant(tenant));
        store.append(&name, ExpectedVersion::NoStream, events).await.unwrap();
        if number % 50 == 0 {
            let part = size.long / (each / 50 + 1);
            let events = (0..part).map(|_| event(&data));
            store
                .with_scope(Scope::tenant(Tenant::default()))
                .append(&long(), ExpectedVersion::Any, events)
                .await
                .unwrap();
        }
    }
    park(&store, size.parked).await;
    rare.all_tenants().view::<Refusals>().catch_up().await.unwrap();
    let filled = look(&store.all_tenants(), size).await;
    store.close().await;
    filled
}

fn event(data: &str) -> NewEvent {
    NewEvent::raw(
        Guess::TYPE,
        EventVersion::new(2),
        RawValue::from_string(data.to_owned()).unwrap(),
    )
}

/// Parks the first events.
async fn park(store: &EventStore, count: u64) {
    let subscription = store.all_tenants().subscription("payouts");
    let mut consumer = subscription
        .filter(Filter::all())
        .start_from(StartFrom::Beginning)
        .retry(RetryPolicy::never())
        .on_failing(OnFailure::Park)
        .open()
        .await
        .unwrap();
    for _ in 0..count {
        let delivery = consumer.next().await.unwrap().unwrap();
        delivery.fail("the bank did not answer").unwrap();
    }
    // What is parked is stored when the consumer closes, at the latest.
    consumer.close().await.unwrap();
    let parked = || async { store.all_tenants().subscriptions().await.unwrap()[0].parked };
    while parked().await < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Counts what is there, and takes some ids from all over the log.
async fn look(store: &EventStore, size: &Size) -> Filled {
    let head = store.head().await.unwrap().get();
    let events = 10
        + (size.streams - 2) * size.each
        + size.long / ((size.streams - 2) / 50 + 1) * ((size.streams - 2).div_ceil(50));
    let mut some = Vec::new();
    for at in 0..50 {
        let options = AllOptions::new()
            .after(Position::new(head * at / 50))
            .limit(BatchSize::new(1).unwrap());
        let event = store.read_all(options).await.unwrap().remove(0);
        some.push((event.tenant().clone(), event.event_id()));
    }
    Filled { events, some, head }
}
