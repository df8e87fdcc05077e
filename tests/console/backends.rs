//! The same pages, whichever backend the store is on.

use event_console::Console;
use event_core::EventStore;

use crate::filled::{Customers, family, orders, parked};
use crate::site::Site;

/// Every page shows what was stored, and an action does what it says.
async fn shows_every_page(store: &EventStore) {
    orders(store, 5).await;
    let shipped = family(store).await;
    parked(store, "the mail server is down").await;
    store.view::<Customers>().catch_up().await.unwrap();
    let site = Site::serve(Console::new(store).allow_actions(true)).await;
    let event = format!("/event/default/{}", shipped.event_id());
    let mailer = "/subscriptions/of/default/mailer";
    for (path, expected) in [
        ("/", "Latest events"),
        ("/streams?category=order", "order-04"),
        ("/stream/default/order-family", "order_placed"),
        ("/events", "parcel-1"),
        (&*event, "order_shipped"),
        ("/types/order_placed", "Migrations: v1 to v2, v2 to v3"),
        ("/subscriptions", "mailer"),
        (mailer, "the mail server is down"),
        ("/projections", "customers"),
        ("/tenants", "default"),
        ("/health", "Round trip"),
        ("/metrics", "event_store_up 1"),
    ] {
        let page = site.page(path).await;
        assert!(page.contains(expected), "{path}: {page}");
    }
    let page = site.get(mailer).await;
    let fields =
        [("form_token", &*page.form_token()), ("position", ""), ("reason", "a test of all pages")];
    let answer = site.send(&format!("{mailer}/discard"), &page.cookie.unwrap(), &fields).await;
    assert_eq!(answer.status, 303);
    assert!(site.page(mailer).await.contains("a test of all pages"));
    assert!(store.subscription("mailer").parked().await.unwrap().is_empty());
}

#[tokio::test]
async fn in_memory() {
    shows_every_page(&EventStore::in_memory().unwrap()).await;
}

#[tokio::test]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    shows_every_page(&EventStore::connect(&url).await.unwrap()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn on_postgres() {
    let server = crate::pg::shared();
    let database = server.database().await;
    let store = EventStore::connect(&server.url_of(&database)).await.unwrap();
    shows_every_page(&store).await;
    store.close().await;
}
