//! An event: what is stored beside what it is read as, and its causes and effects.

use axum::extract::{Path, Query};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use event_core::{EventId, EventStore, RecordedEvent, StreamId, Tenant};
use maud::{Markup, html};
use serde::Deserialize;

use super::kin::{Kin, WINDOW};
use crate::failure::Failure;
use crate::html::document::{Page, Place};
use crate::html::parts::{badge, event_type, nothing, notice};
use crate::json::{Line, Lines, Mark, compare};
use crate::links::{name_of, query};
use crate::svg::tree;
use crate::text;
use crate::visit::Visit;

/// So many windows are looked at: the page then takes as long as a page may, on a large store.
const MOST_WINDOWS: u64 = 32;

/// How far the page looks for effects, in windows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    look: u64,
}

/// `GET /event/{tenant}/{id}`
pub(crate) async fn get(
    visit: Visit,
    Path((tenant, id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Page, Failure> {
    let (store, event) = find(&visit, &tenant, &id).await?;
    let look = wanted.look.clamp(1, MOST_WINDOWS);
    let kin = Kin::of(&store, &event, look).await?;
    let name = text::plain_name(event.event_type());
    let tenant = event.tenant();
    let body = html! {
        p.crumbs {
            a href=(visit.links.to("/streams")) { "Streams" } " / " (text::name(tenant.as_str())) " / "
            a href=(visit.links.stream(tenant, event.stream_id())) { (text::name(event.stream_id().as_str())) }
        }
        h1 { (text::name(event.event_type())) " " span.version { (event.event_version()) } }
        @if let Some(damage) = event.damage() {
            (notice("bad", &html! { strong { "Damaged. " } (text::shown(damage, 500)) }))
        }
        (facts(&visit, &event))
        (payload(&visit, &event))
        (metadata(&event))
        (family(&visit, &event, &kin, look))
    };
    Ok(Page::new(Place::Streams, format!("{name} {}", event.event_version()), body))
}

/// `GET /event/{tenant}/{id}/data`: the stored payload, byte for byte.
pub(crate) async fn data(
    visit: Visit,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (_, event) = find(&visit, &tenant, &id).await?;
    let mut response = event.data().get().to_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let file = format!("attachment; filename=\"{}.json\"", event.event_id());
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(CONTENT_DISPOSITION, file);
    }
    Ok(response)
}

async fn find(
    visit: &Visit,
    tenant: &str,
    id: &str,
) -> Result<(EventStore, RecordedEvent), Failure> {
    let tenant =
        Tenant::new(name_of(tenant)).map_err(|error| Failure::Invalid(error.to_string()))?;
    let id: EventId = id.parse().map_err(|_| Failure::NotFound("event"))?;
    let store = visit.shared.store_of(Some(tenant));
    let event = store.read_event(id).await?.ok_or(Failure::NotFound("event"))?;
    Ok((store, event))
}

fn facts(visit: &Visit, event: &RecordedEvent) -> Markup {
    let metadata = event.metadata();
    let ids = [
        ("Correlation", metadata.correlation_id()),
        ("Actor", metadata.actor_id()),
        ("Source", metadata.source_id()),
    ];
    html! {
        dl.facts {
            dt { "Stream" }
            dd { (stream_link(visit, event.tenant(), event.stream_id())) " #" (event.stream_version()) }
            dt { "Type" } dd { (event_type(&visit.links, event.event_type(), event.event_version())) }
            dt { "Position" } dd { (text::number(event.position().get())) }
            dt { "Recorded" } dd { (text::time(event.recorded_at())) }
            dt { "Id" } dd { code { (event.event_id()) } }
            @for (name, id) in ids {
                @if let Some(id) = id { dt { (name) } dd { code { (text::shown(&id, 200)) } } }
            }
        }
    }
}

fn stream_link(visit: &Visit, tenant: &Tenant, stream_id: &StreamId) -> Markup {
    html! { a href=(visit.links.stream(tenant, stream_id)) { (text::name(stream_id.as_str())) } }
}

/// What is stored, beside what it is read as.
fn payload(visit: &Visit, event: &RecordedEvent) -> Markup {
    let data = event.data().get();
    let stored = Lines::of(data);
    let latest = event.decode_any();
    let whole = visit.links.event(event.tenant(), event.event_id()) + "/data";
    let size = text::bytes(data.len());
    let (latest, version) = match &latest {
        Ok(latest) => match latest.to_json_any() {
            Ok(json) => (Ok((Lines::of(json.get()), json)), Some(latest.event_version())),
            Err(error) => (Err(error.to_string()), None),
        },
        Err(error) => (Err(error.to_string()), None),
    };
    // What is left out is compared as text.
    let is_known = match &latest {
        Ok((latest, text)) if stored.has_more || latest.has_more => text.get() == data,
        _ => true,
    };
    let latest = latest.map(|(latest, _)| latest);
    let marks = latest.as_ref().map(|latest| compare(&stored, latest));
    let is_same = marks
        .as_ref()
        .is_ok_and(|(left, right)| left.iter().chain(right).all(|mark| *mark == Mark::Same));
    html! {
        section aria-labelledby="data" {
            div.bar {
                h2 id="data" { "Data" }
                a href=(whole) download { "Download as stored (" (size) ")" }
            }
            @if let Err(reason) = &latest {
                (notice("warn", &html! { "This program cannot read the event: " (text::shown(reason, 1_000)) }))
            }
            @if is_same && is_known {
                p.quiet { "Read as it is stored: " (event.event_version()) " is the latest version, or keeps everything." }
                (lines("Stored", &stored, &[], &whole))
            } @else {
                @if is_same {
                    p.quiet { "What is shown is the same on both sides; what is left out is not, byte for byte." }
                }
                div.beside {
                    div { h3 { "Stored, " (event.event_version()) }
                        (lines("Stored", &stored, marks.as_ref().map_or(&[], |it| &*it.0), &whole)) }
                    @if let (Ok(latest), Some(version)) = (&latest, version) {
                        div { h3 { "Latest, " (version) }
                            (lines("Latest", latest, marks.as_ref().map_or(&[], |it| &*it.1), &whole)) }
                    }
                }
            }
        }
    }
}

fn lines(label: &str, lines: &Lines, marks: &[Mark], whole: &str) -> Markup {
    let is_stored = label == "Stored";
    html! {
        div.scroll role="region" aria-label={ (label) " data" } tabindex="0" {
            pre.json { @for (at, line) in lines.lines.iter().enumerate() {
                (json_line(line, marks.get(at).copied().unwrap_or(Mark::Same), is_stored))
            } }
        }
        @if lines.is_cut {
            p { "Long values and lines are cut. " a href=(whole) download { "Download the whole as stored" } }
        }
    }
}

fn json_line(line: &Line, mark: Mark, is_stored: bool) -> Markup {
    let (class, sign, word) = match (mark, is_stored) {
        (Mark::Same, _) => ("", " ", ""),
        (Mark::Changed, _) => ("changed", "~", "changed: "),
        (Mark::Alone, true) => ("gone", "−", "only stored: "),
        (Mark::Alone, false) => ("new", "+", "only in the latest: "),
    };
    html! {
        span.l.(class) {
            span.sign aria-hidden="true" { (sign) }
            @if !word.is_empty() { span.hidden { (word) } }
            (" ".repeat(line.depth * 2))
            @if let Some(key) = &line.key { span.key { (key) } ": " }
            span.(kind(&line.value)) { (line.value) }
            @if line.has_comma { "," }
            "\n"
        }
    }
}

/// The class of a value.
fn kind(value: &str) -> &'static str {
    match value.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{' | b'[' | b'}' | b']') => "bracket",
        _ => "literal",
    }
}

