//! [`Keys`]: the documents of a view that an event changes.

use crate::error::{Error, Result};
use crate::value::Escaped;

/// The longest key of a document, in bytes.
const LONGEST_KEY: usize = 1_024;
/// The most documents that one event changes.
const MOST_KEYS: usize = 10_000;
/// So much of a refused key is shown.
const SHOWN: usize = 60;

/// The keys of the documents that an event changes: none, one or several.
///
/// A key is 1 to 1 024 bytes of any text without U+0000. Keys are compared and sorted byte by byte.
///
/// ```
/// use event_core::projection::Keys;
///
/// let keys: Keys = ["ann", "bob", "ann"].into_iter().collect();
/// assert_eq!(keys, Keys::one("ann").and("bob"));
/// assert_eq!(Keys::none(), Keys::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Vec<String>);

impl Keys {
    /// The event changes no document.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The event changes one document.
    pub fn one(key: impl Into<String>) -> Self {
        Self(vec![key.into()])
    }

    /// One more document; a key that is there already is not added again.
    #[must_use]
    pub fn and(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        if !self.0.contains(&key) {
            self.0.push(key);
        }
        self
    }

    /// The keys, each checked.
    pub(super) fn checked(self) -> Result<Vec<String>> {
        if self.0.len() > MOST_KEYS {
            let reason = format!("{} keys, more than {MOST_KEYS}", self.0.len());
            return Err(Error::adapter(OPERATION, reason));
        }
        for key in &self.0 {
            check_key(key)?;
        }
        Ok(self.0)
    }
}

const OPERATION: &str = "find the documents of an event";

/// Refuses what cannot be the key of a document.
pub(super) fn check_key(key: &str) -> Result<()> {
    let reason = if key.is_empty() {
        "the key of a document is empty; use `Keys::none()` for an event that changes none".into()
    } else if key.len() > LONGEST_KEY {
        let (shown, length) = (shown(key), key.len());
        format!("the key {shown} has {length} bytes, more than {LONGEST_KEY}; use a hash of it")
    } else if key.contains('\0') {
        format!("the key {} contains U+0000, which no database stores", shown(key))
    } else {
        return Ok(());
    };
    Err(Error::adapter(OPERATION, reason))
}

/// A key as messages show it.
pub(super) fn shown(key: &str) -> String {
    let start = &key[..key.floor_char_boundary(SHOWN)];
    let more = if start.len() < key.len() { "…" } else { "" };
    format!("\"{}{more}\"", Escaped(start))
}

impl<K: Into<String>> FromIterator<K> for Keys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut seen = std::collections::HashSet::new();
        let keys = keys.into_iter().map(Into::into);
        Self(keys.filter(|key: &String| seen.insert(key.clone())).collect())
    }
}

impl From<&str> for Keys {
    fn from(key: &str) -> Self {
        Self::one(key)
    }
}

impl From<String> for Keys {
    fn from(key: String) -> Self {
        Self::one(key)
    }
}

impl<K: Into<String>> From<Option<K>> for Keys {
    fn from(key: Option<K>) -> Self {
        key.map_or_else(Self::none, Self::one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_that_databases_store() {
        let longest = "k".repeat(LONGEST_KEY);
        for key in ["a", "'; DROP TABLE x; --", "ü\n\u{202e}", "%_\\", "{orders}", &longest] {
            assert!(Keys::one(key).checked().is_ok(), "{key:?}");
        }
        let too_long = longest.clone() + "k";
        for (key, words) in [("", "empty"), ("a\0b", "U+0000"), (&*too_long, "1025 bytes")] {
            let refused = Keys::one(key).checked().unwrap_err();
            let refused = crate::error::with_causes(&refused);
            assert!(refused.contains(words) && refused.len() < 300, "{refused}");
        }
    }
}
