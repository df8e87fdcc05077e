//! Errors that do not say what was wrong, as of an untagged enum: which value, replaced by one that could stand there, makes
//! the payload readable.

use super::probe::{Node, Probe};

/// Values that fields often have.
pub(super) const PLAUSIBLE: [&str; 10] = [
    "0",
    "\"\"",
    "true",
    "null",
    "[]",
    "{}",
    "1.5",
    "\"1\"",
    "\"2024-01-01T00:00:00Z\"",
    "\"00000000-0000-4000-8000-000000000000\"",
];

/// The only value inside of `parent` that can be mended, of the outermost that can; `None` if none can be, or several. Of the
/// values of `parent` itself only `children` are looked at.
pub(super) fn repaired<'a>(
    probe: &mut Probe<'a>,
    parent: &Node<'a>,
    children: Vec<Node<'a>>,
) -> Option<Node<'a>> {
    let mut level = vec![(parent.clone(), children)];
    while !level.is_empty() {
        let mut mended = Vec::new();
        for (parent, children) in &level {
            for child in children {
                if can_be_mended(probe, child, children)? || is_too_much(probe, parent, child)? {
                    mended.push(child);
                }
            }
        }
        match mended[..] {
            [] => {}
            [only] => return Some(only.clone()),
            _ => return None,
        }
        let inner = level.into_iter().flat_map(|(_, children)| children);
        level = inner.filter_map(|node| node.children().map(|it| (node, it))).collect();
    }
    None
}

/// Whether a usual value, or one of the values beside it, leads to another message.
fn can_be_mended(probe: &mut Probe<'_>, node: &Node<'_>, beside: &[Node<'_>]) -> Option<bool> {
    const MOST: usize = 4;
    let beside = beside.iter().filter(|other| !std::ptr::eq(other.text, node.text)).take(MOST);
    for value in PLAUSIBLE.into_iter().chain(beside.map(|other| other.text)) {
        if probe.with(&[(node, value)])? != probe.message {
            return Some(true);
        }
    }
    Some(false)
}

/// Whether the message changes without a key, and not because the key is missing.
pub(super) fn is_too_much(
    probe: &mut Probe<'_>,
    object: &Node<'_>,
    child: &Node<'_>,
) -> Option<bool> {
    let Some(key) = child.key() else { return Some(false) };
    let message = probe.with(&[(object, &without(object, key)?)])?;
    Some(message != probe.message && message != format!("missing field `{key}`"))
}

/// The object's text without a key.
fn without(object: &Node<'_>, key: &str) -> Option<String> {
    let mut entries = Vec::new();
    for child in object.children()? {
        let name = child.key()?;
        if name != key {
            entries.push(format!("{}:{}", serde_json::to_string(name).ok()?, child.text));
        }
    }
    Some(format!("{{{}}}", entries.join(",")))
}
