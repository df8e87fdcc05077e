//! Finds the field that a parser rejected, also where the parser no longer knows its place.
//!
//! Beside `flatten`, and in tagged and untagged enums, serde buffers an object before its fields are read: an error has the
//! location of the whole object. Then copies of the payload, each with one value replaced, are read and the messages
//! compared. A value that is read before the failed one, or is the failed one, changes the message when it is replaced by
//! a misfit; later values do not. The last of the former is the failed one, unless the object itself is at fault.
//!
//! This costs only when decoding fails, and no code per event type.

mod named;
mod probe;
mod repair;

use serde_json::value::RawValue;

use self::named::{is_named, named};
use self::probe::{Node, Probe};
use self::repair::repaired;
use crate::event::AnyEvent;
use crate::event::json_path::{Step, format_path, steps_at};

/// Reads data of one event version.
pub(crate) type ReadFn = fn(&RawValue) -> Result<Box<dyn AnyEvent>, serde_json::Error>;

/// Returns the JSON path of the value that `error` is about, `.` for the whole payload.
pub(crate) fn field_path(json: &str, error: &serde_json::Error, read: ReadFn) -> String {
    let mut place = steps_at(json, error.line(), error.column());
    let find = |place: &[Step]| Node::at(json, place);
    let Some(mut node) = find(&place).filter(|_| error.is_data()) else {
        return format_path(&place);
    };
    let mut probe = Probe::new(json, error, read);
    if is_after_failed_item(&mut probe, &node)
        && place.pop().is_some()
        && let Some(list) = find(&place)
    {
        node = list;
    }
    format_path(&innermost(&mut probe, node).steps)
}

/// Whether the error may be about an item before: a parser that goes on to the next item before it looks at what it has
/// buffered gives the location of that.
fn is_after_failed_item(probe: &mut Probe<'_>, node: &Node<'_>) -> bool {
    let index = node.steps.last();
    if !matches!(index, Some(Step::Index(index)) if *index > 0) {
        return false;
    }
    let misfit = misfit_of(node, probe.number());
    probe.with(&[(node, &misfit)]).is_some_and(|message| message == probe.message)
}

fn innermost<'a>(probe: &mut Probe<'a>, mut node: Node<'a>) -> Node<'a> {
    if is_named(&probe.message) {
        return named(probe, &node).unwrap_or(node);
    }
    while let Some(child) = failed_child(probe, &node) {
        node = child;
    }
    node
}

/// The child that contains the failed value; `None` if that is `node`, or cannot be told.
fn failed_child<'a>(probe: &mut Probe<'a>, node: &Node<'a>) -> Option<Node<'a>> {
    let children = node.children()?;
    if node.is_list() {
        return failed_item(probe, node, &children);
    }
    let mut read = Vec::new();
    let mut unread = Vec::new();
    for child in children {
        let misfit = misfit_of(&child, probe.number());
        let message = probe.with(&[(&child, &misfit)])?;
        if message == probe.message {
            unread.push(child);
        } else {
            read.push(Replaced { child, misfit, message });
        }
    }
    let mut read = read.into_iter();
    if let Some(first) = read.next() {
        let last = last_read(probe, first, read)?;
        if fails_within(probe, node, &last, unread.is_empty())? {
            return Some(last.child);
        }
        // No value of an untagged enum changes the message, but it is not the object's.
        if unread.len() == 1 && probe.message.contains(" untagged enum ") {
            return unread.pop();
        }
    }
    repaired(probe, node, unread)
}

/// Items are read in their order: the failed one ends the shortest list that fails in the same way.
fn failed_item<'a>(probe: &mut Probe<'a>, node: &Node<'a>, items: &[Node<'a>]) -> Option<Node<'a>> {
    let (mut passes, mut fails) = (0, items.len());
    if probe.with(&[(node, "[]")])? == probe.message {
        return repaired(probe, node, items.to_vec());
    }
    while fails - passes > 1 {
        let middle = usize::midpoint(passes, fails);
        let start = items[..middle].iter().map(|item| item.text).collect::<Vec<_>>().join(",");
        if probe.with(&[(node, &format!("[{start}]"))])? == probe.message {
            fails = middle;
        } else {
            passes = middle;
        }
    }
    let item = items.get(fails.checked_sub(1)?)?;
    // A list of the wrong length, or one that is judged as a whole, fails in another way with one more item.
    (probe.with(&[(item, &doubled(item, "", probe.number()))])? == probe.message)
        .then(|| item.clone())
}

/// A child whose replacement changed the message.
struct Replaced<'a> {
    child: Node<'a>,
    misfit: String,
    message: String,
}

/// The one that is read last: of two misfits the parser complains about the first.
fn last_read<'a>(
    probe: &mut Probe<'a>,
    mut last: Replaced<'a>,
    others: impl Iterator<Item = Replaced<'a>>,
) -> Option<Replaced<'a>> {
    for next in others {
        let both = [(&last.child, &*last.misfit), (&next.child, &*next.misfit)];
        if probe.with(&both)? == last.message {
            last = next;
        }
    }
    Some(last)
}

/// Whether the parser fails inside of the child, and not at a later one or at the object after its last field: then a second
/// value of the same key is never seen.
fn fails_within(
    probe: &mut Probe<'_>,
    node: &Node<'_>,
    last: &Replaced<'_>,
    is_all_read: bool,
) -> Option<bool> {
    let key = format!("{}:", serde_json::to_string(last.child.key()?).ok()?);
    let twice = doubled(&last.child, &key, probe.number());
    let message = probe.with(&[(&last.child, &twice)])?;
    // serde's words for an enum's variant, which is the only key of its object.
    let is_only = || node.children().is_some_and(|it| it.len() == 1);
    if message == probe.message || (message.contains("single key") && is_only()) {
        return Some(true);
    }
    if !is_all_read {
        return Some(false);
    }
    // The content of an enum that stands before the tag is read once the tag is known.
    let inside = node.text.strip_suffix('}')?;
    let longer = format!("{inside},{key}{}}}", last.misfit);
    Some(probe.with(&[(node, &longer)])? == probe.message)
}

/// The value, and a misfit after it.
fn doubled(child: &Node<'_>, key: &str, number: u32) -> String {
    format!("{},{key}{}", child.text, misfit_of(child, number))
}

/// A value of another kind than the child's, that messages can be told apart by.
fn misfit_of(child: &Node<'_>, number: u32) -> String {
    match child.text.as_bytes().first() {
        Some(b'"' | b'[' | b'{') => format!("-73100{number:08}"),
        _ => format!("\"no value of this field {number}\""),
    }
}
