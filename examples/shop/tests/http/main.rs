//! The shop as its customers meet it: a process, over HTTP, that is killed and started again.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod guide;
#[cfg(feature = "postgres")]
#[path = "../../../../tests/support/pg.rs"]
mod pg;
#[cfg(feature = "postgres")]
mod postgres;
mod process;
mod session;

use event_core::EventStore;
use event_sqlite as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use process::{Shop, until};

fn place(mail: &str) -> Value {
    let lines = json!([{ "article": "tea", "quantity": 2, "price": 450 }]);
    json!({ "place": { "customer": "ann", "mail": mail, "lines": lines, "deliver_on": "2099-01-31" } })
}

fn pay(amount: u64) -> Value {
    json!({ "pay": { "amount": amount } })
}

#[tokio::test]
async fn an_order_is_placed_paid_and_shipped() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/orders/1").await.0, 404);

    let placed =
        json!({ "status": "placed", "customer": "ann", "total": 900, "deliver_on": "2099-01-31" });
    let first = shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    assert_eq!(first, (200, json!({ "order": placed, "version": 1 })));

    let (status, refused) = shop.post("/orders/1", "key-2", &pay(1)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("refused")));
    shop.post("/orders/1", "key-3", &pay(900)).await;
    let (status, refused) = shop.post("/orders/1", "key-4", &pay(900)).await;
    assert_eq!((status, &refused["message"]), (409, &json!("the order is Paid")));
    assert_eq!(shop.post("/orders/1", "key-5", &json!({ "ship": { "parcels": 1 } })).await.0, 200);

    let again = shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    assert_eq!(again, first, "a repeat is answered as the first time");
    assert_eq!(shop.get("/orders/1").await.1["order"]["status"], "shipped");
    assert_eq!(
        shop.post("/orders/2", "key-1", &place("ann@example.org")).await.0,
        409,
        "a key of another order"
    );
}

#[tokio::test]
async fn what_cannot_be_an_order_is_refused_and_leaves_nothing() {
    let shop = Shop::open().await;
    let mut late = place("ann@example.org");
    late["place"]["deliver_on"] = json!("2020-01-31");
    let with = |key: &str, value: Value| {
        let mut body = place("ann@example.org");
        body["place"][key] = value;
        body
    };
    let large = json!([{ "article": "tea", "quantity": 4_000_000_000_u32, "price": u64::MAX / 2 }]);
    let dear = json!([{ "article": "tea", "quantity": 2, "price": 5_000_000_000_000_000_000_u64 }]);
    for (body, expected) in [
        (with("lines", large), 409),
        (with("lines", dear), 409),
        (with("deliver_on", json!("+12000-01-01")), 422),
        (with("customer", json!("a\u{0}b")), 422),
        (with("customer", json!("")), 422),
        (late, 422),
        (json!({ "steal": {} }), 422),
        (pay(900), 409),
    ] {
        assert_eq!(shop.post("/orders/1", "key-1", &body).await.0, expected, "{body}");
        assert_eq!(shop.get("/orders/1").await.0, 404);
    }
    assert_eq!(shop.post("/orders/%00", "key-1", &place("ann@example.org")).await.0, 400);
}

#[tokio::test]
async fn a_request_that_is_sent_many_times_at_once_is_one_order() {
    let shop = Shop::open().await;
    let body = place("ann@example.org");
    let answers = join_all((0..20).map(|_| shop.post("/orders/1", "key-1", &body))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(shop.get("/orders/1").await.1["version"], 1);
}

#[tokio::test]
async fn tenants_see_their_own_orders_only() {
    let shop = Shop::open().await;
    shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    assert_eq!(shop.get_as("north", "/orders/1").await.0, 404);
    assert_eq!(shop.get_as("a\tb", "/orders/1").await.0, 400);
}

#[tokio::test]
async fn the_sales_of_a_month_include_what_was_ordered_before_the_question() {
    let shop = Shop::open().await;
    for (number, key) in [("1", "key-1"), ("2", "key-2")] {
        shop.post(&format!("/orders/{number}"), key, &place("ann@example.org")).await;
    }
    shop.post("/orders/1", "key-3", &pay(900)).await;
    let (status, days) = shop.get("/sales/2").await;
    let days: Vec<&Value> = days.as_object().unwrap().values().collect();
    let sum = |key: &str| days.iter().filter_map(|day| day[key].as_u64()).sum::<u64>();
    assert_eq!((status, sum("orders"), sum("revenue")), (200, 2, 900), "{days:?}"); // two days around midnight
    assert_eq!(shop.get("/sales/1999-12").await, (200, json!({})));
    assert_eq!(shop.get_as("north", "/sales/2").await, (200, json!({})));
    assert!(shop.text("/console").await.contains("<html"));
}

#[tokio::test]
async fn a_customer_sees_an_order_at_once() {
    let shop = Shop::open().await;
    for number in 1..=5 {
        shop.post(&format!("/orders/{number}"), &format!("key-{number}"), &place("a@b.org")).await;
        let (status, orders) = shop.get("/customers/ann").await;
        assert_eq!((status, orders.as_object().unwrap().len()), (200, number));
    }
    shop.post("/orders/1", "key-6", &pay(900)).await;
    let (_, orders) = shop.get("/customers/ann").await;
    assert_eq!((&orders["order-1"], &orders["order-2"]), (&json!("paid"), &json!("placed")));
    assert_eq!(shop.get_as("north", "/customers/ann").await, (200, json!({})));
    assert_eq!(shop.get("/customers/bob").await, (200, json!({})));
}

#[tokio::test]
async fn a_shop_that_is_killed_gives_the_same_answers_afterwards() {
    let mut shop = Shop::open().await;
    let placed = shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    shop.post("/orders/2", "key-2", &place("bob@example.org")).await;
    shop.post("/orders/2", "key-3", &pay(900)).await;
    let before = shop.answers().await;

    shop.kill_and_reopen().await;
    assert_eq!(shop.answers().await, before);
    assert_eq!(shop.post("/orders/1", "key-1", &place("ann@example.org")).await, placed);
    until("a mail for each order", async || (shop.mails().len() == 2).then_some(())).await;

    assert!(shop.terminate().await.success(), "a signal ends it in order");
}

#[tokio::test]
async fn an_order_without_an_address_is_parked_and_holds_up_no_other() {
    let shop = Shop::open().await;
    shop.post("/orders/1", "key-1", &place("nowhere")).await;
    shop.post("/orders/2", "key-2", &place("bob@example.org")).await;
    until("the mail of the other order", async || (shop.mails().len() == 1).then_some(())).await;
    assert!(
        shop.mails()[0].contains("To: bob@example.org\nSubject: order-2\n"),
        "{:?}",
        shop.mails()
    );
    assert!(shop.mails()[0].contains("Total: 9.00"), "{:?}", shop.mails());

    let store = EventStore::connect(shop.store()).await.unwrap();
    let mail = store.all_tenants().subscription("mail");
    let parked = until("a parked event", async || mail.parked().await.unwrap().pop()).await;
    assert!(parked.error.contains("is no address"), "{}", parked.error);
}

#[tokio::test]
async fn what_happens_is_measured() {
    let shop = Shop::open().await;
    shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    assert_eq!(shop.get("/health").await.1["read_only"], false);
    let metrics = shop.text("/metrics").await;
    for name in ["event_store_operation_seconds", "event_store_events_appended_total 1"] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
}
