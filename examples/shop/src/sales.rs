//! What is asked across orders: the sales of each day. A view is the same on every backend, and is made of the events alone.

use event_core::{Keys, RecordedEvent, View};
use serde::{Deserialize, Serialize};

use crate::order::{Cents, OrderEvent};

/// The sales of one day.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sales {
    orders: u64,
    revenue: Cents,
}

impl View for Sales {
    type Event = OrderEvent;
    const NAME: &'static str = "sales";

    fn keys(_: &OrderEvent, recorded: &RecordedEvent) -> Keys {
        Keys::one(recorded.recorded_at().date_naive().to_string())
    }

    fn fold(&mut self, event: &OrderEvent, _: &RecordedEvent) {
        match event {
            OrderEvent::Placed(_) => self.orders += 1,
            OrderEvent::Paid(paid) => self.revenue.0 = self.revenue.0.saturating_add(paid.amount.0),
            OrderEvent::Shipped(_) => {}
        }
    }
}
