//! The builds of a projection in tables: switched and dropped by their names, by a program without its code.

use std::sync::Arc;

use event_core::error::BoxError;
use event_core::{Event, EventStore, RecordedEvent};
use event_sqlite::{SqliteAdapter, SqliteProjection, SqliteTables};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::screen::Screen;
use crate::support::Shop;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "order_shipped", version = 1)]
struct OrderShipped {
    parcels: u32,
}

#[derive(Event)]
enum Shipments {
    Shipped(OrderShipped),
}

/// The parcels of each event.
struct Parcels<const BUILD: u32>;

impl<const BUILD: u32> SqliteProjection for Parcels<BUILD> {
    type Event = Shipments;
    const NAME: &'static str = "parcels";
    const BUILD: u32 = BUILD;

    async fn create(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
    ) -> Result<(), BoxError> {
        let create = "CREATE TABLE {parcels} (parcels INTEGER NOT NULL) STRICT";
        sqlx::query(tables.sql(create)).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
        events: Vec<(Shipments, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (Shipments::Shipped(shipped), _) in events {
            let insert = sqlx::query(tables.sql("INSERT INTO {parcels} VALUES (?1)"));
            insert.bind(shipped.parcels).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

/// A store with both builds, the first of which readers read.
fn built() -> Shop {
    let shop = Shop::empty();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":2}"#);
    shop.append("order-2", "order_shipped", 1, r#"{"parcels":3}"#);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let adapter = Arc::new(SqliteAdapter::connect(&shop.url()).await.unwrap());
        let store = EventStore::new(Arc::clone(&adapter)).unwrap();
        let mut first = adapter.projector(Parcels::<1>).await.unwrap();
        first.catch_up().await.unwrap();
        first.switch().await.unwrap();
        adapter.projector(Parcels::<2>).await.unwrap().catch_up().await.unwrap();
        store.close().await;
    });
    shop
}

fn builds(shop: &Shop) -> Vec<(u64, bool)> {
    let builds = shop.ok(&["projections", "--json"]).json();
    let build = |it: &serde_json::Value| (it["build"].as_u64(), it["current"].as_bool());
    let mut builds: Vec<_> =
        builds.iter().map(build).map(|(build, is)| (build.unwrap(), is.unwrap())).collect();
    builds.sort_unstable();
    builds
}

#[test]
fn builds_in_tables_are_switched_and_dropped_on_the_command_line() {
    let shop = built();
    assert_eq!(builds(&shop), [(1, true), (2, false)]);
    assert!(shop.fails(&["projections", "drop", "parcels", "1", "--yes"], 1).contains("read it"));
    let switched = shop.ok(&["projections", "switch", "parcels", "2", "--json"]).json();
    assert_eq!(switched[0]["done"], json!("switched"));
    assert_eq!(builds(&shop), [(1, false), (2, true)]);
    shop.ok(&["projections", "drop", "parcels", "1", "--yes"]);
    assert_eq!(builds(&shop), [(2, true)]);
    assert!(shop.ok(&["verify"]).stdout.starts_with("sound"));
    // Its code is in another program.
    assert!(shop.fails(&["projections", "rebuild", "parcels"], 1).contains("the code"));
}

/// Puts the cursor on a build, and waits until it is shown there.
fn select(screen: &mut Screen, build: &str) {
    let is_of = |line: &str| {
        let line = line.trim_start_matches(['›', ' ']);
        line.starts_with("parcels") && line.split_whitespace().nth(1) == Some(build)
    };
    let shown = screen.shows("›parcels");
    let place = |wanted: &dyn Fn(&str) -> bool| shown.lines().position(wanted).unwrap();
    let (here, there) = (place(&|line| line.starts_with('›')), place(&is_of));
    if here != there {
        screen.press(if here < there { "j" } else { "k" });
    }
    screen.shows_what(|shown| shown.lines().any(|line| line.starts_with('›') && is_of(line)));
}

#[test]
fn builds_in_tables_are_switched_and_dropped_in_browse() {
    let shop = built();
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.press("5");
    select(&mut screen, "2");
    screen.press("S");
    screen.shows("read build 2?");
    screen.press("n");
    screen.shows("nothing was done");
    assert_eq!(builds(&shop), [(1, true), (2, false)]);
    screen.press("S");
    screen.shows("read build 2?");
    screen.press("y");
    screen.shows("readers of parcels read build 2 now");
    assert_eq!(builds(&shop), [(1, false), (2, true)]);
    select(&mut screen, "2");
    screen.press("S");
    screen.shows("readers read this build already");
    select(&mut screen, "1");
    screen.press("D");
    screen.shows("Drop build 1 of parcels?");
    screen.press("y");
    screen.shows("build 1 of parcels is dropped");
    assert_eq!(builds(&shop), [(2, true)]);
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}
