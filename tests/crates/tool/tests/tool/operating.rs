//! Checks, schemas, subscriptions, statistics, documents.

use event_core::Filter;
use serde_json::json;

use crate::support::Shop;

#[test]
fn check_says_whether_the_program_may_be_deployed() {
    let shop = Shop::new();
    let checked = shop.ok(&["check"]).stdout;
    assert!(checked.contains("all applied") && checked.contains("stored, readable"), "{checked}");
    shop.append("order-1", "order_cancelled", 1, "{}");
    shop.append("order-1", "order_placed", 3, "{}");
    let refused = shop.run(&["check", "--json"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let bad = refused.json().into_iter().filter(|line| line["ok"] == json!(false));
    assert_eq!(bad.count(), 2, "{}", refused.stdout);
    std::fs::write(shop.path("events.lock"), "event order_placed v1 0000000000000000\n\nend\n")
        .unwrap();
    let lock = shop.run(&["check", "--no-store", "--lock", "events.lock"]);
    assert!(lock.stdout.contains("another one"), "{}", lock.stdout);
    assert_eq!(lock.code, 2);
}

#[test]
fn schemas_are_documents() {
    let shop = Shop::empty();
    let parse = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&shop.ok(arguments).stdout).unwrap()
    };
    let bundle = parse(&["schema"]);
    assert_eq!(bundle["$defs"]["order_placed.v2"]["properties"]["channel"]["type"], "string");
    assert_eq!(shop.ok(&["schema", "--json"]).json().len(), 3);
    let api = parse(&["schema", "asyncapi"]);
    assert_eq!(api["asyncapi"], "3.0.0");
    let messages = &api["channels"]["events"]["messages"];
    let refer = "#/components/messages/order_placed.v1";
    assert_eq!(messages["order_placed.v1"]["$ref"], refer);
    assert!(api.pointer(&refer[1..]).is_some());
    assert!(shop.ok(&["schema", "mermaid"]).stdout.contains("order_placed_v1 --> order_placed_v2"));
    assert!(shop.ok(&["schema", "markdown"]).stdout.contains("### order_shipped"));
    shop.fails(&["schema", "--type", "order_plaqued"], 4);
}

#[test]
fn migrations_are_shown_and_applied() {
    let shop = Shop::empty();
    assert!(shop.fails(&["streams"], 4).contains("shop.db"));
    assert!(shop.ok(&["migrate"]).stdout.starts_with("pending 0001"));
    shop.fails(&["migrate", "pending", "--check"], 2);
    assert!(shop.ok(&["migrate", "sql"]).stdout.contains("CREATE TABLE"));
    assert!(shop.ok(&["migrate", "apply"]).stdout.starts_with("applied 0001"));
    assert_eq!(shop.ok(&["migrate", "pending", "--check"]).stdout, "nothing is pending\n");
    assert!(shop.ok(&["streams"]).stdout.is_empty());
}

#[test]
fn subscriptions_are_listed_paused_and_reset() {
    let shop = Shop::new();
    shop.with_store(async |store| {
        let mail = store.subscription("mail").filter(Filter::all().category("order"));
        let mut mail = mail.open().await.unwrap();
        mail.next().await.unwrap().unwrap().ack().unwrap();
        mail.close().await.unwrap();
    });
    let listed = || shop.ok(&["subscriptions", "--json"]).json().remove(0);
    let mail = listed();
    assert_eq!(
        (&mail["subscription"], &mail["state"], &mail["lag"]),
        (&json!("mail"), &json!("idle"), &json!(0))
    );
    assert!(shop.ok(&["subscriptions"]).stdout.contains("category \"order\""));
    shop.ok(&["subscriptions", "pause", "mail"]);
    assert_eq!(listed()["state"], "paused");
    assert!(shop.ok(&["doctor"]).stdout.contains("subscriptions resume mail"));
    shop.ok(&["subscriptions", "resume", "mail"]);
    shop.fails(&["subscriptions", "reset", "mail", "--to", "beginning"], 5);
    shop.ok(&["subscriptions", "reset", "mail", "--to", "beginning", "--yes"]);
    assert_eq!(listed()["position"], 0);
    let change =
        ["subscriptions", "change", "mail", "--type", "order_shipped", "--partitions", "4"];
    assert!(shop.ok(&[&change[..], &["--preview"]].concat()).stdout.contains("mail would change"));
    shop.fails(&change, 5);
    shop.ok(&[&change[..], &["--yes"]].concat());
    assert_eq!(listed()["filter"], "types \"order_shipped\"");
    assert_eq!(listed()["partitions"].as_array().unwrap().len(), 4);
    shop.fails(&["subscriptions", "pause", "post"], 4);
    shop.ok(&["subscriptions", "delete", "mail", "--yes"]);
    assert!(shop.ok(&["subscriptions", "--json"]).stdout.is_empty());
}

