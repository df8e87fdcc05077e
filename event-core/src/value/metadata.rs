//! [`Metadata`]: the free-form JSON object beside an event's data, kept as raw text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::value::Scope;

const CORRELATION_ID: &str = "correlation_id";
const CAUSATION_ID: &str = "causation_id";
const ACTOR_ID: &str = "actor_id";
const SOURCE_ID: &str = "source_id";

/// A JSON object, stored byte for byte as it was set and parsed on demand.
///
/// On append the store's [`Scope`] adds the keys that the event does not set itself; the object is re-encoded only
/// if it gains a key.
///
/// ```
/// use event_core::Metadata;
///
/// let metadata = Metadata::from_json(r#"{ "source_id": "line-3",  "x": 1 }"#)?;
/// assert_eq!(metadata.source_id().as_deref(), Some("line-3"));
/// assert_eq!(metadata.as_json(), r#"{ "source_id": "line-3",  "x": 1 }"#);
/// assert!(Metadata::from_json("[1]").is_err());
/// # Ok::<(), event_core::value::InvalidMetadata>(())
/// ```
#[derive(Clone, Default)]
pub struct Metadata(Option<Box<RawValue>>);

impl Metadata {
    /// Creates an empty object.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Creates metadata from JSON text, which is kept unchanged.
    ///
    /// # Errors
    /// [`InvalidMetadata`] when the text is not a JSON object.
    pub fn from_json(json: impl Into<String>) -> Result<Self, InvalidMetadata> {
        let raw = RawValue::from_string(json.into())
            .map_err(|error| InvalidMetadata { reason: error.to_string() })?;
        Self::try_from(raw)
    }

