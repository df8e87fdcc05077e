//! Finds the JSON path of a parse error from its line and column.
//!
//! Scanning the text again costs only when parsing fails, and generates no code per event type: a path-tracking
//! deserializer would be compiled a second time for every event.

use std::fmt::Write as _;

/// Returns the path of the innermost value that contains, or ends at, a location: `teams.red[2].name`, `.` for the
/// whole payload.
///
/// `line` and `column` are those of [`serde_json::Error`]: they count from 1, the column in bytes, and denote the last
/// byte that the parser consumed.
pub(crate) fn path_at(json: &str, line: usize, column: usize) -> String {
    format_path(&steps_at(json, line, column))
}

/// As [`path_at`], as steps from the outermost value.
pub(crate) fn steps_at(json: &str, line: usize, column: usize) -> Vec<Step> {
    let lines_before = json.split_inclusive('\n').take(line.saturating_sub(1));
    let stop = lines_before.map(str::len).sum::<usize>() + column;
    let mut scanner =
        Scanner { json: json.as_bytes(), offset: 0, stop, path: Vec::new(), found: None };
    scanner.scan_value();
    // Truncated JSON: the path at the end of the text.
    scanner.found.unwrap_or(scanner.path)
}

/// How many lists and objects may be nested: the parser of `serde_json` gives up at the next one.
pub(crate) const DEEPEST: usize = 127;

/// Maximum depth of a reported path.
const MAX_DEPTH: usize = DEEPEST + 1;

/// One step of a path: from an object to the value of a key, from a list to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

struct Scanner<'a> {
    json: &'a [u8],
    /// Offset in `json` of the next byte to scan.
    offset: usize,
    /// How many bytes the parser consumed.
    stop: usize,
    /// Path of the value being scanned.
    path: Vec<Step>,
    /// Path of the value in which the parser stopped.
    found: Option<Vec<Step>>,
}

impl Scanner<'_> {
    /// Skips a value nested too deeply by counting brackets, without recursion.
    fn skip_nested(&mut self) -> bool {
        let mut open = 0_usize;
        while let Some(byte) = self.json.get(self.offset) {
            match byte {
                b'"' => {
                    self.scan_string();
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            self.offset += 1;
            if open == 0 {
                break;
            }
        }
        false
    }

    /// Scans one value; returns true once `found` is set.
    fn scan_value(&mut self) -> bool {
        self.skip_space();
        // The parser stops before a list or an object that it did not expect.
        if self.check_stop() {
            return true;
        }
        let done = match self.json.get(self.offset) {
            Some(b'{' | b'[') if self.path.len() >= MAX_DEPTH => self.skip_nested(),
            Some(b'{') => self.scan_object(),
            Some(b'[') => self.scan_list(),
            Some(b'"') => {
                self.scan_string();
                false
            }
            _ => {
                while self.json.get(self.offset).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.offset += 1;
                }
                false
            }
        };
        done || self.check_stop()
    }

    /// Sets `found` to the current path if the scan has reached the parser's stop; returns whether it is set.
    fn check_stop(&mut self) -> bool {
        if self.found.is_none() && self.offset >= self.stop {
            self.found = Some(std::mem::take(&mut self.path));
        }
        self.found.is_some()
    }

    fn scan_object(&mut self) -> bool {
        self.offset += 1;
        self.skip_space();
        while self.json.get(self.offset) == Some(&b'"') {
            let key = self.scan_string();
            self.skip_space();
            // An unknown or duplicate key is an error of the object, not of the key's value.
            if self.offset >= self.stop {
                return self.check_stop();
            }
            self.offset += 1;
            if self.scan_item(Step::Key(key)) {
                return true;
            }
            if !self.skip_separator() {
                return false;
            }
        }
        self.offset += 1;
        false
    }

    fn scan_list(&mut self) -> bool {
        self.offset += 1;
        self.skip_space();
        let mut index = 0;
        while !matches!(self.json.get(self.offset), None | Some(b']')) {
            if self.scan_item(Step::Index(index)) {
                return true;
            }
            if !self.skip_separator() {
                return false;
            }
            index += 1;
        }
        self.offset += 1;
        false
    }

    /// Scans one value of a list or an object.
    fn scan_item(&mut self, step: Step) -> bool {
        self.path.push(step);
        let found = self.scan_value();
        self.path.pop();
        found
    }

    /// Skips the comma or closing bracket after an item; returns whether it was a comma.
    fn skip_separator(&mut self) -> bool {
        self.skip_space();
        let comma = self.json.get(self.offset) == Some(&b',');
        self.offset += 1;
        self.skip_space();
        comma
    }

    /// Scans a string; returns its decoded text, or its raw text if it is malformed.
    fn scan_string(&mut self) -> String {
        let start = self.offset;
        self.offset += 1;
        while let Some(byte) = self.json.get(self.offset) {
            self.offset += match byte {
                b'\\' => 2,
                b'"' => break,
                _ => 1,
            };
        }
        self.offset = (self.offset + 1).min(self.json.len());
        let text = self.json.get(start..self.offset).unwrap_or_default();
        serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned())
    }

    fn skip_space(&mut self) {
        while self.json.get(self.offset).is_some_and(u8::is_ascii_whitespace) {
            self.offset += 1;
        }
    }
}

