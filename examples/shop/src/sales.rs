//! What is asked across orders, from the events alone and the same on every backend: a view, which is behind by a moment, and a table
//! projection, which is written in the transaction that stores an order.

use event_core::error::BoxError;
use event_core::{Keys, RecordedEvent, TableProjection, TablesTx, View};
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

/// The orders of each customer, in a table of the shop's own.
pub(crate) struct Orders;

const CREATE: &str = "CREATE TABLE {orders} (
  tenant text, id text, customer text NOT NULL, status text NOT NULL, total integer NOT NULL, day date NOT NULL, PRIMARY KEY (tenant, id)
)";
const PLACE: &str = "INSERT INTO {orders} VALUES ($1, $2, $3, 'placed', $4, $5)";
const SET: &str = "UPDATE {orders} SET status = $3 WHERE tenant = $1 AND id = $2";

impl TableProjection for Orders {
    type Event = OrderEvent;
    const NAME: &'static str = "orders";

    fn create() -> &'static [&'static str] {
        &[CREATE]
    }

    async fn apply(&self, event: OrderEvent, at: &RecordedEvent, tx: &mut TablesTx<'_>) -> Done {
        let (tenant, id) = (at.tenant(), at.stream_id());
        match event {
            OrderEvent::Placed(it) => {
                let row = (tenant, id, it.customer, it.total.0.cast_signed(), it.deliver_on);
                tx.execute(PLACE, row).await?
            }
            OrderEvent::Paid(_) => tx.execute(SET, (tenant, id, "paid")).await?,
            OrderEvent::Shipped(_) => tx.execute(SET, (tenant, id, "shipped")).await?,
        };
        Ok(())
    }
}

type Done = Result<(), BoxError>;
