//! [`Pretty`]: JSON on lines of its own, as it is stored: numbers, escapes and the order of keys stay what they are.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::text;

/// The characters of a line that are kept.
const LINE: usize = 1_000;
/// The lines that are kept.
const LINES: usize = 20_000;

/// JSON on lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Pretty {
    pub(super) lines: Vec<PrettyLine>,
    /// Whether there is more than is kept.
    pub(super) is_cut: bool,
    /// The hash of what is not kept: it is compared by it.
    rest: u64,
}

/// One line, cut if it is long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrettyLine {
    pub(super) text: String,
    /// The hash of the whole line without its comma: lines are compared by it.
    pub(super) hash: u64,
}

impl Pretty {
    /// Whether both have the same after the lines that are kept.
    pub(super) const fn ends_as(&self, other: &Self) -> bool {
        self.rest == other.rest
    }

    /// Breaks valid JSON into lines. Anything else becomes lines as well, of no promised form.
    pub(super) fn new(json: &str) -> Self {
        let mut writer = Writer::default();
        let mut rest = json;
        while let Some(c) = rest.chars().next() {
            if writer.done.lines.len() >= LINES {
                writer.done.is_cut = true;
                writer.done.rest = hash_of(rest);
                break;
            }
            let token = match c {
                '"' => &rest[..string_end(rest)],
                '{' | '}' | '[' | ']' | ',' | ':' => &rest[..1],
                c if c.is_whitespace() => {
                    rest = &rest[c.len_utf8()..];
                    continue;
                }
                _ => &rest[..scalar_end(rest)],
            };
            rest = &rest[token.len()..];
            writer.token(token, rest);
        }
        writer.end_line();
        writer.done
    }
}

#[derive(Default)]
struct Writer {
    done: Pretty,
    line: String,
    depth: usize,
    /// Whether the container that was just opened is empty: it stays on its line.
    is_empty: bool,
}

impl Writer {
    fn token(&mut self, token: &str, rest: &str) {
        match token {
            "{" | "[" => {
                self.indent();
                self.line.push_str(token);
                self.depth += 1;
                self.is_empty = rest.trim_start().starts_with(['}', ']']);
                if !self.is_empty {
                    self.end_line();
                }
            }
            "}" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                if !std::mem::take(&mut self.is_empty) {
                    self.end_line();
                }
                self.indent();
                self.line.push_str(token);
            }
            "," => {
                self.line.push(',');
                self.end_line();
            }
            ":" => self.line.push_str(": "),
            scalar => {
                self.indent();
                self.line.push_str(scalar);
            }
        }
    }

    /// Indents a line that is empty so far. Deep nesting is indented no further.
    fn indent(&mut self) {
        if self.line.is_empty() {
            self.line.extend(std::iter::repeat_n("  ", self.depth.min(40)));
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let hash = hash_of(self.line.trim_end_matches(','));
        let line = std::mem::take(&mut self.line);
        self.done.lines.push(PrettyLine { text: cut(line), hash });
    }
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The line, or its beginning with the size of the whole.
fn cut(line: String) -> String {
    match line.char_indices().nth(LINE) {
        None => line,
        Some((at, _)) => format!("{}… ({})", &line[..at], text::bytes(line.len())),
    }
}

/// Where the string at the beginning of a text ends.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// Where the number or word at the beginning of a text ends.
fn scalar_end(text: &str) -> usize {
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, ',' | ':' | '{' | '}' | '[' | ']' | '"');
    text.find(is_end).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(json: &str) -> Vec<String> {
        Pretty::new(json).lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn numbers_escapes_and_order_stay() {
        let json = r#"{"b":1e400,"a":[1.10, {"x":"a\"}\u001b"}],"e":{},"f":[ ],"n":null}"#;
        let expected = [
            "{",
            r#"  "b": 1e400,"#,
            r#"  "a": ["#,
            "    1.10,",
            "    {",
            r#"      "x": "a\"}\u001b""#,
            "    }",
            "  ],",
            r#"  "e": {},"#,
            r#"  "f": [],"#,
            r#"  "n": null"#,
            "}",
        ];
        assert_eq!(lines(json), expected);
    }

    #[test]
    fn long_strings_are_cut_and_still_compared_whole() {
        let one = format!("\"{}1\"", "x".repeat(1 << 20));
        let two = format!("\"{}2\"", "x".repeat(1 << 20));
        let (one, two) = (Pretty::new(&one), Pretty::new(&two));
        assert!(one.lines[0].text.len() < 1_100 && one.lines[0].text.ends_with("… (1.0 MiB)"));
        assert_eq!(one.lines[0].text, two.lines[0].text);
        assert_ne!(one.lines[0].hash, two.lines[0].hash);
    }

    #[test]
    fn what_is_no_json_does_no_harm() {
        for text in ["", "\"", "\"\\", "}}]", "{", "\u{a0}", "日\"本"] {
            lines(text);
        }
        let many = format!("[{}1]", "1,".repeat(LINES * 2));
        assert!(Pretty::new(&many).is_cut);
        lines(&"[".repeat(100_000));
    }
}
