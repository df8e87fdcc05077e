//! Sets as plain lists: `#[serde(with = "event_core::plain_set")]` on a set field (D-15).
//!
//! Written as a list. Read from a list, from the marker form `{"__mapset__": true, "items": […]}` that older
//! stores hold, and from null, which is the empty set. Equal items collapse.
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

/// Writes a set as a list.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<C, T, S>(set: &C, serializer: S) -> Result<S::Ok, S::Error>
where
    for<'a> &'a C: IntoIterator<Item = &'a T>,
    T: Serialize,
    S: Serializer,
{
    serializer.collect_seq(set)
}

/// Reads a set from a list, from the marker form, or from null.
///
/// # Errors
/// Those of the deserializer, and a marker that is not `true`.
pub fn deserialize<'de, C, T, D>(deserializer: D) -> Result<C, D::Error>
where
    C: FromIterator<T>,
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    match Option::<Form<T>>::deserialize(deserializer)? {
        None => Ok(C::from_iter([])),
        Some(Form::List(items) | Form::Marker { mapset: true, items }) => {
            Ok(items.into_iter().collect())
        }
        Some(Form::Marker { mapset: false, .. }) => {
            Err(D::Error::custom("`__mapset__` must be true"))
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a list, or an object with `__mapset__` and `items`")]
enum Form<T> {
    List(Vec<T>),
    Marker {
        #[serde(rename = "__mapset__")]
        mapset: bool,
        items: Vec<T>,
    },
}
