//! The lists: their columns, their cells.

use std::time::Duration;

use event_core::StreamInfo;
use event_core::adapter::{ParkedEvent, StreamState};
use event_core::health::ProjectionReport;
use event_core::subscription::{SubscriptionInfo, SubscriptionStatus};
use ratatui::text::Line;

use super::table::{self, Column, Row};
use super::theme::Theme;
use crate::browse::request::EventsOf;
use crate::browse::rows::{EventRow, short_time, time};
use crate::browse::screens::Kind;
use crate::browse::text;

const STREAMS: [Column; 5] = [
    Column::rest("stream", 10, 60, 0),
    Column::number("events", 6, 1),
    Column::text("state", 8, 3),
    Column::text("tenant", 7, 4),
    Column::text("first event", 19, 2),
];

const OF_STREAM: [Column; 5] = [
    Column::number("version", 4, 1),
    Column::rest("type", 22, 50, 0),
    Column::text("recorded", 23, 2),
    Column::number("position", 8, 3),
    Column::number("size", 7, 4),
];

const OF_ALL: [Column; 6] = [
    Column::number("position", 5, 1),
    Column::rest("type", 22, 40, 0),
    Column::rest("stream", 12, 60, 2),
    Column::number("version", 4, 4),
    Column::text("recorded", 19, 3),
    Column::number("size", 7, 5),
];

const SUBSCRIPTIONS: [Column; 7] = [
    Column::rest("subscription", 9, 40, 0),
    Column::text("status", 7, 1),
    Column::number("lag", 6, 2),
    Column::number("parked", 6, 3),
    Column::text("behind", 6, 5),
    Column::text("tenant", 6, 6),
    Column::rest("last error, or filter", 24, 80, 4),
];

const PARKED: [Column; 5] = [
    Column::number("position", 6, 0),
    Column::number("tries", 5, 3),
    Column::text("replay", 6, 4),
    Column::text("parked", 23, 2),
    Column::rest("error", 8, 120, 1),
];

const PROJECTIONS: [Column; 6] = [
    Column::rest("projection", 9, 40, 0),
    Column::number("build", 5, 1),
    Column::text("readers", 7, 2),
    Column::number("position", 8, 3),
    Column::number("events", 7, 4),
    Column::text("last event", 23, 5),
];

/// The list of a screen, and whether it has no rows.
pub(super) fn list(
    kind: &Kind,
    rows: usize,
    width: usize,
    with_header: bool,
    theme: Theme,
) -> (Vec<Line<'static>>, bool) {
    let (columns, rows): (&[Column], Vec<Row>) = match kind {
        Kind::Streams(screen) => {
            let mapped = screen.list.visible(rows).map(|(at, it)| row(at, stream(it), false));
            (&STREAMS, mapped.collect())
        }
        Kind::Events(screen) => {
            let of_stream = matches!(screen.of, EventsOf::Stream(..));
            let mapped = screen.list.visible(rows);
            let mapped = mapped.map(|(at, it)| row(at, event(it, of_stream), it.is_damaged));
            (if of_stream { &OF_STREAM } else { &OF_ALL }, mapped.collect())
        }
        Kind::Tail(screen) => {
            let cursor = screen.cursor;
            let shown = screen.rows.iter().enumerate().skip(cursor.top).take(rows);
            let mapped =
                shown.map(|(at, it)| row(at == cursor.selected, event(it, false), it.is_damaged));
            (&OF_ALL, mapped.collect())
        }
        Kind::Subscriptions(list) => {
            let mapped = list.visible(rows).map(|(at, it)| {
                row(at, subscription(it), it.status == SubscriptionStatus::Stopped)
            });
            (&SUBSCRIPTIONS, mapped.collect())
        }
        Kind::Parked(screen) => {
            let mapped = screen.list.visible(rows).map(|(at, it)| row(at, parked(it), false));
            (&PARKED, mapped.collect())
        }
        Kind::Projections(list) => {
            let mapped = list.visible(rows).map(|(at, it)| row(at, projection(it), false));
            (&PROJECTIONS, mapped.collect())
        }
        Kind::Event(_) => (&[], Vec::new()),
    };
    let is_empty = rows.is_empty();
    (table::lines(columns, &rows, width, with_header, theme), is_empty)
}

const fn row(is_selected: bool, cells: Vec<String>, is_bad: bool) -> Row {
    Row { cells, is_selected, is_bad }
}

fn stream(info: &StreamInfo) -> Vec<String> {
    let state = match info.state {
        StreamState::Active if info.holds_links => "links",
        StreamState::Active => "active",
        StreamState::Archived => "archived",
        StreamState::SoftDeleted => "deleted",
        StreamState::HardDeleted => "removed",
    };
    vec![
        info.stream_id.as_str().to_owned(),
        info.events().to_string(),
        state.to_owned(),
        info.tenant.as_str().to_owned(),
        short_time(info.created_at),
    ]
}

fn event(row: &EventRow, of_stream: bool) -> Vec<String> {
    let kind = if row.is_damaged { "(damaged)".to_owned() } else { row.kind() };
    let size = text::bytes(row.size);
    let (version, position) = (row.version.to_string(), row.position.to_string());
    if of_stream {
        vec![version, kind, time(row.at), position, size]
    } else {
        vec![position, kind, row.stream.as_str().to_owned(), version, short_time(row.at), size]
    }
}

fn subscription(info: &SubscriptionInfo) -> Vec<String> {
    let status = match info.status {
        SubscriptionStatus::Running => "running",
        SubscriptionStatus::Paused => "paused",
        SubscriptionStatus::Stopped => "stopped",
        _ => "idle",
    };
    vec![
        info.name.clone(),
        status.to_owned(),
        info.lag.to_string(),
        info.parked.to_string(),
        info.lag_time.map(age).unwrap_or_default(),
        info.tenant.as_ref().map_or("(all)", |tenant| tenant.as_str()).to_owned(),
        info.stopped.clone().unwrap_or_else(|| info.filter.clone()),
    ]
}

fn parked(event: &ParkedEvent) -> Vec<String> {
    let replay = if event.replay { "marked" } else { "" };
    vec![
        event.position.to_string(),
        event.attempts.to_string(),
        replay.to_owned(),
        time(event.parked_at),
        event.error.clone(),
    ]
}

fn projection(report: &ProjectionReport) -> Vec<String> {
    let readers = if report.is_current { "current" } else { "" };
    vec![
        report.name.clone(),
        report.build.to_string(),
        readers.to_owned(),
        report.position.to_string(),
        report.events.to_string(),
        report.last_event_at.map(time).unwrap_or_default(),
    ]
}

/// A time span in at most six cells.
fn age(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
