//! Errors whose message names a key of an object: which object it is.

use super::probe::{Node, Probe};
use super::repair::{PLAUSIBLE, is_too_much};

/// Whether the message names a key.
pub(super) fn is_named(message: &str) -> bool {
    KINDS.iter().any(|kind| message.starts_with(kind))
}

const KINDS: [&str; 3] = ["missing field `", "unknown field `", "duplicate field `"];

/// The object that lacks the key that the message names, does not know it or has it twice.
pub(super) fn named<'a>(probe: &mut Probe<'a>, node: &Node<'a>) -> Option<Node<'a>> {
    let message = probe.message.clone();
    let (kind, rest) = KINDS.iter().find_map(|kind| Some((kind, message.strip_prefix(kind)?)))?;
    let key = rest.split('`').next()?;
    find(node, |object| match *kind {
        "missing field `" => lacks(probe, object, key),
        "unknown field `" => refuses(probe, object, key),
        _ => Some(values_of(object, key)? > 1),
    })
}

/// The first object, from the outside in, for which a test holds; `None` as well when the test gives up.
fn find<'a>(node: &Node<'a>, mut test: impl FnMut(&Node<'a>) -> Option<bool>) -> Option<Node<'a>> {
    let mut next = std::collections::VecDeque::from([node.clone()]);
    while let Some(node) = next.pop_front() {
        if node.is_object() && test(&node)? {
            return Some(node);
        }
        next.extend(node.children().unwrap_or_default());
    }
    None
}

/// Whether any value of the key leads to another message. An object that has no use for the key, or where it is optional,
/// is read as before with at least one of them.
fn lacks(probe: &mut Probe<'_>, object: &Node<'_>, key: &str) -> Option<bool> {
    if values_of(object, key)? > 0 {
        return Some(false);
    }
    let quoted = serde_json::to_string(key).ok()?;
    let inside = object.text.get(1..)?;
    let comma = if object.children()?.is_empty() { "" } else { "," };
    for value in PLAUSIBLE {
        let message = probe.with(&[(object, &format!("{{{quoted}:{value}{comma}{inside}"))])?;
        let unknown = message.starts_with("unknown field `");
        if message == probe.message || unknown {
            return Some(false);
        }
    }
    Some(true)
}

/// Whether the object has the key, and the message changes without it.
fn refuses(probe: &mut Probe<'_>, object: &Node<'_>, key: &str) -> Option<bool> {
    match object.children()?.iter().find(|child| child.key() == Some(key)) {
        Some(child) => is_too_much(probe, object, child),
        None => Some(false),
    }
}

fn values_of(object: &Node<'_>, key: &str) -> Option<usize> {
    Some(object.children()?.iter().filter(|child| child.key() == Some(key)).count())
}
