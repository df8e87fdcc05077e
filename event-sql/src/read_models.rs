//! Builds of read models and documents of views: from the values of a row, and pages as values to bind.

use event_core::adapter::{
    DocumentKey, ModelDefinition, ModelKind, PAGE_BYTES, StoredBuild, StoredDocument,
};
use event_core::{Error, Result};

use crate::rows::{Record, Values, corrupt};

/// The build in a row.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn build(values: &impl Values) -> Result<StoredBuild> {
    let row = Record(values);
    let definition = ModelDefinition {
        kind: kind(values)?,
        version: row.small("version")?,
        filter: row.text("filter")?,
    };
    let last_event = row.event_at("event_id", "event_position")?;
    Ok(StoredBuild {
        number: row.small("build")?,
        definition,
        is_current: row.flag("is_current")?,
        position: row.position("position")?,
        events: row.count("events")?,
        last_event: last_event.map(|(position, event_id)| (event_id, position)),
        last_event_at: row.optional("event_at", Record::time)?,
    })
}

/// The kind in a row.
pub(crate) fn kind(values: &impl Values) -> Result<ModelKind> {
    let kind = Record(values).text("kind")?;
    let unknown = || corrupt(format!("column kind: `{}` is no kind", kind.escape_debug()));
    ModelKind::parse(&kind).ok_or_else(unknown)
}

/// The document in a row.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn document(values: &impl Values) -> Result<StoredDocument> {
    let row = Record(values);
    let key = DocumentKey { tenant: row.tenant("tenant")?, key: row.text("key")? };
    Ok(StoredDocument { key, text: row.text("document")? })
}

/// The rows of a page: the build is in each of them, and a row without a document stands for none.
#[derive(Debug, Default)]
pub struct DocumentRows {
    found: Option<(StoredBuild, Vec<StoredDocument>)>,
    bytes: usize,
    failed: Option<Error>,
}

impl DocumentRows {
    /// Reads one more row; those after the room of a page are ignored.
    pub fn push(&mut self, values: &impl Values) {
        if self.failed.is_none()
            && self.bytes < PAGE_BYTES
            && let Err(error) = self.read(values)
        {
            self.failed = Some(error);
        }
    }

    fn read(&mut self, values: &impl Values) -> Result<()> {
        if self.found.is_none() {
            self.found = Some((build(values)?, Vec::new()));
        }
        if let Some((_, documents)) = &mut self.found
            && Record(values).optional("key", Record::text)?.is_some()
        {
            let document = document(values)?;
            self.bytes = self.bytes.saturating_add(document.text.len());
            documents.push(document);
        }
        Ok(())
    }

    /// The build and its documents; `None` if there was no row.
    ///
    /// # Errors
    /// That of the first row that could not be read.
    pub fn end(self) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>> {
        self.failed.map_or(Ok(self.found), Err)
    }
}

/// The first key after another one: keys do not contain U+0000.
pub fn key_after(key: &str) -> String {
    format!("{key}\u{1}")
}

/// The keys of a page of one tenant: from the first, up to one that is not included.
pub fn key_range(after: Option<&str>, prefix: &str) -> (String, Option<String>) {
    let first = after.map(key_after).unwrap_or_default();
    (first.max(prefix.to_owned()), end_of_prefix(prefix))
}

/// The first text in byte order that is after all that begin with a prefix; `None` if there is none.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut letters: Vec<char> = prefix.chars().collect();
    while let Some(last) = letters.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        for prefix in ["a", "a/", "ü", "a\u{d7ff}", "a\u{10ffff}", "\u{7f}"] {
            let end = end_of_prefix(prefix).unwrap();
            for rest in ["", "z", "\u{10ffff}\u{10ffff}"] {
                assert!(*format!("{prefix}{rest}") < *end, "{prefix:?}");
            }
        }
        assert_eq!(end_of_prefix(""), None);
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
    }

    #[test]
    fn a_page_starts_after_a_key_and_within_the_prefix() {
        assert_eq!(key_range(None, ""), (String::new(), None));
        assert_eq!(key_range(Some("b"), "a").0, "b\u{1}");
        assert_eq!(key_range(Some("a"), "b").0, "b");
        assert!(*key_after("a") > *"a" && *key_after("a") < *"a\u{2}" && *key_after("a") < *"aa");
    }
}
