//! A store that goes away while the console is open: it says so, keeps what it can show, and says when the store is back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use event_console::Console;
use event_core::EventStore;
use event_sqlite as _;

use crate::filled::orders;
use crate::site::Site;
use crate::tails::Follower;

/// A store in a file that can be taken away.
struct Gone {
    file: PathBuf,
    store: EventStore,
}

impl Gone {
    async fn create(folder: &Path) -> Self {
        let file = folder.join("shop.db");
        let store = EventStore::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        orders(&store, 3).await;
        Self { file, store }
    }

    fn take(&self) {
        std::fs::rename(&self.file, self.file.with_extension("away")).unwrap();
    }

    fn bring_back(&self) {
        std::fs::rename(self.file.with_extension("away"), &self.file).unwrap();
    }
}

/// Asks for a page until its text is as expected.
async fn until(site: &Site, path: &str, expected: impl Fn(&str) -> bool) -> String {
    let asked = async {
        loop {
            let answer = site.get(path).await;
            if expected(&answer.text) {
                return answer.text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked).await.expect("the page changes")
}

#[tokio::test]
async fn a_store_that_goes_away_is_said_on_every_page_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let gone = Gone::create(folder.path()).await;
    let site = Site::serve(Console::new(&gone.store)).await;
    assert!(!site.page("/").await.contains("does not answer"));

    gone.take();
    // The overview keeps its history; what has to be read is refused, with a page that asks again.
    let overview = until(&site, "/", |text| text.contains("The last answer is of")).await;
    assert!(
        overview.contains("Last position"),
        "{}",
        overview.split("<main").nth(1).unwrap_or_default()
    );
    let streams = site.get("/streams").await;
    assert!(streams.text.contains("does not answer"), "{}", streams.text);
    assert!(site.page("/metrics").await.contains("event_store_up 0"));

    gone.bring_back();
    until(&site, "/", |text| !text.contains("does not answer")).await;
    assert!(site.page("/streams").await.contains("order-02"));
    assert!(site.page("/metrics").await.contains("event_store_up 1"));
}

#[tokio::test]
async fn followers_are_told_that_the_store_is_away_and_miss_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let gone = Gone::create(folder.path()).await;
    let site = Site::of(&gone.store).await;
    let mut follower = Follower::of(&site, "").await;
    gone.take();
    follower.hears(r#"{"answers":false}"#).await;
    gone.bring_back();
    follower.hears(r#"{"answers":true}"#).await;
    orders(&gone.store, 1).await;
    follower.hears("event: stored").await;
}
