//! `doctor` on files that are set up badly, or full of what nobody needs.

use event_core::serde_json::value::RawValue;
use event_core::{EventVersion, ExpectedVersion, NewEvent, StreamId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection, raw_sql};

use crate::support::Shop;

#[test]
fn a_file_that_is_nearly_as_large_as_it_may_be_is_found() {
    let shop = Shop::new();
    let long = format!(r#"{{"customer":"{}"}}"#, "x".repeat(950 << 10));
    shop.append("order-1", "order_placed", 1, &long);
    let url = format!("{}?max_size_mb=1", shop.url());
    let said = shop.ok(&["doctor", "--store", &url]).stdout;
    assert!(said.contains("MiB that it may have") && said.contains("max_size_mb"), "{said}");
    assert!(shop.ok(&["doctor"]).stdout.contains("nothing to mend"));
}

#[test]
fn a_long_log_and_room_for_nothing_are_found() {
    let shop = Shop::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A reader that does not end: the log grows.
    let mut reader = runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(shop.path("shop.db"));
        let mut reader = SqliteConnection::connect_with(&options).await.unwrap();
        raw_sql("BEGIN; SELECT count(*) FROM events").execute(&mut reader).await.unwrap();
        reader
    });
    shop.with_store(async |store| {
        let stream = StreamId::new("order-2").unwrap();
        let long = format!(r#"{{"customer":"{}"}}"#, "x".repeat(1 << 20));
        for _ in 0..70 {
            let data = RawValue::from_string(long.clone()).unwrap();
            let event = NewEvent::raw("order_placed", EventVersion::new(1), data);
            store.append(&stream, ExpectedVersion::Any, [event]).await.unwrap();
        }
    });
    let said = shop.ok(&["doctor", "--json"]).stdout;
    assert!(said.contains("the write-ahead log is") && said.contains("does not end"), "{said}");
    runtime.block_on(async {
        raw_sql("COMMIT").execute(&mut reader).await.unwrap();
        reader.close().await.unwrap();
    });
    shop.ok(&["truncate", "order-2", "--before", "70", "--yes"]);
    let said = shop.ok(&["doctor", "--json"]).stdout;
    assert!(said.contains("of the file hold nothing") && said.contains("`backup`"), "{said}");
    shop.ok(&["backup", "small.db"]);
    assert!(shop.ok(&["doctor", "--store", "sqlite:small.db"]).stdout.contains("nothing to mend"));
}

#[test]
fn a_file_in_another_journal_mode_is_put_right() {
    let shop = Shop::new();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(shop.path("shop.db"));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        raw_sql("PRAGMA journal_mode = DELETE").execute(&mut other).await.unwrap();
        other.close().await.unwrap();
    });
    // Whoever opens the store to write puts it right.
    assert!(shop.ok(&["doctor"]).stdout.contains("nothing to mend"));
    let mode: String = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(shop.path("shop.db"));
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut other).await.unwrap()
    });
    assert_eq!(mode, "wal");
}
