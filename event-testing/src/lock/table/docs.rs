//! The table in the lock's docs, by attribute.

use std::collections::{BTreeMap, BTreeSet};

use super::{Limit, Outcome};
use crate::lock::{BLESS, write};

const HEAD: &str = "\
| Attribute | appears | goes | changes |
|---|---|---|---|
";

const LIMITS: &str = "
Names in Rust are no part of a shape: fields or variants that trade the names that are stored are not told from renamed ones.
What a function that appears refuses is not known. The limits, each asserted by the test:

";

/// Compares the table in the docs with what the lock says; `EVENTS_LOCK=bless` writes it.
pub(super) fn check(all: &[Outcome]) {
    let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lock/table.md"));
    let table = table(all);
    if std::env::var(BLESS).is_ok_and(|value| value == "bless") {
        write(path, &table).unwrap();
    }
    let documented = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(documented, table, "`{BLESS}=bless cargo test -p event-testing` writes the table");
}

fn table(all: &[Outcome]) -> String {
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for it in all {
        if !rows.contains(&(it.place, it.attribute)) {
            rows.push((it.place, it.attribute));
        }
    }
    let order = ["container", "variant", "field"];
    rows.sort_by_key(|(place, _)| order.iter().position(|it| it == place));
    let mut text = HEAD.to_owned();
    for (place, attribute) in rows {
        text = text + "| " + place + " `" + attribute + "` |";
        for change in ["appears", "goes", "changes"] {
            let of =
                |it: &&Outcome| (it.place, it.attribute, it.change) == (place, attribute, change);
            text = text + " " + &cell(all.iter().filter(of)) + " |";
        }
        text.push('\n');
    }
    let limits: BTreeSet<String> = all
        .iter()
        .filter_map(|it| {
            let what = match it.limit {
                Limit::NotSeen if it.is_missed() && it.says == "bless" => "blessed",
                Limit::NotSeen if it.is_missed() => "not seen",
                Limit::Refused if it.is_too_strict() => "refused, though it changes nothing",
                _ => return None,
            };
            Some(format!("- {what}: {} `{}` {}: {}\n", it.place, it.attribute, it.change, it.case))
        })
        .collect();
    text.push_str(LIMITS);
    text.extend(limits);
    text
}

/// What the lock says; where that depends, with the cases.
fn cell<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> String {
    let mut cases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in outcomes.filter(|it| it.limit == Limit::None) {
        let cases = cases.entry(it.says).or_default();
        if !cases.contains(&it.case) {
            cases.push(it.case);
        }
    }
    match cases.len() {
        0 => "–".to_owned(),
        1 => cases.into_keys().collect(),
        _ => {
            // Said of the type itself, it holds where it is flattened.
            for cases in cases.values_mut() {
                let all = cases.clone();
                let base = |case: &str| case.strip_suffix(" and flattened").map(str::to_owned);
                cases.retain(|case| base(case).is_none_or(|it| !all.contains(&it.as_str())));
            }
            let cases = cases.iter().map(|(says, cases)| format!("{says}: {}", cases.join(", ")));
            cases.collect::<Vec<_>>().join("; ")
        }
    }
}
