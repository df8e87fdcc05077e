//! The tables of metrics and of logs in `docs/operations.md` against the code that records them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::root;
use super::texts::sources;

/// The crates that record metrics.
const MEASURED: &[&str] =
    &["event-core", "event-sql", "event-postgres", "event-sqlite", "event-console"];
/// The crates whose logs are documented; the console's are those of its audit.
const LOGGED: &[&str] = &["event-core", "event-sql", "event-postgres", "event-sqlite"];

/// The arguments of each call of a macro, as they are written.
fn calls<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let start = format!("{name}!(");
    text.match_indices(&start).map(|(at, _)| arguments(&text[at + start.len()..])).collect()
}

/// The text up to the bracket that closes the call.
fn arguments(text: &str) -> &str {
    let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            '(' | '[' | '{' if !is_quoted => depth += 1,
            ')' | ']' | '}' if !is_quoted && depth == 0 => return &text[..at],
            ')' | ']' | '}' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    panic!("a call without an end: {text}")
}

/// The texts between double quotes; none of them has an escaped one.
fn literals(arguments: &str) -> Vec<&str> {
    arguments.split('"').skip(1).step_by(2).collect()
}

fn code_of(crates: &[&str]) -> Vec<String> {
    crates
        .iter()
        .flat_map(|name| sources(&root().join(name).join("src")))
        .map(|(_, text)| text)
        .collect()
}

/// The cells of the rows of the table with these headings.
fn table(headings: &str) -> Vec<Vec<String>> {
    let guide = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let rows = guide.split(headings).nth(1).expect("the table is there").lines().skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands between backticks.
fn names(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_of_metrics_has_kind_unit_and_labels_of_each() {
    let mut recorded: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    let code = code_of(MEASURED);
    for kind in ["counter", "gauge", "histogram"] {
        for call in code.iter().flat_map(|text| calls(text, kind)) {
            let literals = literals(call);
            let (name, labels) = literals.split_first().expect("a name that is a literal");
            let known = recorded.entry(((*name).to_owned(), kind)).or_default();
            let is_label = |label: &&&str| call.contains(&format!("\"{label}\" =>"));
            known.extend(labels.iter().filter(is_label).map(|label| (*label).to_owned()));
            if call.contains("&labels") {
                known.extend(["subscription", "tenant"].map(str::to_owned)); // made once for two metrics
            }
        }
    }

    let mut listed = BTreeMap::new();
    for row in table("| Metric | Kind, unit | Labels | When |") {
        let [metrics, kind, labels, when] = &*row else { panic!("{row:?}") };
        let (kind, unit) = kind.split_once(", ").expect("a kind and a unit");
        assert!(!when.is_empty(), "{row:?}");
        let kind = ["counter", "gauge", "histogram"].into_iter().find(|it| *it == kind).unwrap();
        for name in names(metrics) {
            assert_eq!(name.ends_with("_seconds"), unit == "seconds", "{row:?}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{row:?}");
            let labels = names(labels).into_iter().map(str::to_owned).collect();
            listed.insert((name.to_owned(), kind), labels);
        }
    }
    assert_eq!(listed, recorded, "left: docs/operations.md, right: the code");
}

#[test]
fn the_table_of_logs_has_each_message_with_its_level_and_its_fields() {
    let code = code_of(LOGGED);
    let mut recorded: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for level in ["error", "warn", "info"] {
        for call in code.iter().flat_map(|text| calls(text, &format!("tracing::{level}"))) {
            let message = literals(call).pop().expect("a message");
            recorded.entry((level, message)).or_default().push(call);
        }
    }
    recorded.retain(|(_, message), _| !message.starts_with('{')); // a description, in words of its own

    let rows = table("| Level | Message | Fields | What to do |");
    let mut listed = BTreeSet::new();
    for row in &rows {
        let [level, message, fields, what] = &**row else { panic!("{row:?}") };
        assert!(!what.is_empty(), "{row:?}");
        let message = message.trim_matches('`');
        for field in names(fields) {
            let calls = recorded.get(&(level.as_str(), message)).map_or(&[][..], Vec::as_slice);
            assert!(calls.iter().any(|call| call.contains(field)), "{field} of {row:?}");
        }
        listed.insert((level.as_str(), message));
    }
    assert_eq!(listed, recorded.into_keys().collect(), "left: docs/operations.md, right: the code");
}
