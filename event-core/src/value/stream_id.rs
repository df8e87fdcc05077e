//! [`StreamId`] and [`Tenant`]: names validated by their constructors.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::value::Escaped;

/// Maximum length in bytes of the name of a stream or a tenant.
const MAX_BYTES: usize = 255;

/// Name of a stream: 1 to 255 bytes, no control characters, no leading `$`.
///
/// Every other text is stored unchanged, including quotes, `%` and right-to-left marks; `Debug` prints it escaped.
/// Cloning is cheap.
///
/// ```
/// use event_core::StreamId;
///
/// let stream = StreamId::new("game-4711")?;
/// assert_eq!(stream.category(), "game");
/// assert_eq!(StreamId::new("$all").unwrap_err().code(), "invalid_stream_id");
/// # Ok::<(), event_core::InvalidStreamId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// Validates a stream name.
    ///
    /// # Errors
    /// [`InvalidStreamId`] when the name is empty, longer than 255 bytes, starts with `$` (reserved for system
    /// streams) or contains a control character.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidStreamId> {
        let name = name.into();
        match broken_rule(&name) {
            None if name.starts_with('$') => {
                Err(InvalidStreamId { given: name, reason: "must not start with `$`" })
            }
            None => Ok(Self(name.into())),
            Some(reason) => Err(InvalidStreamId { given: name, reason }),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name up to the first `-`; the whole name if it has none.
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }
}

/// Name of a tenant, the owner of streams and events: 1 to 255 bytes, no control characters.
///
/// A store reads and writes only the data of its scope's tenant; the default tenant is named `default`. A bot that
/// serves many guilds, for example, uses the guild id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Validates a tenant name.
    ///
    /// # Errors
    /// [`InvalidTenant`] when the name is empty, longer than 255 bytes or contains a control character.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTenant> {
        let name = name.into();
        match broken_rule(&name) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(InvalidTenant { given: name, reason }),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        static DEFAULT: LazyLock<Arc<str>> = LazyLock::new(|| "default".into());
        Self(Arc::clone(&DEFAULT))
    }
}

/// Returns the rule for all names that this one breaks.
fn broken_rule(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > MAX_BYTES {
        Some("must not be longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Some("must not contain control characters")
    } else {
        None
    }
}

macro_rules! name {
    ($type:ident, $error:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "(\"{}\")"), Escaped(&self.0))
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(name: String) -> Result<Self, $error> {
                Self::new(name)
            }
        }

        impl FromStr for $type {
            type Err = $error;

            fn from_str(name: &str) -> Result<Self, $error> {
                Self::new(name)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = $error;

            fn try_from(name: &str) -> Result<Self, $error> {
                Self::new(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name!(StreamId, InvalidStreamId);
name!(Tenant, InvalidTenant);

/// A string that is not a valid stream id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream id \"{}\" {reason}", Escaped(given))]
#[non_exhaustive]
pub struct InvalidStreamId {
    /// The rejected string.
    pub given: String,
    /// The rule that it breaks, to follow the name: "must not be empty".
    pub reason: &'static str,
}

impl InvalidStreamId {
    /// Stable code for logs and the wire: `invalid_stream_id`.
    pub const fn code(&self) -> &'static str {
        "invalid_stream_id"
    }
}

/// A string that is not a valid tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant \"{}\" {reason}", Escaped(given))]
#[non_exhaustive]
pub struct InvalidTenant {
    /// The rejected string.
    pub given: String,
    /// The rule that it breaks, to follow the name: "must not be empty".
    pub reason: &'static str,
}

impl InvalidTenant {
    /// Stable code for logs and the wire: `invalid_tenant`.
    pub const fn code(&self) -> &'static str {
        "invalid_tenant"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rejected(name: &str, reason: &str) {
        let error = StreamId::new(name).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn an_invalid_name_is_rejected_with_the_rule_it_breaks() {
        check_rejected("", "must not be empty");
        check_rejected(&"x".repeat(256), "255 bytes");
        check_rejected(&"ä".repeat(128), "255 bytes");
        check_rejected("a\0b", "control characters");
        check_rejected("a\u{85}b", "control characters");
        check_rejected("$all", "must not start with `$`");
    }

    #[test]
    fn unusual_names_are_stored_unchanged_and_printed_escaped() {
        let name = "o'neil-%_\u{202e}\"";
        let id = StreamId::new(name).unwrap();
        assert_eq!(id.as_str(), name);
        assert_eq!(format!("{id:?}"), r#"StreamId("o'neil-%_\u{202e}\"")"#);
        assert_eq!(id.category(), "o'neil");
        assert!(StreamId::new("x".repeat(255)).is_ok());
    }
}
