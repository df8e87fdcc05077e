//! What the pages show, and how one leads to the next.

use event_core::{EventStore, Scope};

use crate::filled::{family, orders, parked, tenant};
use crate::site::Site;

/// The addresses in a page that start with a text.
fn links<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
    let addresses = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    addresses.filter(|address| address.starts_with(start)).collect()
}

#[tokio::test]
async fn every_page_of_the_navigation_is_there_on_an_empty_store_too() {
    let site = Site::of(&EventStore::in_memory().unwrap()).await;
    let overview = site.page("/").await;
    for path in [
        "/",
        "/streams",
        "/events",
        "/types",
        "/subscriptions",
        "/projections",
        "/tenants",
        "/health",
    ] {
        assert!(links(&overview, "/").contains(&path), "{path}");
        let page = site.page(path).await;
        assert!(page.contains("<h1>") && page.contains("<main"), "{path}");
    }
    assert_eq!(site.get("/nowhere").await.status, 404);
    assert_eq!(site.get("/stream/default/none").await.status, 404);
    assert_eq!(site.get("/event/default/not-an-id").await.status, 404);
}

#[tokio::test]
async fn streams_are_paged_without_a_gap_and_filtered() {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 120).await;
    family(&store).await;
    let site = Site::of(&store).await;
    let (mut seen, mut path, mut pages) = (Vec::new(), "/streams?category=order".to_owned(), 0);
    loop {
        let page = site.page(&path).await;
        seen.extend(links(&page, "/stream/default/").iter().map(|it| (*it).to_owned()));
        pages += 1;
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    assert_eq!((seen.len(), pages), (121, 3));
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 121);
    let page = site.page("/streams?prefix=parcel").await;
    assert_eq!(links(&page, "/stream/"), ["/stream/default/parcel-1"]);
}

#[tokio::test]
async fn a_stream_is_a_timeline_in_both_directions() {
    let store = EventStore::in_memory().unwrap();
    for _ in 0..70 {
        family(&store).await;
    }
    let site = Site::of(&store).await;
    let numbers = |page: &str| -> Vec<String> {
        let marks = page.split("class=\"at\"").skip(1);
        marks.map(|it| it.split('#').nth(1).unwrap().split('<').next().unwrap().into()).collect()
    };
    for (start, first, last) in [("", "140", "1"), ("?order=oldest", "1", "140")] {
        let (mut seen, mut path) = (Vec::new(), format!("/stream/default/mail-ann{start}"));
        loop {
            let page = site.page(&path).await;
            seen.extend(numbers(&page));
            let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
            path = next.split('"').next().unwrap().replace("&amp;", "&");
        }
        assert_eq!(seen.len(), 140);
        assert_eq!((&*seen[0], &*seen[139]), (first, last));
    }
}

#[tokio::test]
async fn an_event_is_shown_with_its_versions_its_causes_and_its_effects() {
    let store = EventStore::in_memory().unwrap();
    let shipped = family(&store).await;
    let site = Site::of(&store).await;
    let page = site.page(&format!("/event/default/{}", shipped.event_id())).await;
    let kin = page.split("Causes and effects").nth(1).unwrap();
    assert!(kin.contains("order_placed") && kin.contains("mail_sent"), "{kin}");
    assert!(kin.contains("<svg") && kin.contains("this event"));

    let cause = links(kin, "/event/default/")[0];
    let page = site.page(cause).await;
    assert!(page.contains("Stored, v1") && page.contains("Latest, v3"));
    for marked in ["only stored: ", "only in the latest: "] {
        assert!(page.contains(marked), "{marked}");
    }
    let data = site.page(&format!("{cause}/data")).await;
    assert_eq!(data, r#"{"customer":"ann","total":7}"#);
}

#[tokio::test]
async fn the_migrations_of_a_type_are_drawn() {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 2).await;
    let site = Site::of(&store).await;
    let page = site.page("/types/order_placed").await;
    assert!(page.contains("Migrations: v1 to v2, v2 to v3"));
    assert!(page.contains("total_cents") && page.contains("never stored"));
    assert!(site.page("/types/nobody_knows_it").await.contains("does not know the type"));
}

#[tokio::test]
async fn tenants_are_found_without_looking_at_their_streams() {
    let store = EventStore::in_memory().unwrap();
    for number in 0..60 {
        let scope = Scope::tenant(tenant(&format!("guild-{number:02}")));
        orders(&store.with_scope(scope), 3).await;
    }
    let site = Site::of(&store).await;
    let (mut seen, mut path) = (0, "/tenants".to_owned());
    loop {
        let page = site.page(&path).await;
        seen += links(&page, "/streams?tenant=").len();
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
        path = next.split('"').next().unwrap().to_owned();
    }
    assert_eq!(seen, 60);
}

#[tokio::test]
async fn parked_events_are_listed_with_their_errors() {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 3).await;
    parked(&store, "the mail server is down").await;
    let site = Site::of(&store).await;
    let list = site.page("/subscriptions").await;
    let link = links(&list, "/subscriptions/of/default/mailer")[0];
    let page = site.page(link).await;
    assert_eq!(page.matches("the mail server is down").count(), 3);
    assert!(!page.contains("<button"), "a console that only shows has no buttons");
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 3).await;
    parked(&store, "no").await;
    let site = Site::of(&store).await;
    let text = site.page("/metrics").await;
    assert!(text.contains("event_store_head_position 3"), "{text}");
    assert!(
        text.contains(
            r#"event_store_subscription_parked_events{subscription="mailer",tenant="default"} 3"#
        ),
        "{text}"
    );
    assert!(text.contains("# TYPE event_store_up gauge"));
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn rare_events_are_looked_for_part_by_part() {
    let store = EventStore::in_memory().unwrap();
    family(&store).await;
    for round in 0..30 {
        let id = crate::filled::stream(&format!("post-{round}"));
        let mail = |at: u32| crate::filled::MailSent { to: format!("{at}"), text: String::new() };
        let events: Vec<_> = (0..1_000).map(mail).collect();
        store.append(&id, event_core::ExpectedVersion::Any, events).await.unwrap();
    }
    let site = Site::of(&store).await;
    // However many looks it takes: each goes on where the one before ended.
    let mut path = "/events?type=order_shipped".to_owned();
    let found = loop {
        let page = site.page(&path).await;
        if page.contains("parcel-1") {
            break page;
        }
        let next = page.split("rel=\"next\" href=\"").nth(1).expect("a farther look");
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    };
    assert!(found.contains("order_shipped"), "{path}");
    let all = site.page("/events").await;
    assert!(all.contains("Earlier events") && !all.contains("Look farther"));
}
