//! Lists and reads.

use serde_json::json;

use crate::support::Shop;

#[test]
fn types_lists_what_the_program_links() {
    let shop = Shop::empty();
    let table = shop.ok(&["types"]).stdout;
    assert!(table.starts_with("TYPE"), "{table}");
    assert!(table.contains("order_placed       v2  v1→v2"), "{table}");
    let types = shop.ok(&["types", "--json"]).json();
    assert_eq!(types[0]["type"], "order_placed");
    assert_eq!(types[0]["migrations"][0]["to"], 2);
    assert_eq!(types[1]["type"], "order_shipped");
    assert_eq!(shop.ok(&["types", "ship", "--json"]).json().len(), 1);
}

#[test]
fn streams_are_filtered_and_sorted() {
    let shop = Shop::new();
    for stream in ["order-2", "order-2", "cart-1"] {
        shop.append(stream, "order_placed", 1, r#"{"customer":"bob"}"#);
    }
    let names = |arguments: &[&str]| {
        let all = [&["streams", "--json"], arguments].concat();
        let streams = shop.ok(&all).json();
        streams.iter().map(|it| it["stream"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["cart-1", "order-1", "order-2"]);
    assert_eq!(names(&["order-"]), ["order-1", "order-2"]);
    assert_eq!(names(&["--category", "cart"]), ["cart-1"]);
    assert_eq!(names(&["--contains", "-2"]), ["order-2"]);
    assert_eq!(names(&["--sort", "largest", "--limit", "1"]), ["order-2"]);
    assert!(names(&["--state", "archived"]).is_empty());
}

#[test]
fn events_are_shown_as_they_are_stored_or_as_they_read_now() {
    let shop = Shop::new();
    let stored = shop.ok(&["events", "order-1", "--json"]).json();
    assert_eq!(stored.len(), 1);
    assert_eq!((&stored[0]["event_version"], &stored[0]["version"]), (&json!(1), &json!(1)));
    assert_eq!(stored[0]["data"], json!({ "customer": "ann" }));
    let latest = shop.ok(&["events", "order-1", "--json", "--as", "latest"]).json();
    assert_eq!(latest[0]["data"], json!({ "customer": "ann", "channel": "shop" }));
    assert_eq!((&latest[0]["event_version"], &latest[0]["stored_version"]), (&json!(2), &json!(1)));
    let table = shop.ok(&["events", "order-1"]).stdout;
    assert!(
        table.contains("order_placed  v1") && table.contains(r#"{"customer":"ann"}"#),
        "{table}"
    );
}

#[test]
fn what_does_not_exist_has_its_exit_code() {
    let shop = Shop::new();
    assert!(shop.fails(&["events", "order-9"], 4).contains("order-9"));
    assert!(shop.fails(&["events"], 64).contains("Usage"));
    assert!(shop.fails(&["streams", "--store", "mysql:x"], 64).contains("unknown scheme"));
    let nowhere = shop.command(&["streams"]).env_remove("EVENT_STORE").output().unwrap();
    assert_eq!(nowhere.status.code(), Some(64));
    assert!(shop.fails(&["streams", "--store", "sqlite:none.db"], 4).contains("none.db"));
    assert!(!shop.path("none.db").exists(), "a reader creates nothing");
}

#[test]
fn tables_fit_twenty_columns() {
    let shop = Shop::new();
    shop.append("order-1", "order_placed", 1, r#"{"customer":"日本語のとても長い名前です"}"#);
    for arguments in [&["streams"][..], &["events", "order-1"], &["types"]] {
        let output = shop.command(arguments).env("COLUMNS", "20").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines() {
            let wide = line.chars().map(|c| if c > '\u{2fff}' { 2 } else { 1 }).sum::<usize>();
            assert!(wide <= 20, "{arguments:?} {line}");
        }
        assert!(output.status.success() && !text.is_empty());
    }
}

#[test]
fn foreign_text_is_escaped() {
    let shop = Shop::empty();
    let data = "{\"customer\":\"\u{202e}\u{9b}31m\\u001b[2J<script>\"}";
    shop.append("order-\u{202e}1", "order_placed", 1, data);
    for arguments in [&["streams"][..], &["streams", "--json"], &["events", "order-\u{202e}1"]] {
        let printed = shop.ok(arguments).stdout;
        assert!(!printed.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{printed:?}");
        assert!(printed.contains("\\u202e"), "{printed}");
    }
    let line = &shop.ok(&["events", "order-\u{202e}1", "--json"]).json()[0];
    assert_eq!(line["data"]["customer"], "\u{202e}\u{9b}31m\u{1b}[2J<script>");
}

#[test]
fn what_does_not_exist_is_called_by_its_name() {
    let shop = Shop::empty();
    let missing = shop.fails(&["streams"], 4);
    assert!(missing.contains("there is no file") && missing.contains("shop.db"), "{missing}");
    assert!(!shop.path("shop.db").exists(), "nothing is created by looking");
    let shop = Shop::new();
    let missing = shop.fails(&["events", "nope"], 4);
    assert!(missing.contains("no tenant has a stream nope"), "{missing}");
    assert!(!missing.contains("tenant default"), "{missing}");
}

#[test]
fn an_unreadable_event_has_one_short_word_of_why_in_a_table() {
    let shop = Shop::new();
    shop.append("order-1", "unknown_type", 1, r#"{"note":"x"}"#);
    let table = shop.ok(&["events", "order-1", "--as", "latest"]).stdout;
    let line = table.lines().find(|line| line.contains("unknown_type")).unwrap();
    assert!(line.contains(r#"{"note":"x"} (as stored: "#) && line.len() < 200, "{line}");
    let unsafe_url = format!("{}?synchronous=normal", shop.url());
    let doctor = shop.ok(&["--store", &unsafe_url, "doctor"]).stdout;
    assert!(doctor.contains("synchronous is normal") && doctor.contains("remedy"), "{doctor}");
}

#[test]
fn a_very_long_string_is_cut_in_tables_and_whole_in_json() {
    let shop = Shop::empty();
    let long = format!(r#"{{"customer":"<script>{}"}}"#, "x".repeat(1 << 20));
    shop.append("order-1", "order_placed", 1, &long);
    for arguments in [&["events", "order-1"][..], &["all"]] {
        let narrow = shop.command(arguments).env("COLUMNS", "80").output().unwrap();
        assert!(narrow.status.success() && narrow.stdout.len() < 1_000, "{arguments:?}");
    }
    let whole = shop.ok(&["events", "order-1", "--json"]).json();
    assert_eq!(whole[0]["data"]["customer"].as_str().unwrap().len(), (1 << 20) + 8);
}

#[test]
fn json_of_an_event_has_its_data_and_metadata_as_they_are_stored() {
    use event_core::serde_json::value::RawValue;
    use event_core::{EventVersion, ExpectedVersion, Metadata, NewEvent, StreamId};
    let shop = Shop::empty();
    // As deep as data may be; a number beyond any float, keys that repeat and are not sorted.
    let deep = format!("{}1{}", "[".repeat(126), "]".repeat(126));
    let data =
        format!(r#"{{"z":123456789012345678901234567890,"y":1e400,"a":1.10,"a":2,"deep":{deep}}}"#);
    let odd = r#"{"\ud800":1.10}"#;
    shop.with_store(async |store| {
        let stream = StreamId::new("x-1").unwrap();
        let event = || {
            let data = RawValue::from_string(data.clone()).unwrap();
            NewEvent::raw("unknown", EventVersion::new(1), data)
        };
        let cause = event().with_metadata(Metadata::from_json(odd).unwrap());
        let id = cause.id().to_string();
        let effect = event().with_metadata(Metadata::new().with_causation_id(id));
        store.append(&stream, ExpectedVersion::Any, [cause, effect]).await.unwrap();
    });
    // As stored and as it reads now, and its effect.
    for (arguments, times, odds) in [
        (&["show", "1", "--json"][..], 3, 2),
        (&["show", "2", "--json"], 3, 1),
        (&["all", "--json", "--limit", "1"], 1, 1),
        (&["events", "x-1", "--json", "--as", "latest"], 2, 1),
    ] {
        let said = shop.ok(arguments).stdout;
        let found = (said.matches(&data).count(), said.matches(odd).count());
        assert_eq!(found, (times, odds), "{arguments:?}: {said}");
    }
}