#[test]
fn parked_events_are_shown_replayed_and_discarded() {
    use event_core::RetryPolicy;
    use event_core::subscription::OnFailure;
    let shop = Shop::new();
    shop.append("order-2", "order_placed", 1, r#"{"customer":"bob"}"#);
    shop.with_store(async |store| {
        let mail = store.subscription("mail").on_failing(OnFailure::Park);
        let mut mail = mail.retry(RetryPolicy::never()).open().await.unwrap();
        for _ in 0..2 {
            let delivery = mail.next().await.unwrap().unwrap();
            delivery.fail("the server said \u{1b}[31mno").unwrap();
        }
        mail.close().await.unwrap();
    });
    let parked = shop.ok(&["parked", "--json"]).json();
    assert_eq!((&parked[0]["subscription"], &parked[0]["position"]), (&json!("mail"), &json!(1)));
    let table = shop.ok(&["parked", "list", "mail"]).stdout;
    assert!(table.contains("\\u001b[31mno"), "{table}");
    let shown = shop.ok(&["parked", "show", "mail", "1"]).stdout;
    assert!(shown.contains("\"customer\": \"ann\""), "{shown}");
    shop.fails(&["parked", "show", "mail", "7"], 4);
    shop.fails(&["parked", "replay", "mail", "7"], 4);
    let discard = ["parked", "discard", "mail", "2", "--reason", "a test order"];
    shop.fails(&discard, 5);
    let discarded = shop.ok(&[&discard[..], &["--yes", "--json"]].concat()).json();
    assert_eq!((&discarded[0]["done"], &discarded[0]["events"]), (&json!("discarded"), &json!(1)));
    assert_eq!(shop.ok(&["parked", "--json"]).json().len(), 1);
    let kept = shop.ok(&["parked", "list", "--discarded", "--json"]).json();
    assert_eq!((&kept[0]["position"], &kept[0]["reason"]), (&json!(2), &json!("a test order")));
    assert!(shop.ok(&["parked", "list", "mail", "--discarded"]).stdout.contains("a test order"));
    assert!(shop.fails(&[&discard[..], &["--yes"]].concat(), 4).contains("was discarded"));
    shop.ok(&["parked", "replay", "mail", "--all"]);
    assert_eq!(shop.ok(&["parked", "--json"]).json()[0]["replay"], true);
    assert!(shop.ok(&["doctor"]).stdout.contains("1 parked event"));
    let unknown = ["parked", "discard", "mail", "7", "--reason", "a test order", "--yes"];
    shop.fails(&unknown, 4);
    // What is marked is left to its consumer.
    let marked = ["parked", "discard", "mail", "1", "--reason", "a test order", "--yes"];
    assert!(shop.fails(&marked, 4).contains("is marked to be handled again"));
}

#[test]
fn json_of_a_parked_event_has_its_data_as_it_is_stored() {
    use event_core::RetryPolicy;
    use event_core::subscription::OnFailure;
    let shop = Shop::empty();
    let deep = format!("{}1{}", "[".repeat(126), "]".repeat(126));
    let data =
        format!(r#"{{"z":123456789012345678901234567890,"y":1e400,"a":1.10,"a":2,"deep":{deep}}}"#);
    shop.append("order-1", "unknown", 1, &data);
    shop.with_store(async |store| {
        let mail = store.subscription("mail").on_failing(OnFailure::Park);
        let mut mail = mail.retry(RetryPolicy::never()).open().await.unwrap();
        mail.next().await.unwrap().unwrap().fail("no").unwrap();
        mail.close().await.unwrap();
    });
    let said = shop.ok(&["parked", "show", "mail", "1", "--json"]).stdout;
    assert!(said.contains(&data), "{said}");
    assert!(said.contains(r#""subscription":"mail""#) && said.contains(r#""type":"unknown""#));
}

#[test]
fn a_command_that_the_doctor_names_quotes_foreign_names() {
    let shop = Shop::new();
    let names = ["mail; touch a", "it's `touch b`", "-mail", "post"];
    shop.with_store(async |store| {
        for name in names {
            let consumer = store.subscription(name).open().await.unwrap();
            consumer.close().await.unwrap();
        }
    });
    for name in names {
        shop.ok(&["subscriptions", "pause", "--", name]);
    }
    let said = shop.ok(&["doctor"]).stdout;
    for advised in ["'mail; touch a'", r"'it'\''s `touch b`'", "-- -mail", "post"] {
        let advised = format!("`subscriptions resume {advised}`");
        assert!(said.contains(&advised), "{said} contains {advised}");
    }
}

#[test]
fn a_view_is_rebuilt_switched_and_dropped_by_its_name() {
    use event_core::adapter::Adapter as _;
    let shop = Shop::new();
    let builds = || shop.ok(&["projections", "--json"]).json();
    assert!(shop.ok(&["projections", "rebuild", "customers"]).stdout.contains("from 1 event"));
    assert_eq!((&builds()[0]["build"], &builds()[0]["current"]), (&json!(1), &json!(true)));
    shop.append("order-2", "order_placed", 1, r#"{"customer":"bob"}"#);
    assert_eq!(builds()[0]["lag"], 1);
    let rebuilt = shop.ok(&["projections", "rebuild", "customers", "--json"]).json();
    assert_eq!((&rebuilt[0]["done"], &rebuilt[0]["events"]), (&json!("rebuilt"), &json!(2)));
    // The rebuild moved the readers over and dropped what they had read.
    let number = builds()[0]["build"].to_string();
    assert_eq!((builds().len(), &*number), (1, "2"));
    let current_one = ["projections", "drop", "customers", &number, "--yes"];
    assert!(shop.fails(&current_one, 1).contains("readers read it"));
    let other = shop.with_store(async |store| {
        let models = store.backend::<event_sqlite::SqliteAdapter>().unwrap().read_models().unwrap();
        let current = models.builds("customers").await.unwrap().remove(0);
        models.begin("customers", 9, &current.definition).await.unwrap();
        "9"
    });
    assert!(shop.fails(&["projections", "switch", "customers", other], 1).contains("behind"));
    assert!(shop.ok(&["projections", "switch", "customers", &number]).stdout.contains("build 2"));
    shop.fails(&["projections", "drop", "customers", other], 5);
    shop.ok(&["projections", "drop", "customers", other, "--yes"]);
    assert_eq!(builds().len(), 1);
}

#[test]
fn verify_answers_by_its_exit_code() {
    let shop = Shop::new();
    assert_eq!(shop.ok(&["verify"]).stdout, "sound: 1 event read\n");
    shop.append("order-1", "order_placed", 2, r#"{"customer":7}"#);
    let unsound = shop.run(&["verify", "--json"]);
    assert_eq!(unsound.code, 2, "{}", unsound.stderr);
    let fault = &unsound.json()[0];
    assert_eq!((&fault["fault"], &fault["count"]), (&json!("undecodable_event"), &json!(1)));
    assert_eq!(shop.run(&["verify", "--no-decode"]).code, 0);
}

#[test]
fn stats_draws_a_chart() {
    let shop = Shop::new();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":2}"#);
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":2}"#);
    let text = shop.ok(&["stats", "--by", "type,category"]).stdout;
    assert!(text.starts_with("3 events,") && text.contains('█'), "{text}");
    let lines = shop.ok(&["stats", "--json"]).json();
    assert_eq!((&lines[0]["by"], &lines[0]["events"]), (&json!("all"), &json!(3)));
    assert_eq!((&lines[1]["key"], &lines[1]["events"]), (&json!("order_shipped"), &json!(2)));
    assert!(shop.ok(&["stats", "--until", "1h", "--json"]).json().len() == 1);
}

#[test]
fn the_rest_answers() {
    let shop = Shop::new();
    assert!(shop.ok(&["projections", "--json"]).stdout.is_empty());
    shop.fails(&["projections", "drop", "orders", "1", "--yes"], 4);
    shop.fails(&["projections", "switch", "orders", "1"], 4);
    assert!(
        shop.fails(&["projections", "rebuild", "orders"], 1).contains("does not have the code")
    );
    assert!(shop.fails(&["grant", "bot"], 1).contains("sqlite"));
    assert!(shop.ok(&["doctor"]).stdout.contains("nothing to mend"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(shop.ok(&["completions", shell]).stdout.contains("subscriptions"));
    }
    assert!(shop.ok(&["man"]).stdout.contains(".TH event-tool 1"));
    std::fs::create_dir(shop.path("man")).unwrap();
    shop.ok(&["man", "man"]);
    assert!(shop.path("man/event-tool-append.1").exists());
    let help = shop.ok(&["--help"]).stdout;
    assert!(help.contains("doctor") && help.contains("Exit codes"), "{help}");
}
