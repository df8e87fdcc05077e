//! The console within an application: merged at its root, nested under a path, behind a proxy that takes the path off.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use event_console::Console;
use event_core::EventStore;

use crate::filled::{orders, parked};

async fn served(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Follows every link below a path, and returns how many pages there are.
async fn crawl(url: &str, base: &str) -> usize {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
    let mut pages = vec![if base.is_empty() { "/".to_owned() } else { base.to_owned() }];
    let mut at = 0;
    while at < pages.len() && pages.len() < 200 {
        let response = client.get(format!("{url}{}", pages[at])).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", pages[at]);
        let text = response.text().await.unwrap();
        for kind in ["href=\"", "src=\"", "action=\""] {
            for address in text.split(kind).skip(1).map(|it| it.split('"').next().unwrap()) {
                let address = address.replace("&amp;", "&");
                let address = address.split('#').next().unwrap().to_owned();
                let is_form = kind == "action=\"" && !address.ends_with("streams");
                assert!(address.is_empty() || address.starts_with(base), "{address}");
                if !address.is_empty() && !is_form && !pages.contains(&address) {
                    pages.push(address);
                }
            }
        }
        at += 1;
    }
    at
}

async fn filled() -> EventStore {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 4).await;
    parked(&store, "down").await;
    store
}

#[tokio::test]
async fn nested_under_a_path_every_link_stays_below_it() {
    let store = filled().await;
    let app = Router::new()
        .route("/", get(async || "the application"))
        .nest("/ops/console", event_console::router(store.clone()));
    let url = served(app).await;
    assert!(crawl(&url, "/ops/console").await > 20);
    let home = reqwest::get(&url).await.unwrap().text().await.unwrap();
    assert_eq!(home, "the application");
    let asked = reqwest::get(format!("{url}/ops/console")).await.unwrap();
    let cookie = asked.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("HttpOnly; SameSite=Strict; Path=/ops/console"), "{cookie}");
}

#[tokio::test]
async fn at_the_root_of_an_application() {
    let store = filled().await;
    let url = served(event_console::router(store.clone())).await;
    assert!(crawl(&url, "").await > 20);
}

#[tokio::test]
async fn behind_a_proxy_that_takes_the_path_off() {
    let store = filled().await;
    let url = served(Console::new(&store).base_path("/behind").router().unwrap()).await;
    let page = reqwest::get(&url).await.unwrap().text().await.unwrap();
    assert!(page.contains("href=\"/behind/streams\"") && !page.contains("href=\"/streams\""));
    for path in ["behind", "/behind/", "/"] {
        assert!(Console::new(&store).base_path(path).router().is_err(), "{path}");
    }
}

#[tokio::test]
async fn the_store_is_asked_as_seldom_as_it_is_wanted_and_never_without_a_pause() {
    let store = filled().await;
    for interval in [Duration::MAX, Duration::from_secs(1 << 42), Duration::from_millis(1)] {
        let console = Console::new(&store).sample_every(interval);
        let url = served(console.router().unwrap()).await;
        for _ in 0..2 {
            let page = reqwest::get(&url).await.unwrap().text().await.unwrap();
            assert!(page.contains("Last position"), "{interval:?}");
        }
    }
    let refused = Console::new(&store).sample_every(Duration::ZERO).router().unwrap_err();
    assert!(matches!(refused, event_console::ConsoleError::NoInterval), "{refused}");
    assert!(refused.to_string().contains("sample_every"), "{refused}");
}
