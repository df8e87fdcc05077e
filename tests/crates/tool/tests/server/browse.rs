//! `browse` on a server, which goes away and comes back.

use crate::pg::{Cluster, Fsync};
use crate::screen::Screen;
use crate::{order, run};

#[tokio::test]
async fn it_shows_a_store_on_a_server_and_waits_for_it() {
    let cluster = Cluster::start(Fsync::Off);
    let database = cluster.database().await;
    order(&database.url);
    let mut screen = Screen::new(&database.url, &["browse"], (80, 24));
    screen.shows("order-1");
    screen.press("\r");
    screen.shows("order_placed");
    screen.press("\r");
    screen.shows(r#""channel": "shop""#);
    screen.press("3");
    screen.shows("order_placed");
    let shipped = r#"{"type":"order_shipped","data":{"parcels":7}}"#;
    assert_eq!(run(&database.url, &["append", "order-7"], shipped).0, 0);
    screen.shows("order-7");

    cluster.crash();
    screen.shows("store unreachable");
    screen.press("2");
    cluster.restart();
    screen.shows("order_shipped");
    // What is committed from now on comes in as well.
    screen.press("3");
    screen.shows("order-7");
    assert_eq!(run(&database.url, &["append", "order-8"], shipped).0, 0);
    screen.shows("order-8");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}
