//! The overview: how much is stored, how fast, what is behind, and the latest events.

use chrono::{DateTime, Utc};
use event_core::health::Stall;
use event_core::{AllOptions, BatchSize, RecordedEvent};
use maud::{Markup, html};

use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{event_rows, figure, nothing, notice, tail};
use crate::sample::{Point, Sample};
use crate::svg::plot::Plot;
use crate::text;
use crate::visit::Visit;

/// The latest events that are shown.
const LATEST: u32 = 12;
/// The seconds that a rate is of.
const RATE_SECONDS: i64 = 60;

/// `GET /`
pub(crate) async fn get(visit: Visit) -> Result<Page, Failure> {
    let sample = visit.shared.sampler.latest().await;
    let is_away = sample.away.is_some();
    let answered = if is_away { visit.shared.sampler.answered() } else { Some(sample) };
    let Some(sample) = answered else { return Err(Failure::TimedOut) };
    let read = if is_away { Err(Failure::TimedOut) } else { latest(&visit).await };
    let events = match read {
        // It went away after the sample.
        Err(failure) if failure.is_passing() || visit.shared.sampler.away().is_some() => None,
        events => Some(events?),
    };
    let history = visit.shared.sampler.history();
    let body = html! {
        h1 { "Overview" }
        (stalls(&sample))
        (figures(&visit, &sample, &history))
        section.plots aria-label="Over time" {
            (Plot { id: "appends", title: "Appended", unit: ("event/s", "events/s"), points: rates(&history) }.draw())
            (Plot { id: "lag", title: "Longest lag", unit: ("event", "events"), points: lags(&history) }.draw())
        }
        section aria-labelledby="latest" {
            div.bar {
                h2 id="latest" { "Latest events" }
                (tail(&visit.links.to("/live")))
            }
            @match &events {
                None => { (nothing("Shown again as soon as the store answers.")) }
                Some(events) if events.is_empty() => {
                    (nothing("No event is stored yet."))
                    (event_rows(&visit.links, events, true))
                }
                Some(events) => { (event_rows(&visit.links, events, true)) }
            }
        }
    };
    Ok(Page::new(Place::Overview, "Overview", body))
}

async fn latest(visit: &Visit) -> Result<Vec<RecordedEvent>, Failure> {
    let limit = BatchSize::new(LATEST).unwrap_or_default();
    let options = AllOptions::new().last(limit).limit_bytes(1 << 20);
    Ok(visit.shared.store.read_all(options).await?)
}

fn stalls(sample: &Sample) -> Markup {
    let health = sample.health.as_ref();
    let stall: Option<&Stall> = health.and_then(|health| health.stall.as_ref());
    html! {
        @if let Some(stall) = stall {
            (notice("warn", &html! {
                p { strong { "Readers wait. " } (text::shown(&stall.to_string(), 1_000)) }
                p { "Events after that position are stored and become visible when the transaction ends." }
            }))
        }
        @if let Some(change) = health.and_then(|health| health.log_change.as_ref()) {
            (notice("bad", &html! { strong { "The log was replaced. " } (change) }))
        }
        @for stopped in sample.subscriptions.iter().filter_map(|it| it.stopped.as_ref().map(|why| (it, why))) {
            (notice("bad", &html! {
                "Subscription " strong { (text::name(&stopped.0.name)) } " has stopped: " (text::shown(stopped.1, 300))
            }))
        }
    }
}

fn figures(visit: &Visit, sample: &Sample, history: &[Point]) -> Markup {
    let parked: u64 = sample.subscriptions.iter().map(|it| it.parked).sum();
    let parking = sample.subscriptions.iter().filter(|it| it.parked > 0).count() as u64;
    let behind = sample.subscriptions.iter().max_by_key(|it| it.lag);
    html! {
        dl.figures {
            (figure("Last position", &html! { (text::number(sample.head)) }, &html! { "in the global order" }))
            (figure("Appended", &html! {
                @match rate(history) { Some(rate) => { (format!("{rate:.1}")) } None => { "–" } }
            }, &html! { "events/s, last minute" }))
            (figure("Longest lag", &html! { (text::number(behind.map_or(0, |it| it.lag))) }, &html! {
                @match behind {
                    None => { "no durable subscription" }
                    Some(it) if it.lag == 0 => { "all have caught up" }
                    Some(it) => { a href=(visit.links.subscription(it.tenant.as_ref(), &it.name)) { (text::name(&it.name)) } }
                }
            }))
            (figure("Parked", &html! { (text::number(parked)) }, &html! {
                a href=(visit.links.to("/subscriptions")) { "in " (text::count(parking, "subscription", "subscriptions")) }
            }))
            @if let Some(health) = &sample.health {
                (figure("Answers in", &html! { (text::duration(health.latency)) }, &html! {
                    a href=(visit.links.to("/health")) { (text::shown(&health.server, 40)) }
                }))
            }
        }
    }
}

/// Appends per second of the last minute. A position that was given to a commit that failed counts as well.
fn rate(history: &[Point]) -> Option<f64> {
    let last = history.last()?;
    let first = history.iter().find(|it| (last.at - it.at).num_seconds() <= RATE_SECONDS)?;
    between(first, last)
}

fn rates(history: &[Point]) -> Vec<(DateTime<Utc>, Option<f64>)> {
    history.windows(2).map(|pair| (pair[1].at, between(&pair[0], &pair[1]))).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a rate with one digit after the point")]
fn lags(history: &[Point]) -> Vec<(DateTime<Utc>, Option<f64>)> {
    history.iter().map(|it| (it.at, it.lag.map(|lag| lag as f64))).collect()
}

/// `None` where the store did not answer, or was replaced by an earlier state.
#[allow(clippy::cast_precision_loss, reason = "a rate with one digit after the point")]
fn between(first: &Point, last: &Point) -> Option<f64> {
    let events = last.head?.checked_sub(first.head?)?;
    let seconds = (last.at - first.at).num_milliseconds() as f64 / 1_000.0;
    (seconds > 0.0).then(|| events as f64 / seconds)
}
