//! Payloads, names and errors that try to be more than text.

use event_core::{Event, EventStore, ExpectedVersion, ReadOptions, Scope};
use serde::{Deserialize, Serialize};

use crate::filled::{MailSent, OrderPlacedV1, first, orders, parked, stream, tenant};
use crate::site::Site;

/// An event whose keys are chosen by whoever appends it.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "form_filled", version = 1)]
struct FormFilled {
    fields: std::collections::BTreeMap<String, String>,
}

/// A list, and whether it was kept.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "list_kept", version = 1)]
struct ListKeptV1 {
    items: Vec<u32>,
    kept: bool,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "list_kept", version = 2, from = ListKeptV1)]
struct ListKept {
    items: Vec<u32>,
    kept: String,
}

impl From<ListKeptV1> for ListKept {
    fn from(old: ListKeptV1) -> Self {
        Self { items: old.items, kept: old.kept.to_string() }
    }
}

const SCRIPT: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
const TERMINAL: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J";
const TURNED: &str = "user\u{202e}gnp.exe\u{2066}\u{200f}";

fn check(page: &str, path: &str) {
    assert!(!page.contains("<script>") && !page.contains("<img"), "{path}");
    // A filter keeps what was typed.
    let page: String =
        page.split(" value=\"").map(|it| it.split_once('"').map_or(it, |it| it.1)).collect();
    for c in ['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}', '\u{2066}', '\u{200f}'] {
        assert!(!page.contains(c), "{path} has {}", c.escape_unicode());
    }
}

#[tokio::test]
async fn whatever_is_stored_is_shown_as_text() {
    let store = EventStore::in_memory().unwrap();
    let name = format!("order-{SCRIPT}{TURNED}");
    let odd = store.with_scope(
        Scope::tenant(tenant(&format!("t/{SCRIPT}{TURNED}"))).correlation(SCRIPT).actor(TURNED),
    );
    let id = stream(&name);
    let text = format!("{SCRIPT}{TERMINAL}{TURNED}");
    let fields = [(text.clone(), text.clone())].into();
    odd.append(&id, ExpectedVersion::Any, [FormFilled { fields }]).await.unwrap();
    let placed = OrderPlacedV1 { customer: text.clone(), total: 1 };
    odd.append(&id, ExpectedVersion::Any, [placed]).await.unwrap();
    parked(&odd, &text).await;

    let site = Site::of(&store).await;
    let mut pages = vec!["/".to_owned(), "/streams".into(), "/events".into(), "/tenants".into()];
    pages.push("/subscriptions".into());
    let mut at = 0;
    while at < pages.len() {
        let path = pages[at].clone();
        let page = site.page(&path).await;
        check(&page, &path);
        let addresses = page.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap());
        for address in addresses.map(|it| it.replace("&amp;", "&")) {
            let is_page = address.starts_with('/') && !address.ends_with("/data");
            if is_page
                && !address.contains("/assets/")
                && !address.starts_with("/metrics")
                && !pages.contains(&address)
            {
                // What an event holds is in no address.
                assert!(!address.contains("red") || !address.contains("title"), "{address}");
                pages.push(address);
            }
        }
        at += 1;
    }
    let is = |start: &str| pages.iter().any(|it| it.starts_with(start));
    assert!(is("/stream/t%2F") && is("/event/t%2F") && is("/subscriptions/of/t%2F"), "{pages:?}");
}

#[tokio::test]
async fn a_long_string_is_cut_with_a_link_to_the_whole() {
    let store = EventStore::in_memory().unwrap();
    let id = stream("mail-long");
    let text = "long ".repeat((1 << 20) / 5);
    let mail = MailSent { to: "ann".into(), text: text.clone() };
    store.append(&id, ExpectedVersion::Any, [mail]).await.unwrap();
    let event = first(&store, &id).await;
    let site = Site::of(&store).await;
    let address = format!("/event/default/{}", event.event_id());
    for path in ["/", "/events", "/stream/default/mail-long", &*address] {
        let page = site.page(path).await;
        assert!(page.len() < 40_000, "{path} has {} bytes", page.len());
    }
    let page = site.page(&address).await;
    assert!(page.contains("are cut") && page.contains(&format!("{address}/data")));
    let response = site.ask(&format!("{address}/data"), &[]).await;
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert!(response.text().await.unwrap().contains(&text));
}

