//! [`Node`]: a value inside of a payload; [`Probe`]: reads copies of the payload with some values replaced.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::ReadFn;
use crate::event::json_path::Step;

/// How many bytes may be read in search of one field: some milliseconds of parsing.
const MAX_BYTES: usize = 4 << 20;

/// How often a payload may be read in search of one field.
const MAX_READS: u32 = 2_000;

/// A value, as a slice of the payload's text.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) steps: Vec<Step>,
    pub(super) text: &'a str,
}

impl<'a> Node<'a> {
    /// The value at a path. Of values with the same key it is the first.
    pub(super) fn at(json: &'a str, steps: &[Step]) -> Option<Self> {
        let root = Node { steps: Vec::new(), text: json.trim() };
        steps.iter().try_fold(root, |node, step| {
            node.children()?.into_iter().find(|child| child.steps.last() == Some(step))
        })
    }

    /// The values of an object or the items of a list; `None` for others.
    pub(super) fn children(&self) -> Option<Vec<Node<'a>>> {
        let Parts(parts) = serde_json::from_str(self.text).ok()?;
        let child = |(step, raw): (Step, &'a RawValue)| {
            let steps = self.steps.iter().cloned().chain([step]).collect();
            Node { steps, text: raw.get() }
        };
        Some(parts.into_iter().map(child).collect())
    }

    pub(super) fn is_list(&self) -> bool {
        self.text.starts_with('[')
    }

    pub(super) fn is_object(&self) -> bool {
        self.text.starts_with('{')
    }

    pub(super) fn key(&self) -> Option<&str> {
        match self.steps.last()? {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        }
    }
}

/// Reads altered copies of a payload that failed, within a budget.
pub(super) struct Probe<'a> {
    json: &'a str,
    read: ReadFn,
    /// What the parser said about the payload itself.
    pub(super) message: String,
    reads: u32,
    bytes: usize,
}

impl<'a> Probe<'a> {
    pub(super) fn new(json: &'a str, error: &serde_json::Error, read: ReadFn) -> Self {
        Self { json, read, message: message_of(error), reads: 0, bytes: 0 }
    }

    /// A number for the next replacement, unlike all before.
    pub(super) fn number(&self) -> u32 {
        self.reads
    }

    /// What the parser says with some values replaced, empty if it reads them; `None` once the budget is used up.
    pub(super) fn with(&mut self, replaced: &[(&Node<'_>, &str)]) -> Option<String> {
        let text = self.altered(replaced)?;
        self.reads += 1;
        self.bytes = self.bytes.saturating_add(text.len());
        if self.reads > MAX_READS || self.bytes > MAX_BYTES {
            return None;
        }
        let raw = RawValue::from_string(text).ok()?;
        // The type never sees such values otherwise: its own code may not be made for them.
        let read = catch_unwind(AssertUnwindSafe(|| (self.read)(&raw).err()));
        Some(
            read.map_or_else(
                |_| "panicked".into(),
                |e| e.as_ref().map(message_of).unwrap_or_default(),
            ),
        )
    }

    fn altered(&self, replaced: &[(&Node<'_>, &str)]) -> Option<String> {
        let mut replaced: Vec<_> =
            replaced.iter().map(|(node, by)| (self.offset_of(node), node.text.len(), by)).collect();
        replaced.sort_unstable();
        let mut text = String::with_capacity(self.json.len() + 64);
        let mut done = 0;
        for (at, len, by) in replaced {
            text.push_str(self.json.get(done..at)?);
            text.push_str(by);
            done = at + len;
        }
        text.push_str(self.json.get(done..)?);
        Some(text)
    }

    /// Nodes are slices of the payload's text.
    fn offset_of(&self, node: &Node<'_>) -> usize {
        node.text.as_ptr().addr().wrapping_sub(self.json.as_ptr().addr())
    }
}

/// The message without its location, which replacements move.
fn message_of(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if error.line() > 0
        && let Some(at) = message.rfind(" at line ")
    {
        message.truncate(at);
    }
    message
}

/// The parts of an object or a list, in their order.
struct Parts<'a>(Vec<(Step, &'a RawValue)>);

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartsVisitor)
    }
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Parts<'de>, A::Error> {
        let mut parts = Vec::new();
        while let Some((key, value)) = entries.next_entry()? {
            parts.push((Step::Key(key), value));
        }
        Ok(Parts(parts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parts<'de>, A::Error> {
        let mut parts = Vec::new();
        while let Some(value) = items.next_element()? {
            parts.push((Step::Index(parts.len()), value));
        }
        Ok(Parts(parts))
    }
}
