//! Text in a terminal's columns.

use event_core::value::Printable;
use unicode_width::UnicodeWidthChar as _;

/// Foreign text for one line: what a terminal would obey is escaped, and so are line ends and tabs.
pub(crate) fn one_line(text: &str) -> String {
    in_one_line(text.to_owned())
}

/// The same of a text that the caller gives away.
pub(crate) fn in_one_line(text: String) -> String {
    if is_plain(&text) {
        return text;
    }
    let escaped = Printable(&text).to_string();
    if escaped.contains(['\n', '\t']) {
        escaped.replace('\n', "\\n").replace('\t', "\\t")
    } else {
        escaped
    }
}

/// A foreign name as an argument of a command that is advised: whoever copies it into a shell runs nothing else.
pub(crate) fn argument(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    let quoted = if name.is_empty() || !name.chars().all(is_plain) {
        format!("'{}'", name.replace('\'', r"'\''"))
    } else {
        name.to_owned()
    };
    if name.starts_with('-') { format!("-- {quoted}") } else { quoted }
}

/// How many of something: `1 event`, `2 events`. The noun takes an `s`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What an import or a copy stored, and what it found in place.
pub(crate) fn transferred(stored: u64, skipped: u64) -> String {
    let what = if stored == 1 { "event or link" } else { "events and links" };
    format!("{stored} {what}, skipped {skipped} already present")
}

/// The columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    if is_plain(text) {
        return text.len();
    }
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Whether each byte takes one column: looked at byte by byte, which is several times as fast.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Whether a text takes more columns than this; looks at no more of it than it must.
pub(crate) fn is_wider(text: &str, most: usize) -> bool {
    if text.len() <= most {
        return columns(text) > most;
    }
    let mut taken = 0;
    text.chars().any(|c| {
        taken += c.width().unwrap_or(0);
        taken > most
    })
}

/// The beginning of a text that fits, with `…` where something is left out.
pub(crate) fn fit(text: &str, most: usize) -> String {
    if !is_wider(text, most) {
        return text.to_owned();
    }
    let (head, _) = split(text, most.saturating_sub(1));
    if most == 0 { String::new() } else { format!("{head}…") }
}

/// Splits a text after as many characters as fit; at least one, so that wrapping comes to an end.
pub(crate) fn split(text: &str, most: usize) -> (&str, &str) {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += c.width().unwrap_or(0);
        if taken > most && at > 0 {
            return text.split_at(at);
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(split("日", 1), ("日", ""));
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\tc\u{202e}"), "a\\nb\\u001b[31m\\tc\\u202e");
    }
}
