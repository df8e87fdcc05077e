//! [`Metadata`]: the free JSON object beside an event's data, held as it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::value::Scope;

const CORRELATION: &str = "correlation_id";
const CAUSATION: &str = "causation_id";
const ACTOR: &str = "actor_id";
const SOURCE: &str = "source_id";

/// A JSON object, kept byte for byte when it is set whole, parsed on demand.
///
/// A store's [`Scope`] adds its keys on append; the event's own keys win, and only then is the object encoded
/// anew.
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
    /// The empty object.
    pub const fn new() -> Self {
        Self(None)
    }

    /// Metadata from JSON text, kept as it is.
    ///
    /// # Errors
    /// [`InvalidMetadata`] when the text is not one JSON object.
    pub fn from_json(json: impl Into<String>) -> Result<Self, InvalidMetadata> {
        let raw = RawValue::from_string(json.into())
            .map_err(|error| InvalidMetadata { reason: error.to_string() })?;
        Self::try_from(raw)
    }

    /// The JSON text, `{}` when empty.
    pub fn as_json(&self) -> &str {
        self.0.as_deref().map_or("{}", RawValue::get)
    }

    /// Whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.0
            .as_deref()
            .is_none_or(|raw| raw.get().trim_matches(['{', '}', ' ', '\n', '\t', '\r']).is_empty())
    }

    /// One value, parsed.
    pub fn get(&self, key: &str) -> Option<Value> {
        serde_json::from_str(self.fields().get(key)?.get()).ok()
    }

    /// The same metadata with one more key, or a new value for one that is there.
    #[must_use]
    pub fn with(self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let Ok(value) = to_raw_value(&value.into()) else { return self };
        self.merged(&[(&key.into(), &value)], Wins::Added)
    }

    /// What groups events that belong to one request.
    pub fn correlation_id(&self) -> Option<Cow<'_, str>> {
        self.text(CORRELATION)
    }

    /// What caused this event: another event's id or source id.
    pub fn causation_id(&self) -> Option<Cow<'_, str>> {
        self.text(CAUSATION)
    }

    /// Who acted.
    pub fn actor_id(&self) -> Option<Cow<'_, str>> {
        self.text(ACTOR)
    }

    /// The message or interaction that the event comes from.
    pub fn source_id(&self) -> Option<Cow<'_, str>> {
        self.text(SOURCE)
    }

    /// Sets [`Metadata::correlation_id`].
    #[must_use]
    pub fn with_correlation_id(self, id: impl Into<String>) -> Self {
        self.with(CORRELATION, id.into())
    }

    /// Sets [`Metadata::causation_id`].
    #[must_use]
    pub fn with_causation_id(self, id: impl Into<String>) -> Self {
        self.with(CAUSATION, id.into())
    }

    /// Sets [`Metadata::actor_id`].
    #[must_use]
    pub fn with_actor_id(self, id: impl Into<String>) -> Self {
        self.with(ACTOR, id.into())
    }

    /// Sets [`Metadata::source_id`].
    #[must_use]
    pub fn with_source_id(self, id: impl Into<String>) -> Self {
        self.with(SOURCE, id.into())
    }

    /// Adds what a scope says and the event does not.
    #[must_use]
    pub(crate) fn in_scope(self, scope: &Scope) -> Self {
        let said = [
            (CORRELATION, &scope.correlation_id),
            (CAUSATION, &scope.causation_id),
            (ACTOR, &scope.actor_id),
        ];
        let added: Vec<(&str, Box<RawValue>)> = said
            .into_iter()
            .filter_map(|(key, value)| Some((key, to_raw_value(value.as_ref()?).ok()?)))
            .collect();
        if added.is_empty() {
            return self;
        }
        let added: Vec<_> = added.iter().map(|(key, value)| (*key, &**value)).collect();
        self.merged(&added, Wins::Own)
    }

    fn merged(self, added: &[(&str, &RawValue)], wins: Wins) -> Self {
        let mut fields = self.fields();
        let before = fields.len();
        for (key, value) in added {
            match wins {
                Wins::Added => drop(fields.insert(Cow::Borrowed(key), value)),
                Wins::Own => drop(fields.entry(Cow::Borrowed(key)).or_insert(value)),
            }
        }
        if fields.len() == before && matches!(wins, Wins::Own) {
            return self;
        }
        match to_raw_value(&fields) {
            Ok(raw) => Self(Some(raw)),
            Err(_) => self,
        }
    }

    /// The keys with their raw values; of a key that stands twice, the last.
    fn fields(&self) -> BTreeMap<Cow<'_, str>, &RawValue> {
        self.0
            .as_deref()
            .and_then(|raw| serde_json::from_str::<Fields<'_>>(raw.get()).ok())
            .map_or_else(BTreeMap::new, |fields| fields.0)
    }

    fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        let value = self.fields().remove(key)?;
        serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
    }
}

#[derive(Clone, Copy)]
enum Wins {
    Own,
    Added,
}

#[derive(Deserialize)]
struct Fields<'a>(
    #[serde(borrow, deserialize_with = "borrowed_keys")] BTreeMap<Cow<'a, str>, &'a RawValue>,
);

/// serde borrows a `Cow` only where it is told to, which cannot be said of a map's keys.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn borrowed_keys<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Cow<'de, str>, &'de RawValue>, D::Error> {
    let fields = BTreeMap::<Text<'de>, &'de RawValue>::deserialize(deserializer)?;
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
    /// Equal when the JSON values are: order of keys and white space do not count.
    fn eq(&self, other: &Self) -> bool {
        let value = |metadata: &Self| serde_json::from_str::<Value>(metadata.as_json()).ok();
        self.as_json() == other.as_json() || value(self) == value(other)
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

/// A text that is no metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata must be a JSON object: {reason}")]
#[non_exhaustive]
pub struct InvalidMetadata {
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidMetadata {
    /// Stable text for logs and wire: `invalid_event_data`.
    pub const fn code(&self) -> &'static str {
        "invalid_event_data"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Tenant;

    #[test]
    fn a_scope_adds_what_the_event_does_not_say() {
        let scope = Scope::tenant(Tenant::default()).correlation("scope").actor("ann");
        let metadata = Metadata::from_json(r#"{"correlation_id":"own","n":1.50}"#).unwrap();
        let merged = metadata.in_scope(&scope);
        assert_eq!(merged.as_json(), r#"{"actor_id":"ann","correlation_id":"own","n":1.50}"#);
    }

    #[test]
    fn nothing_to_add_leaves_the_bytes_alone() {
        let json = r#"{ "correlation_id" : "own" }"#;
        let scope = Scope::tenant(Tenant::default()).correlation("scope");
        let kept = Metadata::from_json(json).unwrap().in_scope(&scope);
        assert_eq!(kept.as_json(), json);
    }

    #[test]
    fn values_of_another_type_read_as_absent() {
        let metadata =
            Metadata::from_json(r#"{"actor_id":7,"source_id":null,"causation_id":"a\"b"}"#)
                .unwrap();
        assert_eq!(metadata.actor_id(), None);
        assert_eq!(metadata.source_id(), None);
        assert_eq!(metadata.causation_id().as_deref(), Some("a\"b"));
    }
}
