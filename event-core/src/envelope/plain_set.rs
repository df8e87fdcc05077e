//! Sets as plain JSON lists: `#[serde(with = "event_core::plain_set")]` on a set field.
//!
//! A set is serialized as a list. It is deserialized from a list, from the marked object
//! `{"__mapset__": true, "items": […]}`, or from null, the empty set. Duplicate items are dropped.
//!
//! ```
//! use std::collections::BTreeSet;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Invited {
//!     #[serde(with = "event_core::plain_set", default)]
//!     players: BTreeSet<String>,
//! }
//!
//! let marker = r#"{"players":{"__mapset__":true,"items":["bob","ann"]}}"#;
//! let invited: Invited = serde_json::from_str(marker)?;
//! assert_eq!(serde_json::to_string(&invited)?, r#"{"players":["ann","bob"]}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Serializes a set as a list.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize<C, T, S>(set: &C, serializer: S) -> Result<S::Ok, S::Error>
where
    for<'a> &'a C: IntoIterator<Item = &'a T>,
    T: Serialize,
    S: Serializer,
{
    serializer.collect_seq(set)
}

/// Deserializes a set from a list, a marked object, or null.
///
/// # Errors
/// Errors of the deserializer, and a `__mapset__` that is not `true`.
pub fn deserialize<'de, C, T, D>(deserializer: D) -> Result<C, D::Error>
where
    C: FromIterator<T>,
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    match Option::<Input<T>>::deserialize(deserializer)? {
        None => Ok(C::from_iter([])),
        Some(Input::List(items) | Input::Marked { mapset: true, items }) => {
            Ok(items.into_iter().collect())
        }
        Some(Input::Marked { mapset: false, .. }) => {
            Err(D::Error::custom("`__mapset__` must be true"))
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a list, or an object with `__mapset__` and `items`")]
enum Input<T> {
    List(Vec<T>),
    Marked {
        #[serde(rename = "__mapset__")]
        mapset: bool,
        items: Vec<T>,
    },
}
