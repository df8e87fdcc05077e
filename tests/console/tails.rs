//! Live tails: who sees what, at what cost, and what is told while the store is away.

use std::collections::HashMap;
use std::time::Duration;

use event_console::Console;
use event_core::EventStore;
use reqwest::Response;

use crate::filled::{family, orders};
use crate::site::Site;

/// A page that follows.
pub(crate) struct Follower {
    response: Response,
    heard: String,
}

impl Follower {
    pub(crate) async fn of(site: &Site, query: &str) -> Self {
        let response = site.ask(&format!("/live{query}"), &[("accept", "text/event-stream")]).await;
        assert_eq!(response.status(), 200);
        let mut follower = Self { response, heard: String::new() };
        follower.hears("event: begun").await;
        follower
    }

    /// Waits until something is heard.
    pub(crate) async fn hears(&mut self, text: &str) {
        while !self.heard.contains(text) {
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("{text} was not heard: {}", self.heard));
            self.heard.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
    }

    fn count(&self) -> usize {
        self.heard.matches("event: stored").count()
    }
}

/// A figure of the metrics.
async fn figure(site: &Site, name: &str) -> String {
    let text = site.page("/metrics").await;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.collect::<HashMap<_, _>>()[name].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tails_cost_one_reader() {
    let store = EventStore::in_memory().unwrap();
    let site = Site::of(&store).await;
    let mut followers = Vec::new();
    for _ in 0..200 {
        followers.push(Follower::of(&site, "").await);
    }
    assert_eq!(figure(&site, "event_console_tails").await, "200");
    assert_eq!(figure(&site, "event_console_tail_readers").await, "1");
    orders(&store, 20).await;
    for follower in &mut followers {
        follower.hears("\"stream\":\"order-19\"").await;
        assert_eq!(follower.count(), 20);
    }
    drop(followers);
    // The reader ends when nobody listens, and another one starts with the next page.
    let ends = async { while figure(&site, "event_console_tail_readers").await != "0" {} };
    tokio::time::timeout(Duration::from_secs(20), ends).await.unwrap();
    let mut late = Follower::of(&site, "").await;
    family(&store).await;
    late.hears("order-family").await;
}

#[tokio::test]
async fn a_tail_has_what_it_asks_for_and_nothing_of_the_payload() {
    let store = EventStore::in_memory().unwrap();
    let site = Site::of(&store).await;
    let mut of_mail = Follower::of(&site, "?category=mail").await;
    let mut of_parcel = Follower::of(&site, "?tenant=default&stream=parcel-1").await;
    let mut of_type = Follower::of(&site, "?type=order_placed").await;
    family(&store).await;
    orders(&store, 1).await;
    of_type.hears("order-00").await;
    of_mail.hears("\"number\":2").await;
    of_parcel.hears("parcel-1").await;
    assert_eq!((of_type.count(), of_mail.count(), of_parcel.count()), (2, 2, 1));
    for follower in [of_mail, of_parcel, of_type] {
        assert!(!follower.heard.contains("thank you") && !follower.heard.contains("customer"));
    }
}

#[tokio::test]
async fn a_slow_follower_is_told_what_it_missed_and_delays_nobody() {
    let store = EventStore::in_memory().unwrap();
    let site = Site::serve(Console::new(&store)).await;
    // Never read: what the sockets hold is soon full.
    let slow = Follower::of(&site, "").await;
    let mut quick = Follower::of(&site, "?category=mail").await;
    let mail = |at: u32| crate::filled::MailSent { to: format!("{at}"), text: "x".repeat(10) };
    for round in 0..200 {
        let id = crate::filled::stream(&format!("post-{round}"));
        let events: Vec<_> = (0..200).map(mail).collect();
        store.append(&id, event_core::ExpectedVersion::Any, events).await.unwrap();
    }
    family(&store).await;
    quick.hears("mail-ann").await;
    let mut slow = slow;
    slow.hears("event: missed").await;
    assert!(slow.count() < 40_000);
}
