//! What is imported, as columns of streams and as lines of `COPY`.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat, Utc};
use event_core::RecordedEvent;
use event_core::adapter::judge::Target;
use event_core::adapter::rows::state_number;

use crate::append::stored;

/// Bytes that are sent at a time.
pub(super) const CHUNK: usize = 1 << 20;

/// Streams, turned from rows to columns.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) tenants: Vec<String>,
    pub(super) streams: Vec<String>,
    pub(super) categories: Vec<String>,
    pub(super) versions: Vec<i64>,
    pub(super) first: Vec<i64>,
    pub(super) states: Vec<i16>,
    pub(super) created: Vec<DateTime<Utc>>,
}

impl Columns {
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut columns = Self::default();
        for Target { info, .. } in targets {
            columns.tenants.push(info.tenant.as_str().to_owned());
            columns.streams.push(info.stream_id.as_str().to_owned());
            columns.categories.push(info.stream_id.category().to_owned());
            columns.versions.push(stored(info.version.get()));
            columns.first.push(stored(info.first_version.get()));
            columns.states.push(state_number(info));
            columns.created.push(info.created_at);
        }
        columns
    }
}

/// Adds the line of an event; the keys are those of its stream, tenant and category.
pub(super) fn copy_text(
    text: &mut String,
    event: &RecordedEvent,
    (stream, tenant, category): (i64, i32, i32),
    keep: bool,
) {
    let version = event.stream_version();
    let time = event.recorded_at().to_rfc3339_opts(SecondsFormat::Micros, true);
    let (id, schema) = (event.event_id(), event.event_version().get());
    // Writing into a text cannot fail.
    let _ = write!(text, "{stream}\t{version}\t{time}\t{id}\t{tenant}\t{category}\t{schema}\t");
    escape(text, event.event_type());
    text.push('\t');
    escape(text, event.data().get());
    text.push('\t');
    escape(text, event.metadata().as_json());
    if keep {
        let _ = write!(text, "\t{}", event.position());
    }
    text.push('\n');
}

/// The characters that mean something to `COPY`.
fn escape(text: &mut String, value: &str) {
    for part in value.split_inclusive(['\\', '\n', '\r', '\t']) {
        let (plain, special) = match part.char_indices().next_back() {
            Some((at, '\\')) => (&part[..at], "\\\\"),
            Some((at, '\n')) => (&part[..at], "\\n"),
            Some((at, '\r')) => (&part[..at], "\\r"),
            Some((at, '\t')) => (&part[..at], "\\t"),
            _ => (part, ""),
        };
        text.push_str(plain);
        text.push_str(special);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_copy_is_escaped() {
        for (value, line) in [
            ("plain", "plain"),
            ("", ""),
            ("\\.", "\\\\."),
            ("a\tb\nc\rd\\", "a\\tb\\nc\\rd\\\\"),
            ("ü\n𝒻", "ü\\n𝒻"),
        ] {
            let mut text = String::new();
            escape(&mut text, value);
            assert_eq!(text, line);
        }
    }
}