#[tokio::test]
async fn a_difference_behind_the_lines_that_are_shown_is_not_called_none() {
    let store = EventStore::in_memory().unwrap();
    let id = stream("list-1");
    let items: Vec<u32> = (0..700).collect();
    for items in [items.clone(), Vec::new()] {
        let event = ListKeptV1 { items, kept: true };
        store.append(&id, ExpectedVersion::Any, [event]).await.unwrap();
    }
    let event = ListKept { items, kept: "true".into() };
    store.append(&id, ExpectedVersion::Any, [event]).await.unwrap();
    let site = Site::of(&store).await;
    let events = store.read_stream(&id, ReadOptions::forward()).await.unwrap();
    let mut pages = Vec::new();
    for event in &events {
        pages.push(site.page(&format!("/event/default/{}", event.event_id())).await);
    }
    let says = |text: &str| pages.iter().map(|page| page.contains(text)).collect::<Vec<_>>();
    assert_eq!(says("Read as it is stored"), [false, false, true]);
    assert_eq!(says("What is shown is the same on both sides"), [true, false, false]);
    assert_eq!(says("lines are cut"), [true, false, true]);
}

#[tokio::test]
async fn large_events_are_read_in_parts_and_what_is_left_out_is_said() {
    let store = EventStore::in_memory().unwrap();
    let id = stream("mail-large");
    let mail = |text: &str| MailSent { to: "ann".into(), text: text.into() };
    store.append(&id, ExpectedVersion::Any, [mail("first")]).await.unwrap();
    let cause = first(&store, &id).await;
    let caused = store.with_scope(Scope::caused_by(&cause));
    let large = "x".repeat(2_100_000);
    for number in 1..=3 {
        caused.append(&id, ExpectedVersion::Any, [mail(&large)]).await.unwrap();
        let site = Site::of(&store).await;
        let page = site.page(&format!("/event/default/{}", cause.event_id())).await;
        assert_eq!(page.contains("Only the first are shown"), number == 3, "{number} effects");
    }
    let site = Site::of(&store).await;
    let (mut seen, mut path, mut pages) = (Vec::new(), "/events".to_owned(), 0);
    loop {
        let page = site.page(&path).await;
        pages += 1;
        let addresses = page.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap());
        seen.extend(addresses.filter(|it| it.starts_with("/event/")).map(str::to_owned));
        let Some((_, next)) = page.split_once("rel=\"next\" href=\"") else { break };
        // There may be more: a page that ended for its bytes is no end of the log.
        assert!(page.contains("was looked at") && page.contains("Earlier events"), "{page}");
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    seen.dedup();
    assert_eq!((seen.len(), pages), (4, 2));
}

#[tokio::test]
async fn every_tenant_is_listed_once_whatever_its_streams_are_called() {
    let store = EventStore::in_memory().unwrap();
    // The highest names that there are, in bytes.
    let high = "\u{10ffff}".repeat(63);
    for (name, streams) in
        [("a", &["zzz", "\u{ffff}", "\u{ffff}"][..]), ("b", &["\u{7f0}", "\u{ffff}"])]
    {
        let store = store.with_scope(Scope::tenant(tenant(name)));
        for end in streams {
            let mail = MailSent { to: name.into(), text: "hello".into() };
            let id = stream(&format!("{high}{end}"));
            store.append(&id, ExpectedVersion::Any, [mail]).await.unwrap();
        }
    }
    let page = Site::of(&store).await.page("/tenants").await;
    assert_eq!(page.matches("<h2>").count(), 2, "{page}");
    assert!(page.contains("tenant=a") && page.contains("tenant=b") && !page.contains("Next page"));
}

#[tokio::test]
async fn odd_names_have_pages_of_their_own() {
    let store = EventStore::in_memory().unwrap();
    for name in [".", "..", "~", "a/b", "a%2Fb", "?x#y", "über", "+ +"] {
        let mail = MailSent { to: name.into(), text: "hello".into() };
        store.append(&stream(name), ExpectedVersion::Any, [mail]).await.unwrap();
    }
    let site = Site::of(&store).await;
    let page = site.page("/streams").await;
    let addresses = page.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap());
    let mut seen = 0;
    for address in addresses.filter(|it| it.starts_with("/stream/")) {
        let page = site.page(address).await;
        assert!(page.contains("mail_sent"), "{address}");
        seen += 1;
    }
    assert_eq!(seen, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_at_once_get_their_pages() {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 60).await;
    let site = std::sync::Arc::new(Site::of(&store).await);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..200 {
        let site = std::sync::Arc::clone(&site);
        let path = ["/", "/streams", "/events", "/types", "/health"][client % 5];
        clients.spawn(async move { site.get(path).await.status });
    }
    for status in clients.join_all().await {
        assert_eq!(status, 200);
    }
}