fn metadata(event: &RecordedEvent) -> Markup {
    let lines = Lines::of(event.metadata().as_json());
    html! {
        @if !event.metadata().is_empty() {
            section aria-labelledby="metadata" {
                h2 id="metadata" { "Metadata" }
                div.scroll role="region" aria-label="Metadata as JSON" tabindex="0" {
                    pre.json { @for line in &lines.lines { (json_line(line, Mark::Same, true)) } }
                }
                @if lines.is_cut { p.quiet { "Long values are cut." } }
            }
        }
    }
}

fn family(visit: &Visit, event: &RecordedEvent, kin: &Kin, look: u64) -> Markup {
    let rows: Vec<tree::Row> = kin
        .rows
        .iter()
        .map(|row| tree::Row {
            depth: row.depth,
            cause: row.cause,
            is_current: row.event.event_id() == event.event_id(),
            content: row_content(visit, &row.event, event),
        })
        .collect();
    let farther = visit.links.event(event.tenant(), event.event_id())
        + &query(&[("look", &(look * 4).min(MOST_WINDOWS).to_string())]);
    html! {
        section aria-labelledby="kin" {
            h2 id="kin" { "Causes and effects" }
            @if kin.is_cause_missing {
                p { (badge("warn", "missing")) " A cause is named that this tenant does not have." }
            }
            @if rows.len() == 1 { (nothing("Nothing caused it, and no effect was found.")) } @else { (tree::draw(&rows)) }
            p.quiet {
                "Effects are looked for among the " (text::number(WINDOW * look)) " positions after it, by correlation."
                @if look < MOST_WINDOWS && !kin.reached_end { " " a href=(farther) { "Look farther" } }
                @if kin.is_cut { " Only the first are shown." }
            }
        }
    }
}

fn row_content(visit: &Visit, event: &RecordedEvent, current: &RecordedEvent) -> Markup {
    let is_current = event.event_id() == current.event_id();
    html! {
        span.what {
            @if is_current { strong { (text::name(event.event_type())) } " (this event)" } @else {
                a href=(visit.links.event(event.tenant(), event.event_id())) { (text::name(event.event_type())) }
            }
        }
        span.where {
            (text::name(event.stream_id().as_str())) " #" (event.stream_version())
            " · " (text::short_time(event.recorded_at()))
        }
    }
}