    /// Returns the JSON text; `{}` when empty.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().map_or("{}", RawValue::get)
    }

    /// Whether the object has no keys.
    pub fn is_empty(&self) -> bool {
        self.0
            .as_deref()
            .is_none_or(|raw| raw.get().trim_matches(['{', '}', ' ', '\n', '\t', '\r']).is_empty())
    }

    /// Returns the parsed value of `key`; `None` if the key is missing.
    pub fn get(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.fields().get(key.as_bytes())?.get()).ok()
    }

    /// Sets a key; replaces its value if it exists.
    #[must_use]
    pub fn with(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let Ok(value) = to_raw_value(&value.into()) else { return self };
        self.merged(&[(&key.into(), &value)], OnDuplicate::Replace)
    }

    /// The id shared by all events of one request or process; `None` unless it is a string.
    pub fn correlation_id(&self) -> Option<Cow<'_, str>> {
        self.text(CORRELATION_ID)
    }

    /// The id or source id of the event that caused this one; `None` unless it is a string.
    pub fn causation_id(&self) -> Option<Cow<'_, str>> {
        self.text(CAUSATION_ID)
    }

    /// The user or service that acted; `None` unless it is a string.
    pub fn actor_id(&self) -> Option<Cow<'_, str>> {
        self.text(ACTOR_ID)
    }

    /// The id of the external message or interaction behind the event; `None` unless it is a string.
    pub fn source_id(&self) -> Option<Cow<'_, str>> {
        self.text(SOURCE_ID)
    }

    /// Sets [`Metadata::correlation_id`].
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<String>) -> Self {
        self.with(CORRELATION_ID, id.into())
    }

    /// Sets [`Metadata::causation_id`].
    #[must_use]
    pub fn with_causation_id(self, id: impl Into<String>) -> Self {
        self.with(CAUSATION_ID, id.into())
    }

    /// Sets [`Metadata::actor_id`].
    #[must_use]
    pub fn with_actor_id(self, id: impl Into<String>) -> Self {
        self.with(ACTOR_ID, id.into())
    }

    /// Sets [`Metadata::source_id`].
    #[must_use]
    pub fn with_source_id(self, id: impl Into<String>) -> Self {
        self.with(SOURCE_ID, id.into())
    }

    /// Adds the ids of the scope that the event does not set itself.
    #[must_use]
    pub(crate) fn in_scope(self, scope: &Scope) -> Self {
        let scope_ids = [
            (CORRELATION_ID, &scope.correlation_id),
            (CAUSATION_ID, &scope.causation_id),
            (ACTOR_ID, &scope.actor_id),
        ];
        let added: Vec<(&str, Box<RawValue>)> = scope_ids
            .into_iter()
            .filter_map(|(key, value)| Some((key, to_raw_value(value.as_ref()?).ok()?)))
            .collect();
        if added.is_empty() {
            return self;
        }
        let added: Vec<_> = added.iter().map(|(key, value)| (*key, &**value)).collect();
        self.merged(&added, OnDuplicate::Keep)
    }

    fn merged(self, added: &[(&str, &RawValue)], on_duplicate: OnDuplicate) -> Self {
        let mut fields = self.fields();
        let before = fields.len();
        for (key, value) in added {
            let key = Cow::Borrowed(key.as_bytes());
            match on_duplicate {
                OnDuplicate::Replace => drop(fields.insert(key, value)),
                OnDuplicate::Keep => drop(fields.entry(key).or_insert(value)),
            }
        }
        if fields.len() == before && matches!(on_duplicate, OnDuplicate::Keep) {
            return self;
        }
        let texts: Option<BTreeMap<&str, &RawValue>> =
            fields.iter().map(|(key, value)| Some((str::from_utf8(key).ok()?, *value))).collect();
        let encoded = match texts {
            Some(texts) => to_raw_value(&texts),
            // A key that is no text, such as half of a surrogate pair, can only be kept as it is written.
            None => self.spliced(added, on_duplicate),
        };
        match encoded {
            Ok(raw) => Self(Some(raw)),
            Err(_) => self,
        }
    }

    /// The object as it is written, with more keys: behind those that it has to replace them, since the last one of a key
    /// counts, and else in front of them.
    fn spliced(
        &self,
        added: &[(&str, &RawValue)],
        on_duplicate: OnDuplicate,
    ) -> serde_json::Result<Box<RawValue>> {
        let added: BTreeMap<&str, &RawValue> = added.iter().copied().collect();
        let added = serde_json::to_string(&added)?;
        let inner = |object: &str| {
            let object = object.trim().strip_prefix('{').and_then(|it| it.strip_suffix('}'));
            object.unwrap_or_default().to_owned()
        };
        let (ours, added) = (inner(self.as_json()), inner(&added));
        RawValue::from_string(match on_duplicate {
            OnDuplicate::Keep => format!("{{{added},{ours}}}"),
            OnDuplicate::Replace => format!("{{{ours},{added}}}"),
        })
    }

    /// The keys, in bytes, with their raw values; the last value of a duplicate key wins.
    fn fields(&self) -> BTreeMap<Cow<'_, [u8]>, &RawValue> {
        self.0
            .as_deref()
            .and_then(|raw| serde_json::from_str::<Fields<'_>>(raw.get()).ok())
            .map_or_else(BTreeMap::new, |fields| fields.0)
    }

    /// The value of `key` if it is a string.
    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        // Recovery asks each event for its cause: most have none, and are not parsed. An escaped key has a backslash.
        let json = self.as_json();
        if !json.contains(key) && !json.contains('\\') {
            return None;
        }
        let value = self.fields().remove(key.as_bytes())?;
        serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
    }
}

/// What `merged` does with a key that the object has already.
#[derive(Clone, Copy)]
enum OnDuplicate {
    Keep,
    Replace,
}

#[derive(Deserialize)]
struct Fields<'a>(
    #[serde(borrow, deserialize_with = "borrowed_keys")] BTreeMap<Cow<'a, [u8]>, &'a RawValue>,
);

/// A key in bytes: JSON can write keys that are no text, and they must not hide the others.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(#[serde(borrow)] Cow<'a, [u8]>);

/// Borrows its text.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn borrowed_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'de, [u8]>, &'de RawValue>, D::Error> {
    // `#[serde(borrow)]` cannot be set for the keys of a map, so they need the wrapper.
    let fields = BTreeMap::<Key<'de>, &'de RawValue>::deserialize(deserializer)?;
    Ok(fields.into_iter().map(|(key, value)| (key.0, value)).collect())
}

impl TryFrom<Box<RawValue>> for Metadata {
    type Error = InvalidMetadata;

    fn try_from(raw: Box<RawValue>) -> Result<Self, InvalidMetadata> {
        if raw.get().trim_start().starts_with('{') {
            Ok(Self(Some(raw)))
        } else {
            Err(InvalidMetadata { reason: "expected a JSON object".into() })
        }
    }
}

impl From<serde_json::Map<String, Value>> for Metadata {
    fn from(map: serde_json::Map<String, Value>) -> Self {
        Self(to_raw_value(&map).ok())
    }
}