/// The path as text; `.` for the whole payload.
pub(crate) fn format_path(steps: &[Step]) -> String {
    if steps.is_empty() {
        return ".".to_owned();
    }
    let mut text = String::new();
    for step in steps {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Index(index) => write!(text, "[{index}]"),
            Step::Key(key) if text.is_empty() => text.write_str(key),
            Step::Key(key) => write!(text, ".{key}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only parsed")]
    struct Payload {
        count: u8,
        words: Vec<String>,
        #[serde(default)]
        teams: BTreeMap<String, Team>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only parsed")]
    struct Team {
        score: i64,
        players: (String, String),
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "only parsed")]
    enum Kind {
        Plain,
        Loud { volume: u8 },
    }

    #[track_caller]
    fn check(json: &str, path: &str) {
        let error = serde_json::from_str::<Payload>(json).err().expect("the payload is invalid");
        assert_eq!(path_at(json, error.line(), error.column()), path, "{error} in {json}");
    }

    #[test]
    fn the_path_leads_to_the_value_that_does_not_fit() {
        check(r#"{"count": -5, "words": []}"#, "count");
        check(r#"{"count": 300, "words": []}"#, "count");
        check(r#"{"count": "many", "words": []}"#, "count");
        check(r#"{"count": [1], "words": []}"#, "count");
        check(r#"{"count": {"a": 1}, "words": []}"#, "count");
        check(r#"{"count": null, "words": []}"#, "count");
        check("{\n  \"count\": 1,\n  \"words\": [\"a\", \"b\",\n  7]\n}", "words[2]");
        check(r#"{"count": 1, "words": [[]]}"#, "words[0]");
        check(r#"{"count": 1, "words": {}}"#, "words");
        let team = |inside: &str| {
            format!(r#"{{"count":1,"words":["x\"y"],"teams":{{"r\u00e9d":{inside}}}}}"#)
        };
        check(&team(r#"{"score": true, "players": ["a", "b"]}"#), "teams.réd.score");
        check(&team(r#"{"score": 1, "players": ["a", 2]}"#), "teams.réd.players[1]");
        check(&team(r#"{"score": 1, "players": ["a"]}"#), "teams.réd.players");
        check(&team(r#"{"score": 1}"#), "teams.réd");
        check(&team(r#"{"score": 1, "colour": 2}"#), "teams.réd");
        check(r#"{"count": 1, "words": [], "kind": "odd"}"#, "kind");
        check(
            r#"{"count": 1, "words": [], "kind": {"loud": {"volume": 999}}}"#,
            "kind.loud.volume",
        );
    }

    #[test]
    fn an_error_of_the_whole_payload_has_the_path_dot() {
        check(r#"{"count": 1}"#, ".");
        check("7", ".");
        check("[]", ".");
        check("", ".");
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep =
            |n: usize| format!(r#"{{"other":{}{},"count":-5}}"#, "[".repeat(n), "]".repeat(n));
        check(&deep(100), "count");
        check(&deep(200_000), "count");
        let (open, close) = ("[".repeat(500), "]".repeat(500));
        check(&format!(r#"{{"other":{open}"]}}\"]"{close},"count":-5}}"#), "count");
        let _ = path_at(&"[".repeat(500_000), 1, 499_999);
        let _ = path_at(&"{\"a\":".repeat(500_000), 1, 2_000_000);
    }

    #[test]
    fn malformed_json_does_not_panic_at_any_location() {
        for json in ["{", "{\"a\"", "{\"a\":", "{\"a\":[1,", "\"", "{\"a\\", "nul", "{\"a\":1}}"] {
            for column in 0..=json.len() + 2 {
                let _ = path_at(json, 1, column);
            }
            let _ = path_at(json, 9, 9);
        }
    }
}
