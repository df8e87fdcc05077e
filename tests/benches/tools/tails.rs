//! What live tails cost: the readers of the log that a console has while events arrive, with one tail and with many, and how
//! soon the last of them was told.

use std::time::{Duration, Instant};

use event_core::{EventStore, ExpectedVersion, Scope, StreamId, Tenant};
use futures_util::future::join_all;
use reqwest::{Client, Response};
use serde_json::value::RawValue;

use crate::child::Served;
use crate::fill::Size;
use crate::guess::{self, Guess};
use event_core::{Event as _, EventVersion, NewEvent};

/// Prints what one tail costs, and what many do.
pub(crate) async fn cost(url: &str, size: &Size) {
    println!("| Tails | events | readers of the log | all were told after |");
    println!("|---|---|---|---|");
    for tails in [1, size.tails] {
        let served = Served::start(url);
        row(&served, url, tails, size.watched).await;
    }
}

async fn row(served: &Served, url: &str, tails: usize, events: u64) {
    let client = Client::builder().build().unwrap();
    let mut followers = Vec::new();
    for _ in 0..tails {
        let answer = client.get(format!("{}/live", served.address)).send().await.unwrap();
        followers.push((answer, String::new()));
    }
    let watcher = tokio::spawn(join_all(followers.into_iter().map(move |it| hear(it, events))));
    let store = EventStore::connect(url).await.unwrap();
    let store = store.with_scope(Scope::tenant(Tenant::default()));
    let started = Instant::now();
    let stream = StreamId::new(format!("watched-{tails}")).unwrap();
    for _ in 0..events {
        let data = RawValue::from_string(guess::stored().1.data().get().to_owned()).unwrap();
        let event = NewEvent::raw(Guess::TYPE, EventVersion::new(2), data);
        store.append(&stream, ExpectedVersion::Any, [event]).await.unwrap();
    }
    let followers = watcher.await.unwrap();
    let told = started.elapsed();
    let readers =
        figure(&client, served, |line| line.starts_with("event_console_tail_readers ")).await;
    drop(followers);
    store.close().await;
    println!("| {tails} | {events} | {readers} | {told:.1?} |");
}

/// Reads until so many events were told.
async fn hear((mut answer, mut heard): (Response, String), events: u64) -> Response {
    let mut count = 0;
    while count < events {
        let chunk = tokio::time::timeout(Duration::from_mins(1), answer.chunk()).await.unwrap();
        heard.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        let whole = heard.rfind("\n\n").map_or(0, |end| end + 2);
        count += heard[..whole].matches("event: stored").count() as u64;
        assert!(!heard[..whole].contains("event: missed"), "a tail was too slow");
        heard.drain(..whole);
    }
    answer
}

/// The sum of a metric over its labels.
async fn figure(client: &Client, served: &Served, wanted: impl Fn(&str) -> bool) -> f64 {
    let answer = client.get(format!("{}/metrics", served.address)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let lines = text.lines().filter(|line| wanted(line));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
