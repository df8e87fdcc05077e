//! All that a program needs to become the tool of its operators.

use chrono::{DateTime, Utc};
use event_core::{Event, InvalidEvent, Keys, RecordedEvent, View};
use serde::{Deserialize, Serialize};

/// A customer ordered, before there were channels.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 1)]
struct OrderPlacedV1 {
    customer: String,
}

/// A customer ordered.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 2, from = OrderPlacedV1, validate = a_customer)]
struct OrderPlaced {
    customer: String,
    channel: String,
}

impl From<OrderPlacedV1> for OrderPlaced {
    fn from(old: OrderPlacedV1) -> Self {
        Self { customer: old.customer, channel: "shop".into() }
    }
}

fn a_customer(event: &OrderPlaced, _: DateTime<Utc>) -> Result<(), InvalidEvent> {
    if event.customer.is_empty() {
        return Err(InvalidEvent::field("customer", "must not be empty"));
    }
    Ok(())
}

/// An order left the house.
#[derive(Serialize, Deserialize, Event)]
#[event(type = "order_shipped", version = 1)]
struct OrderShipped {
    parcels: u32,
}

#[derive(Event)]
enum OrderEvent {
    Placed(OrderPlaced),
    Shipped(OrderShipped),
}

/// The orders of a customer.
#[derive(Default, Serialize, Deserialize)]
struct Customers {
    orders: u64,
}

impl View for Customers {
    type Event = OrderEvent;
    const NAME: &'static str = "customers";

    fn keys(event: &OrderEvent, _: &RecordedEvent) -> Keys {
        match event {
            OrderEvent::Placed(placed) => Keys::one(&placed.customer),
            OrderEvent::Shipped(_) => Keys::none(),
        }
    }

    fn fold(&mut self, _: &OrderEvent, _: &RecordedEvent) {
        self.orders += 1;
    }
}

fn main() -> std::process::ExitCode {
    event_cli::run_with(event_cli::Host::view::<Customers>)
}
