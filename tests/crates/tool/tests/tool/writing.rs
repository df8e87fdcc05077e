//! What changes the store: appends, the ends of streams, exports and imports.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use crate::support::{Ran, Shop};

/// Runs the program with this input.
fn with_input(shop: &Shop, arguments: &[&str], input: &str) -> Ran {
    let mut command = shop.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that refuses its arguments reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn appended_events_are_stored_as_the_latest_version() {
    let shop = Shop::empty();
    let input = r#"{"type":"order_placed","data":{"customer":"ann","channel":"web"}}
[{"type":"order_placed","event_version":1,"data":{"customer":"bob"},"metadata":{"actor_id":"eve"}},
 {"type":"order_shipped","data":{"parcels":2}}]"#;
    let ran = with_input(&shop, &["append", "order-1", "--expect", "none", "--json"], input);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        (&ran.json()[0]["version"], &ran.json()[0]["outcome"]),
        (&json!(3), &json!("stored"))
    );
    let events = shop.ok(&["events", "order-1", "--json"]).json();
    assert_eq!(events[1]["data"], json!({ "customer": "bob", "channel": "shop" }));
    assert_eq!(
        (&events[1]["event_version"], &events[1]["metadata"]["actor_id"]),
        (&json!(2), &json!("eve"))
    );
    let again = with_input(&shop, &["append", "order-1", "--expect", "none"], input);
    assert_eq!(again.code, 3, "{}", again.stderr);
    assert!(again.stderr.contains("version"), "{}", again.stderr);
}

#[test]
fn a_refused_append_names_index_path_and_rule_of_each_event() {
    let shop = Shop::new();
    let input = r#"[
        {"type":"order_placed","data":{"customer":"ann","channel":"web"}},
        {"type":"order_placed","data":{"customer":"","channel":"web"}},
        {"type":"order_placed","data":{"customer":7,"channel":"web"}},
        {"type":"order_placed","data":{"customer":"ann","channel":"web","colour":"red"}},
        {"type":"order_plaqued","data":{}},
        {"type":"order_placed","event_version":9,"data":{}},
        {"type":"order_shipped","data":{"parcels":1},"meta":{}},
        {"type":"order_shipped","data":{"parcels":1},"id":"x"}
    ]"#;
    let ran = with_input(&shop, &["append", "order-1"], input);
    assert_eq!(ran.code, 3);
    for expected in [
        "7 of 8 events are refused",
        "event 1, at .data.customer: `customer` must not be empty",
        "event 2, at .data.customer: invalid type: integer `7`, expected a string",
        "event 3, at .data.colour: order_placed v2 has no such key",
        "event 4, at .type: event type `order_plaqued` is not registered",
        "event 5, at .event_version: event type `order_placed` is stored as v9",
        "event 6, at .: unknown field `meta`",
        "event 7, at .id:",
    ] {
        assert!(ran.stderr.contains(expected), "{} contains {expected}", ran.stderr);
    }
    assert_eq!(shop.ok(&["events", "order-1", "--json"]).json().len(), 1, "nothing was stored");
    for (input, expected) in
        [("{", "it is no JSON"), ("", "at least one event"), ("[1]", "event 0, at .")]
    {
        let ran = with_input(&shop, &["append", "order-1"], input);
        assert_eq!(ran.code, 3, "{input}");
        assert!(ran.stderr.contains(expected), "{} contains {expected}", ran.stderr);
    }
    let valid = r#"{"type":"order_shipped","data":{"parcels":1}}"#;
    let ran = with_input(&shop, &["append", "order-1", "--dry-run"], valid);
    assert_eq!(ran.stdout, "valid: 1 event; nothing was stored\n");
}

