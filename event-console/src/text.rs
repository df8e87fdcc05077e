//! Text from elsewhere on a page: cut to a length, with control characters and bidirectional controls as visible escapes.
//! HTML is escaped by the templates; this is for what HTML would show, or obey.

use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use event_core::value::Printable;
use maud::{Markup, html};

/// The longest name that is shown whole.
const NAME: usize = 96;

/// Text of which at most `most` characters are shown, and whether it was cut.
pub(crate) fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => (Printable(&text[..end]).to_string(), true),
        None => (Printable(text).to_string(), false),
    }
}

/// The same, with an ellipsis where it was cut. Isolated, so that text from right to left does not reorder what is around.
pub(crate) fn shown(text: &str, most: usize) -> Markup {
    let (text, is_cut) = cut(text, most);
    html! { bdi { (text) @if is_cut { "…" } } }
}

/// A name: of a stream, a tenant, a subscription.
pub(crate) fn name(text: &str) -> Markup {
    shown(text, NAME)
}

/// A name as plain text, for titles.
pub(crate) fn plain_name(text: &str) -> String {
    cut(text, NAME).0
}

/// A number with thin spaces between groups of three digits.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// One of something, or many.
pub(crate) fn count(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A number of bytes.
#[allow(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
pub(crate) fn bytes(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A duration in its largest unit.
pub(crate) fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 if duration.as_micros() == 0 => "less than 1 µs".to_owned(),
        0 if duration.as_millis() == 0 => format!("{} µs", duration.as_micros()),
        0 => format!("{} ms", duration.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A time, with how long ago it was.
pub(crate) fn time(time: DateTime<Utc>) -> Markup {
    let exact = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    html! {
        time datetime=(exact) title=(exact) { (time.format("%Y-%m-%d %H:%M:%S")) }
        " "
        span.quiet { (ago(Utc::now() - time)) }
    }
}

/// The same without the age, for lists.
pub(crate) fn short_time(time: DateTime<Utc>) -> Markup {
    let exact = time.to_rfc3339_opts(SecondsFormat::Micros, true);
    // In this year the month and the day say enough.
    let format = if time.year() == Utc::now().year() { "%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    html! { time datetime=(exact) title=(exact) { (time.format(format)) } }
}

fn ago(age: chrono::TimeDelta) -> String {
    match age.to_std() {
        Ok(age) if age.as_secs() == 0 => "just now".to_owned(),
        Ok(age) => format!("{} ago", duration(age)),
        Err(_) => "in the future".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        assert_eq!(cut("a\u{1b}[31m\u{202e}b", 20), ("a\\u001b[31m\\u202eb".to_owned(), false));
        assert_eq!(cut("äöü", 2), ("äö".to_owned(), true));
        let shown = shown("<script>alert(1)</script>", 100).into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>");
    }

    #[test]
    fn numbers_and_durations_are_read_at_a_glance() {
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(number(12), "12");
        assert_eq!(bytes(1_572_864), "1.5 MiB");
        assert_eq!(duration(Duration::from_secs(125)), "2 min");
        assert_eq!(duration(Duration::from_micros(80)), "80 µs");
    }
}