impl PartialEq for Metadata {
    /// Compares the JSON values: key order and white space are ignored.
    fn eq(&self, other: &Self) -> bool {
        let value = |metadata: &Self| serde_json::from_str::<Value>(metadata.as_json()).ok();
        self.as_json() == other.as_json()
            || value(self).is_some_and(|ours| value(other).is_some_and(|theirs| ours == theirs))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_json())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(raw) => raw.serialize(serializer),
            None => serializer.collect_map(std::iter::empty::<((), ())>()),
        }
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::try_from(raw).map_err(serde::de::Error::custom)
    }
}

/// JSON text that is not valid metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata must be a JSON object: {reason}")]
#[non_exhaustive]
pub struct InvalidMetadata {
    /// The parser's message, or the rule it breaks.
    pub reason: String,
}

impl InvalidMetadata {
    /// Stable code for logs and the wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Tenant;

    #[test]
    fn each_id_has_a_key_of_its_own_and_keeps_the_others() {
        let metadata = Metadata::new()
            .with_correlation_id("flow")
            .with_causation_id("cause")
            .with_actor_id("ann")
            .with_source_id("line");
        let all = r#"{"actor_id":"ann","causation_id":"cause","correlation_id":"flow","source_id":"line"}"#;
        assert_eq!(metadata.as_json(), all);
        let ids = [
            metadata.correlation_id(),
            metadata.causation_id(),
            metadata.actor_id(),
            metadata.source_id(),
        ];
        assert_eq!(ids.map(Option::unwrap), ["flow", "cause", "ann", "line"]);
    }

    #[test]
    fn a_scope_adds_only_missing_keys() {
        let scope = Scope::tenant(Tenant::default()).correlation("scope").actor("ann");
        let metadata = Metadata::from_json(r#"{"correlation_id":"own","n":1.50}"#).unwrap();
        let merged = metadata.in_scope(&scope);
        assert_eq!(merged.as_json(), r#"{"actor_id":"ann","correlation_id":"own","n":1.50}"#);
    }

    #[test]
    fn a_key_that_is_no_text_hides_and_loses_no_other() {
        let json = r#" {"\ud800":{"a":1},"correlation_id":"own","n":1.50, "x\udfff":[] } "#;
        let metadata = || Metadata::from_json(json).unwrap();
        assert_eq!(metadata().correlation_id().as_deref(), Some("own"));
        assert_eq!(metadata().get("n"), Some(serde_json::json!(1.5)));
        let scope = Scope::tenant(Tenant::default()).correlation("scope").actor("ann");
        let merged = metadata().in_scope(&scope);
        assert_eq!(merged.correlation_id().as_deref(), Some("own"));
        assert_eq!(merged.actor_id().as_deref(), Some("ann"));
        for kept in [r#""\ud800":{"a":1}"#, r#""x\udfff":[]"#, r#""n":1.50"#] {
            assert!(merged.as_json().contains(kept), "{merged:?}");
        }
        let replaced = merged.with_correlation_id("new").with_source_id("line");
        assert_eq!(replaced.correlation_id().as_deref(), Some("new"));
        assert_eq!(replaced.source_id().as_deref(), Some("line"));
        assert!(replaced.as_json().contains(r#""\ud800""#), "{replaced:?}");
        let other = Metadata::from_json(r#"{"\ud800":2}"#).unwrap();
        assert!(metadata() != other && metadata() == metadata());
    }

    #[test]
    fn metadata_is_not_re_encoded_when_the_scope_adds_nothing() {
        let json = r#"{ "correlation_id" : "own" }"#;
        let scope = Scope::tenant(Tenant::default()).correlation("scope");
        let merged = Metadata::from_json(json).unwrap().in_scope(&scope);
        assert_eq!(merged.as_json(), json);
    }

    #[test]
    fn typed_accessors_ignore_values_that_are_not_strings() {
        let metadata =
            Metadata::from_json(r#"{"actor_id":7,"source_id":null,"causation_id":"a\"b"}"#)
                .unwrap();
        assert_eq!(metadata.actor_id(), None);
        assert_eq!(metadata.source_id(), None);
        assert_eq!(metadata.causation_id().as_deref(), Some("a\"b"));
    }

    #[test]
    fn a_key_is_found_however_it_is_escaped() {
        let metadata = Metadata::from_json(r#"{"caus\u0061tion\u005fid":"a"}"#).unwrap();
        assert_eq!(metadata.causation_id().as_deref(), Some("a"));
        assert_eq!(metadata.actor_id(), None);
    }
}
