//! [`Lines`]: JSON text as indented lines, each with its path. The text is cut into tokens and not parsed into values, so
//! that numbers of any length, repeated keys and the order of keys are shown as they are stored.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The most lines that are shown.
const MOST_LINES: usize = 600;
/// The most characters of a string or a number that are shown.
const MOST_CHARS: usize = 400;
/// The longest key, in bytes, that a path repeats.
const MOST_KEY: usize = 64;
/// The deepest indentation.
const MOST_DEPTH: usize = 24;

/// JSON text as lines.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the lines are what it is about")]
pub(crate) struct Lines {
    pub(crate) lines: Vec<Line>,
    /// Whether lines or parts of them are left out.
    pub(crate) is_cut: bool,
    /// Whether lines are left out, which no comparison sees.
    pub(crate) has_more: bool,
}

/// A line: `"key": value,`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) depth: usize,
    /// Keys and indices from the root, each as JSON, joined by `/`; of a long key the hash. That of a closing bracket is empty.
    pub(crate) path: String,
    /// The key as JSON.
    pub(crate) key: Option<String>,
    /// The value as JSON, or a bracket.
    pub(crate) value: String,
    /// The whole value where what is shown is cut, for comparison.
    pub(crate) whole: Option<String>,
    pub(crate) has_comma: bool,
}

/// What a bracket has opened.
struct Open {
    path_length: usize,
    /// The index of the next element; `None` in an object.
    index: Option<usize>,
}

impl Lines {
    /// The lines of JSON text; whatever is not JSON is shown as it is.
    pub(crate) fn of(json: &str) -> Self {
        let mut lines = Self::default();
        let (mut path, mut open, mut key) = (String::new(), Vec::<Open>::new(), None);
        let mut rest = json.trim_start();
        while !rest.is_empty() {
            if lines.lines.len() >= MOST_LINES {
                (lines.is_cut, lines.has_more) = (true, true);
                break;
            }
            let token = token(rest);
            rest = rest[token.len()..].trim_start();
            match token {
                "," => lines.comma(),
                ":" => {}
                "}" | "]" => {
                    if let Some(closed) = open.pop() {
                        path.truncate(closed.path_length);
                    }
                    lines.close(token, open.len());
                }
                _ if rest.starts_with(':') && open.last().is_some_and(|it| it.index.is_none()) => {
                    key = Some(token);
                }
                _ => {
                    let before = path.len();
                    extend(&mut path, open.last_mut(), key);
                    lines.push(open.len(), &path, key.take(), token);
                    match token {
                        "{" => open.push(Open { path_length: before, index: None }),
                        "[" => open.push(Open { path_length: before, index: Some(0) }),
                        _ => path.truncate(before),
                    }
                }
            }
        }
        lines
    }

    fn push(&mut self, depth: usize, path: &str, key: Option<&str>, token: &str) {
        let (value, is_cut) = shorten(token);
        let whole = is_cut.then(|| token.to_owned());
        self.is_cut |= is_cut;
        self.lines.push(Line {
            depth: depth.min(MOST_DEPTH),
            path: path.to_owned(),
            key: key.map(|key| shorten(key).0),
            value,
            whole,
            has_comma: false,
        });
    }

    /// Ends an object or a list: on a line of its own, unless it is empty.
    fn close(&mut self, bracket: &str, depth: usize) {
        if let Some(last) = self.lines.last_mut()
            && !last.has_comma
            && matches!((&*last.value, bracket), ("{", "}") | ("[", "]"))
        {
            last.value.push_str(bracket);
            return;
        }
        self.lines.push(Line {
            depth: depth.min(MOST_DEPTH),
            path: String::new(),
            key: None,
            value: bracket.to_owned(),
            whole: None,
            has_comma: false,
        });
    }

    fn comma(&mut self) {
        if let Some(last) = self.lines.last_mut() {
            last.has_comma = true;
        }
    }
}

/// Extends the path by the key, or by the index in a list.
fn extend(path: &mut String, open: Option<&mut Open>, key: Option<&str>) {
    let Some(open) = open else { return };
    path.push('/');
    match (&mut open.index, key) {
        (Some(index), _) => {
            path.push_str(&index.to_string());
            *index += 1;
        }
        (None, Some(key)) if key.len() > MOST_KEY => {
            for byte in Sha256::digest(key) {
                // Writing to a string cannot fail.
                let _ = write!(path, "{byte:02x}");
            }
        }
        (None, key) => path.push_str(key.unwrap_or_default()),
    }
}

