//! `stats`: how many events and bytes there are, by type, tenant, category and day, with a chart.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use event_core::{AllOptions, EventStore, RecordedEvent};
use serde_json::json;

use crate::failure::Failure;
use crate::moment::moment;
use crate::output::table::cell;
use crate::output::text::count;
use crate::output::{Column, Output, Style, Table};
use crate::progress::{Progress, share};
use crate::session::{Common, Session};

/// The widest bar of the chart.
const WIDEST: usize = 40;
/// How many groups of a kind are counted apart; a tenant for each user would be too many for the memory.
const MOST_GROUPS: usize = 100_000;
/// What all others are counted as.
const OTHERS: &str = "(others)";

/// The arguments of `stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// What to group by; several are tables of their own.
    #[arg(long, value_delimiter = ',', default_value = "type,tenant,day")]
    by: Vec<By>,
    /// Only events recorded at or after this time: `2026-11-29`, or how long ago, `7d`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<DateTime<Utc>>,
    /// Only events recorded before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<DateTime<Utc>>,
    /// At most this many rows of each table.
    #[arg(long, value_name = "N", default_value_t = 30)]
    top: usize,
    #[command(flatten)]
    common: Common,
}

/// What events are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// The stored type.
    Type,
    /// The tenant.
    Tenant,
    /// The category of the stream.
    Category,
    /// The day, in UTC.
    Day,
    /// The hour, in UTC.
    Hour,
}

impl By {
    const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Tenant => "tenant",
            Self::Category => "category",
            Self::Day => "day",
            Self::Hour => "hour",
        }
    }

    const fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Hour)
    }

    fn with_key<T>(self, event: &RecordedEvent, then: impl FnOnce(&str) -> T) -> T {
        match self {
            Self::Type => then(event.event_type()),
            Self::Tenant => then(event.tenant().as_str()),
            Self::Category => then(event.stream_id().category()),
            Self::Day => then(&event.recorded_at().format("%Y-%m-%d").to_string()),
            Self::Hour => then(&event.recorded_at().format("%Y-%m-%d %H:00").to_string()),
        }
    }
}

/// What events of a group add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    events: u64,
    bytes: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

impl Sum {
    fn add(&mut self, event: &RecordedEvent) {
        let at = event.recorded_at();
        self.events += 1;
        self.bytes += event.size() as u64;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// Events a day, over the time from its first event to its last.
    #[expect(clippy::cast_precision_loss, reason = "a rate is displayed, not computed with")]
    fn per_day(&self) -> f64 {
        let (Some(first), Some(last)) = (self.first, self.last) else { return 0.0 };
        let days = (last - first).as_seconds_f64() / 86_400.0;
        // Less than a day of events is not extrapolated.
        self.events as f64 / days.max(1.0)
    }
}

type Groups = HashMap<String, Sum>;

impl Stats {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        let (total, groups) = self.count(&store).await?;
        let out = &mut session.out;
        if self.common.json {
            out.json(&line("all", "all", &total))?;
        } else {
            let days = total.per_day();
            out.line(format!(
                "{}, {}, {days:.0} a day",
                count(total.events, "event"),
                bytes(total.bytes)
            ))?;
        }
        for (by, groups) in self.by.iter().zip(groups) {
            let rows = sorted(*by, groups, self.top);
            if self.common.json {
                for (key, sum) in &rows {
                    out.json(&line(by.name(), key, sum))?;
                }
            } else if !rows.is_empty() {
                out.line("")?;
                print(out, *by, &rows)?;
            }
        }
        Ok(())
    }

    async fn count(&self, store: &EventStore) -> Result<(Sum, Vec<Groups>), Failure> {
        let mut options = AllOptions::new();
        if let Some(since) = self.since {
            options = options.recorded_from(since);
        }
        if let Some(until) = self.until {
            options = options.recorded_before(until);
        }
        let mut progress = Progress::of("events");
        let end = store.head().await?.get();
        let (mut total, mut groups) = (Sum::default(), vec![Groups::new(); self.by.len()]);
        let mut events = store.all_events(options);
        while let Some(event) = events.next().await {
            let event = event?;
            total.add(&event);
            for (by, groups) in self.by.iter().zip(&mut groups) {
                by.with_key(&event, |key| add(groups, key, &event));
            }
            progress.at(total.events, share(event.position().get(), end));
        }
        Ok((total, groups))
    }
}

fn add(groups: &mut Groups, key: &str, event: &RecordedEvent) {
    if let Some(sum) = groups.get_mut(key) {
        return sum.add(event);
    }
    let key = if groups.len() < MOST_GROUPS { key } else { OTHERS };
    groups.entry(key.to_owned()).or_default().add(event);
}

/// The most recent times, in their order; of all else the largest.
fn sorted(by: By, groups: Groups, top: usize) -> Vec<(String, Sum)> {
    let mut rows: Vec<_> = groups.into_iter().collect();
    if by.is_time() {
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows.split_off(rows.len().saturating_sub(top))
    } else {
        rows.sort_by(|a, b| b.1.events.cmp(&a.1.events).then_with(|| a.0.cmp(&b.0)));
        rows.truncate(top);
        rows
    }
}

fn print(out: &mut Output, by: By, rows: &[(String, Sum)]) -> Result<(), Failure> {
    let title = match by {
        By::Type => "TYPE",
        By::Tenant => "TENANT",
        By::Category => "CATEGORY",
        By::Day => "DAY",
        By::Hour => "HOUR",
    };
    let mut columns = vec![Column::text(title), Column::number("EVENTS"), Column::number("SIZE")];
    if !by.is_time() {
        columns.push(Column::number("A DAY"));
    }
    columns.push(Column::cut(""));
    let mut table = Table::new(columns);
    let most = rows.iter().map(|(_, sum)| sum.events).max().unwrap_or(1);
    for (key, sum) in rows {
        let mut cells =
            vec![cell(key.as_str(), Style::Accent), sum.events.into(), bytes(sum.bytes).into()];
        if !by.is_time() {
            cells.push(format!("{:.0}", sum.per_day()).into());
        }
        cells.push(cell(bar(sum.events, most), Style::Dim));
        table.row(out, cells)?;
    }
    table.flush(out)
}

/// A bar in eighths of a column.
fn bar(value: u64, most: u64) -> String {
    let eighths = u128::from(value) * (WIDEST as u128) * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(WIDEST * 8);
    let mut bar = "█".repeat(eighths / 8);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    bar.push_str(if bar.is_empty() && rest.is_empty() && value > 0 { "▏" } else { rest });
    bar
}

#[expect(clippy::cast_precision_loss, reason = "a size is displayed, not computed with")]
fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

fn line(by: &str, key: &str, sum: &Sum) -> serde_json::Value {
    json!({
        "by": by,
        "key": key,
        "events": sum.events,
        "bytes": sum.bytes,
        "per_day": sum.per_day(),
        "first": sum.first.map(crate::rows::time),
        "last": sum.last.map(crate::rows::time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_and_sizes_are_readable() {
        assert_eq!(bar(1, 1), "█".repeat(40));
        assert_eq!(bar(1, 320), "▏");
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 5), "");
        assert_eq!((bytes(1_023).as_str(), bytes(1_536).as_str()), ("1023 B", "1.5 KiB"));
    }
}
