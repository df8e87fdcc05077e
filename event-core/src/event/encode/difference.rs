//! Where two JSON texts differ. Only texts that are not equal byte for byte get here.
//!
//! Keys of objects have no order, nor have the items of a hashed set: lists are equal if they hold the same items.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use crate::event::json_path::path_at;

/// The first value that differs, and both its texts.
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) left: String,
    pub(super) right: String,
}

/// Returns the first difference; `None` for texts that only differ in order.
pub(super) fn between(left: &str, right: &str) -> Option<Difference> {
    if canonical(left) == canonical(right) {
        return None;
    }
    let mut path = String::new();
    let (left, right) = innermost(left, right, &mut path);
    let path = if path.is_empty() { ".".to_owned() } else { path };
    Some(Difference { path, left: shortened(left), right: shortened(right) })
}

/// The path of the `index`th null of a text.
pub(super) fn path_of_null(json: &str, index: usize) -> Option<String> {
    let (mut at, mut seen) = (0, 0);
    while let Some(rest) = json.get(at..).filter(|rest| !rest.is_empty()) {
        let token = match rest.as_bytes()[0] {
            b'"' => string_len(rest),
            b'n' => "null".len(),
            _ => 1,
        };
        at += token;
        if matches!(json.get(at - token..at), Some("null" | "\"null\"")) {
            if seen == index {
                return Some(path_at(json, 1, at));
            }
            seen += 1;
        }
    }
    None
}

fn string_len(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn object(json: &str) -> Option<BTreeMap<String, &RawValue>> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

fn list(json: &str) -> Option<Vec<&RawValue>> {
    json.starts_with('[').then(|| serde_json::from_str(json).ok()).flatten()
}

/// The text with the keys of objects and the items of lists sorted.
fn canonical(json: &str) -> String {
    if let Some(object) = object(json) {
        let fields =
            object.iter().map(|(key, value)| format!("{key:?}:{}", canonical(value.get())));
        return format!("{{{}}}", fields.collect::<Vec<_>>().join(","));
    }
    if let Some(list) = list(json) {
        let mut items: Vec<String> = list.iter().map(|item| canonical(item.get())).collect();
        items.sort_unstable();
        return format!("[{}]", items.join(","));
    }
    json.to_owned()
}

/// Descends to the first value that is not the same.
fn innermost<'a>(left: &'a str, right: &'a str, path: &mut String) -> (&'a str, &'a str) {
    let differ = |a: &RawValue, b: &RawValue| canonical(a.get()) != canonical(b.get());
    if let (Some(ours), Some(theirs)) = (object(left), object(right)) {
        let keys = ours.keys().chain(theirs.keys());
        for key in keys {
            let found = match (ours.get(key), theirs.get(key)) {
                (Some(a), Some(b)) if differ(a, b) => Some((a.get(), b.get())),
                (Some(a), None) => Some((a.get(), "nothing")),
                (None, Some(b)) => Some(("nothing", b.get())),
                _ => None,
            };
            if let Some((a, b)) = found {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                return innermost(a, b, path);
            }
        }
    }
    if let (Some(ours), Some(theirs)) = (list(left), list(right))
        && ours.len() == theirs.len()
        && let Some(at) = (0..ours.len()).find(|at| differ(ours[*at], theirs[*at]))
    {
        // Writing to a string cannot fail.
        let _ = write!(path, "[{at}]");
        return innermost(ours[at].get(), theirs[at].get(), path);
    }
    (left, right)
}

fn shortened(json: &str) -> String {
    const MOST: usize = 60;
    if json.chars().count() <= MOST {
        return json.to_owned();
    }
    json.chars().take(MOST).chain(['…']).collect()
}