fn shorten(token: &str) -> (String, bool) {
    let (mut text, is_cut) = crate::text::cut(token, MOST_CHARS);
    if is_cut {
        text.push('…');
    }
    (text, is_cut)
}

/// The first token of JSON text: a bracket, a comma, a colon, a string, or a run of anything else.
fn token(text: &str) -> &str {
    let bytes = text.as_bytes();
    match bytes[0] {
        b'{' | b'}' | b'[' | b']' | b',' | b':' => &text[..1],
        b'"' => {
            let mut is_escaped = false;
            let end = bytes[1..].iter().position(|byte| {
                let ends = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                ends
            });
            end.map_or(text, |end| &text[..end + 2])
        }
        _ => {
            let is_end = |byte: &u8| matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"');
            let end = bytes.iter().position(|byte| is_end(byte) || byte.is_ascii_whitespace());
            &text[..end.unwrap_or(bytes.len())]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Vec<String> {
        let lines = Lines::of(json).lines;
        let shown = lines.iter().map(|line| {
            let key = line.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
            let comma = if line.has_comma { "," } else { "" };
            format!("{}{key}{}{comma}", " ".repeat(line.depth), line.value)
        });
        shown.collect()
    }

    #[test]
    fn tokens_are_shown_as_they_are_stored() {
        let json = r#"{"b":123456789012345678901234567890.0,"a":[1,{},"x\"y"],"a":null,"e":[]}"#;
        let expected = [
            "{",
            r#" "b": 123456789012345678901234567890.0,"#,
            r#" "a": ["#,
            "  1,",
            "  {},",
            r#"  "x\"y""#,
            " ],",
            r#" "a": null,"#,
            r#" "e": []"#,
            "}",
        ];
        assert_eq!(shown(json), expected);
    }

    #[test]
    fn each_value_has_a_path() {
        let lines = Lines::of(r#"{"a":[1,{"b":2}],"c":3}"#).lines;
        let paths: Vec<&str> =
            lines.iter().map(|line| &*line.path).filter(|path| !path.is_empty()).collect();
        assert_eq!(paths, [r#"/"a""#, r#"/"a"/0"#, r#"/"a"/1"#, r#"/"a"/1/"b""#, r#"/"c""#]);
    }

    #[test]
    fn long_and_hostile_text_is_cut_and_escaped() {
        let long = format!("\"{}\"", "x".repeat(1 << 20));
        let lines = Lines::of(&long);
        assert!(lines.is_cut && lines.lines[0].value.chars().count() <= 401);
        assert_eq!(shown("\"\u{202e}a\u{9b}\""), ["\"\\u202ea\\u009b\""]);
        let many = format!("[{}1]", "1,".repeat(100_000));
        let lines = Lines::of(&many);
        assert!(lines.is_cut && lines.lines.len() == MOST_LINES);
        // Not JSON: shown, and no panic.
        for text in ["", "}", "]]", "\"open", "{\"a\"", "ä{", "{:,}"] {
            let _ = Lines::of(text);
        }
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        assert!(Lines::of(&deep).lines.iter().all(|line| line.depth <= MOST_DEPTH));
    }

    #[test]
    fn a_long_key_is_not_repeated_in_each_path_below_it() {
        let long = |end: &str| format!("\"{}{end}\"", "k".repeat(1 << 16));
        let (a, b) = (long("a"), long("b"));
        let json = format!("{{{a}:{{{b}:[{}0]}},{b}:[1]}}", "0,".repeat(500));
        let lines = Lines::of(&json).lines;
        let bytes: usize = lines.iter().map(|line| line.path.len()).sum();
        assert!(bytes < 1 << 19, "{bytes} bytes of paths");
        // Keys that differ at their end only are told apart.
        let mut paths: Vec<&str> =
            lines.iter().map(|line| &*line.path).filter(|path| !path.is_empty()).collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!((all, paths.len()), (505, 505));
    }
}
