//! Foreign text in the cells of a terminal: escaped, on one line, cut to a width. What is cut is not looked at, so that a text
//! of a mebibyte costs what it shows.

use std::fmt::Write as _;

use event_core::value::Escaped;
use unicode_width::UnicodeWidthChar as _;

/// Zero-width characters that may follow each other, such as combining marks; more are escaped.
const MARKS: usize = 2;

/// The text, escaped, in at most so many cells; the last is an ellipsis if it is longer.
pub(super) fn fit(text: &str, cells: usize) -> String {
    part(text, 0, cells)
}

/// The text, escaped, without the cells before `from`, in at most so many cells.
pub(super) fn part(text: &str, from: usize, cells: usize) -> String {
    let (mut out, mut used, mut skipped, mut marks) = (String::new(), 0, 0, 0);
    // Where to cut if the text turns out to be longer: the last place with a free cell for the ellipsis.
    let mut cut = 0;
    let mut piece = String::new();
    for c in text.chars() {
        let width = write_escaped(&mut piece, c, &mut marks);
        for shown in piece.drain(..) {
            let width = if width == 0 { 0 } else { shown.width().unwrap_or(0) };
            if skipped < from {
                skipped += width;
                continue;
            }
            if used + width > cells {
                out.truncate(cut);
                if cells > 0 {
                    out.push('…');
                }
                return out;
            }
            used += width;
            out.push(shown);
            if used < cells {
                cut = out.len();
            }
        }
    }
    out
}

/// The text, escaped and cut, and spaces up to exactly so many cells.
pub(super) fn left(text: &str, cells: usize) -> String {
    let mut out = fit(text, cells);
    let used = width(&out);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(used)));
    out
}

/// As [`left`], with the spaces before the text.
pub(super) fn right(text: &str, cells: usize) -> String {
    let shown = fit(text, cells);
    let spaces = cells.saturating_sub(width(&shown));
    format!("{}{shown}", " ".repeat(spaces))
}

/// The cells of a text that was escaped.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Replaces the piece by what is shown of a character, and returns its cells; 0 for a mark on the character before it.
fn write_escaped(piece: &mut String, c: char, marks: &mut usize) -> usize {
    match c.width() {
        Some(0) if *marks < MARKS && !is_hidden(c) => {
            *marks += 1;
            piece.push(c);
            return 0;
        }
        Some(width) if width > 0 && !is_hidden(c) => piece.push(c),
        _ => {
            let _ = match c {
                '\n' | '\t' | '\r' => write!(piece, "{}", c.escape_default()),
                _ => write!(piece, "{}", c.escape_unicode()),
            };
        }
    }
    *marks = 0;
    piece.len()
}

/// Whether the character is invisible, or changes how others are shown.
fn is_hidden(c: char) -> bool {
    match c {
        '"' | '\\' | '\'' => false,
        '\u{ad}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{2028}'..='\u{202f}'
        | '\u{3164}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c if c.is_ascii() => c.is_ascii_control(),
        // The list of bidirectional controls is the core's.
        c => {
            let mut buffer = [0; 4];
            let text: &str = c.encode_utf8(&mut buffer);
            c.width() != Some(0) && Escaped(text).to_string() != text
                || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        }
    }
}

/// A number of bytes in at most six cells: `999 B`, `1.0 KiB`, `12 MiB`.
pub(super) fn bytes(count: usize) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let (mut whole, mut unit) = (count, 0);
    let mut tenths;
    loop {
        (tenths, whole) = (whole % 1_024 * 10 / 1_024, whole / 1_024);
        if whole < 1_000 || unit + 1 == UNITS.len() {
            break;
        }
        unit += 1;
    }
    if whole < 10 {
        format!("{whole}.{tenths} {}", UNITS[unit])
    } else {
        format!("{whole} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        let hostile = "a\u{1b}[2Jb\u{202e}c\u{9b}\n\u{feff}\u{2028}\u{200d}\u{e0041}";
        let shown = fit(hostile, 200);
        assert_eq!(shown, r"a\u{1b}[2Jb\u{202e}c\u{9b}\n\u{feff}\u{2028}\u{200d}\u{e0041}");
    }

    #[test]
    fn marks_that_take_no_cell_are_few() {
        let zalgo = format!("e{}x", "\u{301}".repeat(100_000));
        let shown = fit(&zalgo, 20);
        assert!(shown.starts_with("e\u{301}\u{301}\\u{301}"), "{shown}");
        assert!(width(&shown) <= 20 && shown.ends_with('…'));
    }

    #[test]
    fn text_is_cut_to_cells() {
        assert_eq!(fit("größe", 5), "größe");
        assert_eq!(fit("größer", 5), "größ…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(part("abcdef", 2, 3), "cd…");
        assert_eq!(part("abcdef", 9, 3), "");
    }

    #[test]
    fn sizes_are_short() {
        let shown: Vec<_> = [0, 999, 1_024, 10_240, 1_048_576].into_iter().map(bytes).collect();
        assert_eq!(shown, ["0 B", "999 B", "1.0 KiB", "10 KiB", "1.0 MiB"]);
    }
}
