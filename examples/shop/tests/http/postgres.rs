//! The move of a shop from its file to a server.

use event_core::EventStore;
use event_postgres as _;

use crate::process::{Shop, until};
use crate::session::play;
use crate::{pay, pg, place};

#[tokio::test]
async fn a_shop_that_moves_to_a_server_gives_the_same_answers() {
    let mut shop = Shop::open().await;
    let placed = shop.post("/orders/1", "key-1", &place("ann@example.org")).await;
    shop.post("/orders/2", "key-2", &place("nowhere")).await;
    shop.post("/orders/1", "key-3", &pay(900)).await;
    let before = shop.answers().await;
    until("a mail", async || (shop.mails().len() == 1).then_some(())).await;

    let database = pg::shared().database().await;
    let from = EventStore::connect(shop.store()).await.unwrap();
    let to = EventStore::connect(&database.url).await.unwrap();
    from.all_tenants().copy_to(&to.all_tenants()).await.unwrap();
    shop.move_to(database.url.clone()).await;

    assert_eq!(shop.answers().await, before);
    assert_eq!(shop.post("/orders/1", "key-1", &place("ann@example.org")).await, placed);
    shop.post("/orders/3", "key-4", &place("bob@example.org")).await;
    until("the mail of the new order alone", async || (shop.mails().len() == 2).then_some(()))
        .await;
}

#[tokio::test]
async fn the_session_of_the_readme_goes_on_at_a_server() {
    let database = pg::shared().database().await;
    play("README.md", "session", Some(&database.url)).await;
}
