//! The place in a payload at which a parser stopped, by the line and column it gives.
//!
//! Scanning the text once more costs nothing until something fails, and no code for each event type: a deserializer
//! that tracks its path would be a second copy of every one.

use std::fmt::Write as _;

/// The path of the innermost value that ends at, or holds, a place: `teams.red[2].name`, `.` for the whole.
///
/// `line` and `column` count from 1, the column in bytes, and mean the last byte that the parser took; as
/// [`serde_json::Error`] gives them.
pub(crate) fn path_at(json: &str, line: usize, column: usize) -> String {
    let lines_before = json.split_inclusive('\n').take(line.saturating_sub(1));
    let stop = lines_before.map(str::len).sum::<usize>() + column;
    let mut scanner = Scanner { json: json.as_bytes(), at: 0, stop, path: Vec::new(), found: None };
    scanner.value();
    // A parser that stopped before the end of a value stopped in it.
    let found = scanner.found.unwrap_or(scanner.path);
    if found.is_empty() { ".".to_owned() } else { shown(&found) }
}

/// Deeper than `serde_json` itself goes for what is not ignored; below it the place is the value that is so deep.
const DEEPEST: usize = 128;

enum Step {
    Key(String),
    Index(usize),
}

struct Scanner<'a> {
    json: &'a [u8],
    at: usize,
    /// How many bytes the parser took.
    stop: usize,
    path: Vec<Step>,
    found: Option<Vec<Step>>,
}

impl Scanner<'_> {
    /// Walks over a value too deep to keep its path, without going down: brackets are counted.
    fn deep(&mut self) -> bool {
        let mut open = 0_usize;
        while let Some(byte) = self.json.get(self.at) {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open = open.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                break;
            }
        }
        false
    }

    /// Walks over one value; true once the place is found, with `found` or the path as it stands.
    fn value(&mut self) -> bool {
        self.space();
        // A parser that saw a list or an object where none belongs stopped in front of it.
        if self.ended() {
            return true;
        }
        let done = match self.json.get(self.at) {
            Some(b'{' | b'[') if self.path.len() >= DEEPEST => self.deep(),
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => {
                self.string();
                false
            }
            _ => {
                while self.json.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
                false
            }
        };
        done || self.ended()
    }

    /// Whether the parser took no more than what is walked over: then it stopped here.
    fn ended(&mut self) -> bool {
        if self.found.is_none() && self.at >= self.stop {
            self.found = Some(std::mem::take(&mut self.path));
        }
        self.found.is_some()
    }

    fn object(&mut self) -> bool {
        self.at += 1;
        self.space();
        while self.json.get(self.at) == Some(&b'"') {
            let key = self.string();
            self.space();
            // A parser that stopped at a key stopped in the object: the key is unknown, or stands twice.
            if self.at >= self.stop {
                return self.ended();
            }
            self.at += 1;
            if self.part(Step::Key(key)) {
                return true;
            }
            if !self.goes_on() {
                return false;
            }
        }
        self.at += 1;
        false
    }

    fn list(&mut self) -> bool {
        self.at += 1;
        self.space();
        let mut index = 0;
        while !matches!(self.json.get(self.at), None | Some(b']')) {
            if self.part(Step::Index(index)) {
                return true;
            }
            if !self.goes_on() {
                return false;
            }
            index += 1;
        }
        self.at += 1;
        false
    }

    /// Walks over one value of a list or an object.
    fn part(&mut self, step: Step) -> bool {
        self.path.push(step);
        let found = self.value();
        self.path.pop();
        found
    }

    /// Takes what stands behind a part, and what stands before the next if there is one.
    fn goes_on(&mut self) -> bool {
        self.space();
        let comma = self.json.get(self.at) == Some(&b',');
        self.at += 1;
        self.space();
        comma
    }

    /// Walks over a string; what it says, for a key.
    fn string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.json.get(self.at) {
            self.at += match byte {
                b'\\' => 2,
                b'"' => break,
                _ => 1,
            };
        }
        self.at = (self.at + 1).min(self.json.len());
        let text = self.json.get(start..self.at).unwrap_or_default();
        serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned())
    }

    fn space(&mut self) {
        while self.json.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }
}

fn shown(steps: &[Step]) -> String {
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
    #[allow(dead_code, reason = "read, never looked at")]
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
    #[allow(dead_code, reason = "read, never looked at")]
    struct Team {
        score: i64,
        players: (String, String),
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code, reason = "read, never looked at")]
    enum Kind {
        Plain,
        Loud { volume: u8 },
    }

    #[track_caller]
    fn check(json: &str, path: &str) {
        let error = serde_json::from_str::<Payload>(json).err().expect("it does not fit");
        assert_eq!(path_at(json, error.line(), error.column()), path, "{error} in {json}");
    }

    #[test]
    fn the_place_is_the_value_that_does_not_fit() {
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
    fn what_is_wrong_as_a_whole_is_the_whole() {
        check(r#"{"count": 1}"#, ".");
        check("7", ".");
        check("[]", ".");
        check("", ".");
    }

    #[test]
    fn nesting_without_end_does_not_exhaust_the_stack() {
        let deep =
            |n: usize| format!(r#"{{"other":{}{},"count":-5}}"#, "[".repeat(n), "]".repeat(n));
        check(&deep(100), "count");
        check(&deep(200_000), "count");
        let _ = path_at(&"[".repeat(500_000), 1, 499_999);
        let _ = path_at(&"{\"a\":".repeat(500_000), 1, 2_000_000);
    }

    #[test]
    fn text_that_is_no_json_has_a_place_too() {
        for json in ["{", "{\"a\"", "{\"a\":", "{\"a\":[1,", "\"", "{\"a\\", "nul", "{\"a\":1}}"] {
            for column in 0..=json.len() + 2 {
                let _ = path_at(json, 1, column);
            }
            let _ = path_at(json, 9, 9);
        }
    }
}
