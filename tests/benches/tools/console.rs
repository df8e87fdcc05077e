//! The pages of the console over HTTP, asked for one after the other from places all over the store.

use std::time::{Duration, Instant};

use event_core::EventId;
use reqwest::Client;

use crate::child::Served;
use crate::fill::{Filled, Size, long, stream};

/// Measures each page, and prints the table.
pub(crate) async fn pages(url: &str, filled: &Filled, size: &Size) {
    let served = Served::start(url);
    let client = Client::builder().build().unwrap();
    println!("| Page | median | 95th percentile | most |");
    println!("|---|---|---|---|");
    for (name, path) in paths(filled, size) {
        let mut times = Vec::new();
        for _ in 0..size.requests {
            let address = format!("{}{}", served.address, path());
            let started = Instant::now();
            let answer = client.get(&address).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{address}");
            answer.bytes().await.unwrap();
            times.push(started.elapsed());
        }
        times.sort();
        let at = |percent: usize| ms(times[((times.len() - 1) * percent + 50) / 100]);
        println!("| {name} | {} | {} | {} |", at(50), at(95), at(100));
    }
    println!("peak memory of the console: {} MiB", served.peak() >> 10);
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

type Path<'a> = Box<dyn Fn() -> String + 'a>;

/// Every page, with a function that gives one address of it.
fn paths<'a>(filled: &'a Filled, size: &'a Size) -> Vec<(&'static str, Path<'a>)> {
    let fixed = |path: &'static str| -> Path<'a> { Box::new(move || path.to_owned()) };
    let short = move || stream(fastrand::u64(0..size.streams - 2));
    let some = move || -> (String, EventId) {
        let (tenant, id) = &filled.some[fastrand::usize(0..filled.some.len())];
        (tenant.to_string(), *id)
    };
    vec![
        ("overview", fixed("/")),
        ("streams", fixed("/streams")),
        (
            "streams, further pages",
            Box::new(move || {
                let (tenant, name) = short();
                format!("/streams?after_tenant={tenant}&after={name}")
            }),
        ),
        ("streams of a prefix", fixed("/streams?prefix=order-09")),
        ("streams of a category", fixed("/streams?category=account")),
        ("streams of a tenant", fixed("/streams?tenant=guild-21")),
        ("streams of a prefix that none has", fixed("/streams?prefix=zzz")),
        (
            "stream",
            Box::new(move || {
                let (tenant, name) = short();
                format!("/stream/{tenant}/{name}")
            }),
        ),
        (
            "long stream, further pages",
            Box::new(move || {
                format!("/stream/default/{}?from={}", long(), fastrand::u64(1..size.long / 2))
            }),
        ),
        ("events", fixed("/events")),
        (
            "events, further pages",
            Box::new(move || format!("/events?before={}", fastrand::u64(2..filled.head))),
        ),
        ("events of a rare type", fixed("/events?type=bench.refused")),
        ("events of a type that is not stored", fixed("/events?type=nothing")),
        ("events of a rare category", fixed("/events?category=refusals")),
        ("events of a category that no stream has", fixed("/events?category=nothing")),
        ("events of a tenant", fixed("/events?tenant=guild-39")),
        ("events of a rare type and tenant", fixed("/events?type=bench.refused&tenant=guild-07")),
        ("events of a tenant that has none", fixed("/events?tenant=nobody")),
        (
            "event",
            Box::new(move || {
                let (tenant, id) = some();
                format!("/event/{tenant}/{id}")
            }),
        ),
        (
            "event, looked farther for effects",
            Box::new(move || {
                let (tenant, id) = some();
                format!("/event/{tenant}/{id}?look=32")
            }),
        ),
        ("types", fixed("/types")),
        ("type", fixed("/types/bench.guess")),
        ("subscriptions", fixed("/subscriptions")),
        ("subscription with parked events", fixed("/subscriptions/all/payouts")),
        ("projections", fixed("/projections")),
        ("tenants", fixed("/tenants")),
        ("tenants, further pages", fixed("/tenants?after=guild-10")),
        ("health", fixed("/health")),
        ("metrics", fixed("/metrics")),
    ]
}
