//! Ctrl-C in the middle of an import and of a copy: it says how far it came, and is run again to the end.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use event_core::serde_json::value::RawValue;
use event_core::{EventStore, EventVersion, ExpectedVersion, Migrate, NewEvent, StreamId};

use crate::support::{Ran, Shop};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// Events of the store, in batches of a thousand.
const EVENTS: usize = 30_000;

/// A store with many events.
fn large() -> Shop {
    let shop = Shop::empty();
    shop.with_store(async |store| {
        for stream in 0..EVENTS / 1_000 {
            let stream = StreamId::new(format!("order-{stream}")).unwrap();
            let events = (0..1_000).map(|parcels| {
                let data = RawValue::from_string(format!("{{\"parcels\":{parcels}}}")).unwrap();
                NewEvent::raw("order_shipped", EventVersion::new(1), data)
            });
            store.append(&stream, ExpectedVersion::NoStream, events).await.unwrap();
        }
    });
    shop
}

fn start(shop: &Shop, arguments: &[&str]) -> Child {
    let mut command = shop.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
}

fn end(mut child: Child) -> Ran {
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it goes on");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap().into()
}

/// The last position of a store in a file; 0 while there is none.
fn head(shop: &Shop, file: &str) -> u64 {
    if !shop.path(file).exists() {
        return 0;
    }
    let url = format!("sqlite:{}", shop.path(file).display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let Ok(store) = EventStore::connect(&url).migrate(Migrate::Never).await else { return 0 };
        let head = store.head().await.map_or(0, event_core::Position::get);
        store.close().await;
        head
    })
}

fn wait_for_some(shop: &Shop, file: &str) {
    let until = Instant::now() + PATIENCE;
    while head(shop, file) == 0 {
        assert!(Instant::now() < until, "nothing is stored");
    }
}

/// What a message says to have stored: `… 12000 events and links, …`.
fn stored(message: &str) -> u64 {
    let (before, _) = message.split_once(" events and links").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_import_is_interrupted_and_goes_on() {
    let shop = large();
    shop.ok(&["export", "all.jsonl"]);
    let lines = std::fs::read(shop.path("all.jsonl")).unwrap();
    // The rest of its input never comes, so it cannot be done before the signal.
    let mut child = start(&shop, &["import", "--store", "sqlite:other.db"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&lines[..lines.len() / 2]).unwrap();
    wait_for_some(&shop, "other.db");
    signal(&child, "-INT");
    let ran = end(child);
    drop(input);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: interrupted: imported "), "{}", ran.stderr);
    assert!(ran.stderr.contains("run the same command again to go on"), "{}", ran.stderr);
    let first = stored(&ran.stderr);
    assert!(0 < first && first < EVENTS as u64, "{}", ran.stderr);
    assert_eq!(head(&shop, "other.db"), first, "it says what is stored");

    let again = shop.ok(&["import", "all.jsonl", "--json", "--store", "sqlite:other.db"]).json();
    assert_eq!(again[0]["skipped"], first);
    assert_eq!(again[0]["stored"], EVENTS as u64 - first);
    same(&shop, "other.db");
}

#[test]
fn a_copy_is_interrupted_and_goes_on() {
    let shop = large();
    let child = start(&shop, &["copy", "--to", "sqlite:other.db"]);
    wait_for_some(&shop, "other.db");
    // It stands still, so that the signal reaches it in the middle.
    signal(&child, "-STOP");
    let so_far = head(&shop, "other.db");
    signal(&child, "-INT");
    signal(&child, "-CONT");
    let ran = end(child);
    assert_eq!(ran.code, 130, "after {so_far}: {}", ran.stderr);
    assert!(ran.stderr.starts_with("error: interrupted: copied "), "{}", ran.stderr);
    let first = stored(&ran.stderr);
    assert!(first < EVENTS as u64, "{}", ran.stderr);
    assert_eq!(head(&shop, "other.db"), first, "it says what is stored");

    let again = shop.ok(&["copy", "--json", "--to", "sqlite:other.db"]).json();
    assert_eq!(again[0]["skipped"], first);
    assert_eq!(again[0]["stored"], EVENTS as u64 - first);
    same(&shop, "other.db");
}

#[test]
fn an_import_that_waits_for_its_input_ends_at_once() {
    let shop = Shop::new();
    let mut child = start(&shop, &["import", "--store", "sqlite:other.db"]);
    let input = child.stdin.take().unwrap();
    let until = Instant::now() + PATIENCE;
    // It listens for the signal once it has opened its store.
    while !shop.path("other.db").exists() {
        assert!(Instant::now() < until, "no store is opened");
    }
    while child.try_wait().unwrap().is_none() {
        signal(&child, "-INT");
        std::thread::sleep(Duration::from_millis(50));
        assert!(Instant::now() < until, "it goes on");
    }
    drop(input);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.is_empty() || said.contains("interrupted"), "{said}");
}

/// Both stores hold the same, byte for byte: nothing was lost, and nothing is there twice.
fn same(shop: &Shop, file: &str) {
    let digest = |store: &str| {
        let printed = shop.ok(&["verify", "--digest", "--store", store]).stdout;
        printed.lines().find(|line| line.starts_with("digest")).unwrap().to_owned()
    };
    assert_eq!(digest(&shop.url()), digest(&format!("sqlite:{file}")));
    assert_eq!(head(shop, file), EVENTS as u64);
}
