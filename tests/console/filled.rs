//! A store with something to see: streams of several tenants, an event type of three versions, causes and effects, hostile
//! payloads, and a subscription with parked events.

use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::subscription::OnFailure;
use event_core::{
    Event, EventStore, ExpectedVersion, Filter, Keys, MemoryAdapter, ReadOptions, RecordedEvent,
    RetryPolicy, Scope, StartFrom, StreamId, Tenant, View,
};
use serde::{Deserialize, Serialize};

/// An order was placed, by a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 1)]
pub(crate) struct OrderPlacedV1 {
    pub(crate) customer: String,
    pub(crate) total: u32,
}

/// An order was placed, through a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 2, from = OrderPlacedV1)]
pub(crate) struct OrderPlacedV2 {
    pub(crate) customer: String,
    pub(crate) total: u32,
    pub(crate) channel: String,
}

/// An order was placed: its total is in cents, and named so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 3, from = OrderPlacedV2)]
pub(crate) struct OrderPlaced {
    pub(crate) customer: String,
    pub(crate) channel: String,
    pub(crate) total_cents: u32,
}

impl From<OrderPlacedV1> for OrderPlacedV2 {
    fn from(old: OrderPlacedV1) -> Self {
        Self { customer: old.customer, total: old.total, channel: "shop".into() }
    }
}

impl From<OrderPlacedV2> for OrderPlaced {
    fn from(old: OrderPlacedV2) -> Self {
        Self { customer: old.customer, channel: old.channel, total_cents: old.total * 100 }
    }
}

/// A message was sent to a customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "mail_sent", version = 1)]
pub(crate) struct MailSent {
    pub(crate) to: String,
    pub(crate) text: String,
}

/// A parcel left the house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_shipped", version = 1)]
pub(crate) struct OrderShipped {
    pub(crate) parcels: u32,
}

#[derive(Event)]
pub(crate) enum ShopEvent {
    Placed(OrderPlaced),
    Shipped(OrderShipped),
}

/// How often a customer ordered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Customers {
    orders: u64,
}

impl View for Customers {
    type Event = ShopEvent;
    const NAME: &'static str = "customers";

    fn keys(event: &ShopEvent, _: &RecordedEvent) -> Keys {
        match event {
            ShopEvent::Placed(placed) => Keys::one(&placed.customer),
            ShopEvent::Shipped(_) => Keys::none(),
        }
    }

    fn fold(&mut self, _: &ShopEvent, _: &RecordedEvent) {
        self.orders += 1;
    }
}

/// The view, and a second build that is not current.
pub(crate) async fn built(store: &EventStore) {
    store.view::<Customers>().catch_up().await.unwrap();
    let models = store.backend::<MemoryAdapter>().unwrap().read_models().unwrap();
    let first = models.builds("customers").await.unwrap().remove(0);
    models.begin("customers", 2, &first.definition).await.unwrap();
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

/// Orders `order-00` to `order-NN`, each placed; every third as an old version.
pub(crate) async fn orders(store: &EventStore, count: u32) {
    for number in 0..count {
        let id = stream(&format!("order-{number:02}"));
        let customer = format!("customer {number}");
        if number % 3 == 0 {
            let event = OrderPlacedV1 { customer, total: 12 + number };
            store.append(&id, ExpectedVersion::Any, [event]).await.unwrap();
        } else {
            let channel = "phone".to_owned();
            let event = OrderPlaced { customer, channel, total_cents: 100 * number };
            store.append(&id, ExpectedVersion::Any, [event]).await.unwrap();
        }
    }
}

/// An order that caused a mail and a parcel, which caused another mail. Returns the parcel.
pub(crate) async fn family(store: &EventStore) -> RecordedEvent {
    let order = stream("order-family");
    let placed = OrderPlacedV1 { customer: "ann".into(), total: 7 };
    store.append(&order, ExpectedVersion::Any, [placed]).await.unwrap();
    let placed = first(store, &order).await;
    let mail = |text: &str| MailSent { to: "ann".into(), text: text.into() };
    let caused = store.with_scope(Scope::caused_by(&placed));
    let box_ = stream("mail-ann");
    caused.append(&box_, ExpectedVersion::Any, [mail("thank you")]).await.unwrap();
    let parcel = stream("parcel-1");
    caused.append(&parcel, ExpectedVersion::Any, [OrderShipped { parcels: 2 }]).await.unwrap();
    let shipped = first(store, &parcel).await;
    let caused = store.with_scope(Scope::caused_by(&shipped));
    caused.append(&box_, ExpectedVersion::Any, [mail("on its way")]).await.unwrap();
    shipped
}

pub(crate) async fn first(store: &EventStore, id: &StreamId) -> RecordedEvent {
    store.read_stream(id, ReadOptions::forward()).await.unwrap().remove(0)
}

/// A subscription `mailer` that parks every order.
pub(crate) async fn parked(store: &EventStore, reason: &str) {
    let mut consumer = store
        .subscription("mailer")
        .filter(Filter::all().category("order"))
        .start_from(StartFrom::Beginning)
        .retry(RetryPolicy::never())
        .on_failing(OnFailure::Park)
        .lease(Duration::from_millis(300))
        .open()
        .await
        .unwrap();
    let goal = store.head().await.unwrap();
    loop {
        let info = store.subscriptions().await.unwrap();
        if info.iter().any(|it| it.name == "mailer" && it.position >= goal) {
            break;
        }
        if let Ok(Some(delivery)) =
            tokio::time::timeout(Duration::from_millis(200), consumer.next()).await
        {
            delivery.unwrap().fail(reason.to_owned()).unwrap();
        }
    }
    consumer.close().await.unwrap();
}
