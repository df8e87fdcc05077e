//! Orders: the events, the state that they fold into, and the rules. Nothing here knows a database or HTTP.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use event_core::{Aggregate, Event, InvalidEvent, Shape};
use serde::{Deserialize, Serialize};

/// An amount of money in cents; the shop has one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Shape)]
#[serde(transparent)]
pub(crate) struct Cents(pub(crate) u64);

/// The largest total.
const MOST: u64 = 1_000_000_000;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
pub(crate) struct Line {
    pub(crate) article: String,
    pub(crate) quantity: u32,
    pub(crate) price: Cents,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 1, validate = Self::check)]
pub(crate) struct OrderPlaced {
    pub(crate) customer: String,
    pub(crate) mail: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) total: Cents,
    pub(crate) deliver_on: NaiveDate,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_paid", version = 1)]
pub(crate) struct OrderPaid {
    pub(crate) amount: Cents,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order_shipped", version = 1)]
pub(crate) struct OrderShipped {
    pub(crate) parcels: u32,
}

/// Everything that happens to an order. A new event does not compile until each `match` handles it.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) enum OrderEvent {
    Placed(OrderPlaced),
    Paid(OrderPaid),
    Shipped(OrderShipped),
}

impl OrderPlaced {
    /// Checked when it is stored, never when it is read: old orders followed the rules of their time.
    fn check(&self, now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.customer.is_empty() || self.customer.contains(char::is_control) {
            return Err(InvalidEvent::field("customer", "must be a name"));
        }
        if self.deliver_on < now.date_naive() || self.deliver_on.year() > 9_999 {
            return Err(InvalidEvent::field("deliver_on", "must be from today to 9999"));
        }
        Ok(())
    }
}

/// The state of one order. The default is an order that nobody has placed.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Order {
    pub(crate) status: Status,
    customer: String,
    total: Cents,
    deliver_on: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    #[default]
    Missing,
    Placed,
    Paid,
    Shipped,
}

impl Aggregate for Order {
    type Event = OrderEvent;

    fn apply(&mut self, event: OrderEvent) {
        match event {
            OrderEvent::Placed(OrderPlaced { customer, total, deliver_on: day, .. }) => {
                *self = Self { status: Status::Placed, customer, total, deliver_on: Some(day) };
            }
            OrderEvent::Paid(_) => self.status = Status::Paid,
            OrderEvent::Shipped(_) => self.status = Status::Shipped,
        }
    }
}

/// What a customer, or the shop, wants: the body of a request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Command {
    Place { customer: String, mail: String, lines: Vec<Line>, deliver_on: NaiveDate },
    Pay(OrderPaid),
    Ship(OrderShipped),
}

/// Why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("an order has at least one article, and a total of ten million at most")]
    NothingToSell,
    #[error("the amount is not that of the order")]
    WrongAmount,
    #[error("the order is {0:?}")]
    WrongStatus(Status),
}

/// The rules: state and command in, events out. They have no effects, so a conflict can have them run again.
pub(crate) fn decide(order: &Order, command: &Command) -> Result<Vec<OrderEvent>, Refused> {
    let event = match (order.status, command.clone()) {
        (Status::Missing, Command::Place { customer, mail, lines, deliver_on }) => {
            let total = total(&lines).ok_or(Refused::NothingToSell)?;
            OrderPlaced { customer, mail, lines, total, deliver_on }.into()
        }
        (Status::Placed, Command::Pay(paid)) if paid.amount == order.total => paid.into(),
        (Status::Placed, Command::Pay(_)) => return Err(Refused::WrongAmount),
        (Status::Paid, Command::Ship(shipped)) => shipped.into(),
        (status, _) => return Err(Refused::WrongStatus(status)),
    };
    Ok(vec![event])
}

/// The sum of an order; `None` if it is nothing, or more than a till holds.
fn total(lines: &[Line]) -> Option<Cents> {
    let each = |line: &Line| line.price.0.checked_mul(line.quantity.into());
    let sum = lines.iter().try_fold(0, |sum: u64, line| sum.checked_add(each(line)?))?;
    (1..=MOST).contains(&sum).then_some(Cents(sum))
}

#[cfg(test)]
mod tests {
    use event_testing::given;

    use super::*;

    fn line(quantity: u32, cents: u64) -> Line {
        Line { article: "tea".into(), quantity, price: Cents(cents) }
    }

    fn placed(total: u64) -> OrderPlaced {
        let deliver_on = NaiveDate::from_ymd_opt(2030, 1, 31).unwrap();
        let (customer, mail) = ("ann".into(), "ann@example.org".into());
        OrderPlaced {
            customer,
            mail,
            lines: vec![line(2, total / 2)],
            total: Cents(total),
            deliver_on,
        }
    }

    fn place(lines: Vec<Line>) -> Command {
        let OrderPlaced { customer, mail, deliver_on, .. } = placed(0);
        Command::Place { customer, mail, lines, deliver_on }
    }

    #[test]
    fn an_order_costs_the_sum_of_its_lines() {
        let nothing: [OrderEvent; 0] = [];
        given::<Order>(nothing)
            .when(|order| decide(order, &place(vec![line(2, 450)])))
            .then([placed(900)]);
        let most = [vec![line(2, MOST)], vec![line(1, u64::MAX), line(1, 1)]];
        for lines in [vec![], vec![line(0, 5)], vec![line(2, u64::MAX)]].into_iter().chain(most) {
            let nothing: [OrderEvent; 0] = [];
            let refused =
                given::<Order>(nothing).when(|order| decide(order, &place(lines))).refused();
            assert_eq!(refused, Refused::NothingToSell);
        }
    }

    #[test]
    fn an_order_is_paid_in_full_and_shipped_once() {
        let pay = |cents| Command::Pay(OrderPaid { amount: Cents(cents) });
        let paid = OrderEvent::Paid(OrderPaid { amount: Cents(900) });
        let order = || given::<Order>([placed(900)]);
        assert_eq!(order().when(|it| decide(it, &pay(899))).refused(), Refused::WrongAmount);
        order().when(|it| decide(it, &pay(900))).then([paid.clone()]);

        let ship = Command::Ship(OrderShipped { parcels: 1 });
        let refused = order().when(|it| decide(it, &ship)).refused();
        assert_eq!(refused, Refused::WrongStatus(Status::Placed));
        let order = given::<Order>([placed(900).into(), paid]);
        order.when(|it| decide(it, &ship)).then([OrderShipped { parcels: 1 }]);
    }

    #[test]
    fn events_are_locked() {
        event_testing::lock::check(env!("CARGO_PKG_NAME"), env!("CARGO_MANIFEST_DIR"));
    }
}