#[test]
fn the_end_of_a_stream_asks_first() {
    let shop = Shop::new();
    for _ in 0..3 {
        shop.append("order-1", "order_placed", 1, r#"{"customer":"bob"}"#);
    }
    shop.append("order-2", "order_placed", 1, r#"{"customer":"bob"}"#);
    for command in [
        &["archive", "order-1"][..],
        &["delete", "order-1"],
        &["truncate", "order-1", "--before", "2"],
    ] {
        let refused = shop.fails(command, 5);
        assert!(refused.contains("nothing was done") && refused.contains("--yes"), "{refused}");
    }
    assert_eq!(shop.ok(&["events", "order-1", "--json"]).json().len(), 4);
    shop.ok(&["truncate", "order-1", "--before", "3", "--yes"]);
    assert_eq!(shop.ok(&["events", "order-1", "--json"]).json()[0]["version"], 3);
    shop.ok(&["archive", "order-1", "--yes"]);
    let valid = r#"{"type":"order_shipped","data":{"parcels":1}}"#;
    assert!(with_input(&shop, &["append", "order-1"], valid).stderr.contains("archived"));
    shop.ok(&["delete", "order-2", "--yes"]);
    assert_eq!(
        shop.ok(&["streams", "--json", "--state", "deleted"]).json()[0]["stream"],
        "order-2"
    );
    shop.fails(&["delete", "order-9", "--yes"], 4);
}

#[test]
fn an_export_is_imported_and_an_interrupted_import_is_repeated() {
    let shop = Shop::new();
    shop.append("cart-\u{202e}1", "order_placed", 1, "{\"customer\":\"\u{202e}\u{9b} \u{1f600}\"}");
    shop.ok(&["export", "all.jsonl"]);
    assert!(shop.fails(&["export", "all.jsonl"], 1).contains("--force"));
    let piped = shop.ok(&["export"]).stdout;
    assert_eq!(piped, std::fs::read_to_string(shop.path("all.jsonl")).unwrap());
    let one = shop.ok(&["export", "--stream", "order-1"]).stdout;
    assert!(one.contains("order-1") && !one.contains("cart"), "{one}");

    // The input ends before it is whole.
    let cut: String = piped.lines().take(4).flat_map(|line| [line, "\n"]).collect();
    let other = ["--store", "sqlite:other.db"];
    let ran = with_input(&shop, &["import", other[0], other[1]], &cut);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("run the same command again"), "{}", ran.stderr);
    let whole = shop.ok(&["import", "all.jsonl", "--json", other[0], other[1]]).json();
    assert_eq!(whole[0]["stored"].as_u64().unwrap() + whole[0]["skipped"].as_u64().unwrap(), 2);
    let again = shop.ok(&["import", "all.jsonl", "--json", other[0], other[1]]).json();
    assert_eq!((&again[0]["stored"], &again[0]["skipped"]), (&json!(0), &json!(2)));
    let digest = |store: &[&str]| {
        let all = [&["verify", "--digest"], store].concat();
        let printed = shop.ok(&all).stdout;
        printed.lines().find(|line| line.starts_with("digest")).unwrap().to_owned()
    };
    assert_eq!(digest(&[]), digest(&other), "byte for byte");
    shop.fails(&["import", "none.jsonl", other[0], other[1]], 1);
}

#[test]
fn a_copy_and_a_backup_hold_the_same() {
    let shop = Shop::new();
    let copied = shop.ok(&["copy", "--to", "sqlite:copy.db"]).stdout;
    assert!(copied.starts_with("copied 1 event or link, skipped 0"), "{copied}");
    let again = shop.ok(&["copy", "--to", "sqlite:copy.db"]).stdout;
    assert!(again.starts_with("copied 0 events and links, skipped 1"), "{again}");
    shop.ok(&["backup", "monday.db"]);
    shop.fails(&["backup", "monday.db"], 1);
    let events = |store: &str| shop.ok(&["all", "--json", "--store", store]).stdout;
    assert_eq!(events("sqlite:copy.db"), events("sqlite:monday.db"));
}

#[test]
fn a_stream_of_another_tenant_is_not_begun_again() {
    use event_core::serde_json::value::RawValue;
    use event_core::{EventVersion, ExpectedVersion, NewEvent, Scope, StreamId, Tenant};
    let shop = Shop::empty();
    shop.with_store(async |store| {
        let store = store.with_scope(Scope::tenant(Tenant::new("north").unwrap()));
        let data = RawValue::from_string(r#"{"parcels":1}"#.to_owned()).unwrap();
        let event = NewEvent::raw("order_shipped", EventVersion::new(1), data);
        let stream = StreamId::new("order-1").unwrap();
        store.append(&stream, ExpectedVersion::Any, [event]).await.unwrap();
    });
    let valid = r#"{"type":"order_shipped","data":{"parcels":1}}"#;
    let ran = with_input(&shop, &["append", "order-1"], valid);
    assert_eq!(ran.code, 64, "{}", ran.stderr);
    assert!(ran.stderr.contains("north"), "{}", ran.stderr);
    assert_eq!(with_input(&shop, &["append", "order-1", "--tenant", "north"], valid).code, 0);
    assert_eq!(shop.ok(&["events", "order-1", "--json"]).json().len(), 2);
    assert!(shop.ok(&["streams", "--tenant", "south"]).stdout.is_empty());
}
