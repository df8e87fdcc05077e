//! [`StreamId`] and [`Tenant`]: names that reach a store, checked at birth.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

/// Longest name in bytes, of a stream and of a tenant.
const MAX_BYTES: usize = 255;

/// Name of a stream: 1 to 255 bytes, no control characters, no leading `$`.
///
/// Any other text is stored as it is, quotes, `%` and right-to-left marks included; `Debug` prints it escaped.
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
    /// Checks the name.
    ///
    /// # Errors
    /// [`InvalidStreamId`] when it is empty, longer than 255 bytes, starts with `$` (kept for the store's own
    /// streams) or holds a control character.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidStreamId> {
        let name = name.into();
        match name_problem(&name) {
            None if name.starts_with('$') => {
                Err(InvalidStreamId { given: name, reason: "must not start with `$`" })
            }
            None => Ok(Self(name.into())),
            Some(reason) => Err(InvalidStreamId { given: name, reason }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text before the first `-`, or the whole name where there is none.
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&*self.0, |(category, _)| category)
    }
}

/// Whose data it is: a bot with many guilds uses the guild id. 1 to 255 bytes, no control characters.
///
/// A store sees only the tenant of its scope; without one it is [`Tenant::default`], named `default`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Checks the name.
    ///
    /// # Errors
    /// [`InvalidTenant`] when it is empty, longer than 255 bytes or holds a control character.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidTenant> {
        let name = name.into();
        match name_problem(&name) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(InvalidTenant { given: name, reason }),
        }
    }

    /// The name.
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

fn name_problem(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > MAX_BYTES {
        Some("must not be longer than 255 bytes")
    } else if name.chars().any(char::is_control) {
        Some("must not hold control characters")
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

/// Text for messages and terminals: quotes, control characters and characters that turn the direction of
/// writing are printed as escapes.
///
/// ```
/// use event_core::value::Escaped;
///
/// assert_eq!(Escaped("a\u{202e}b\n").to_string(), r"a\u{202e}b\n");
/// assert_eq!(Escaped("größe").to_string(), "größe");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if turns_direction(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else if c == '\'' {
                // Names stand between double quotes, or bare: an apostrophe ends neither.
                f.write_char(c)?;
            } else {
                write!(f, "{}", c.escape_debug())?;
            }
        }
        Ok(())
    }
}

/// Bidirectional controls (Unicode standard annex 9) and zero-width marks: invisible, and able to disguise a name.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text that cannot name a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream id \"{}\" {reason}", Escaped(given))]
#[non_exhaustive]
pub struct InvalidStreamId {
    /// The text that was given.
    pub given: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

impl InvalidStreamId {
    /// The seed's atom: `invalid_stream_id`.
    pub const fn code(&self) -> &'static str {
        "invalid_stream_id"
    }
}

/// A text that cannot name a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant \"{}\" {reason}", Escaped(given))]
#[non_exhaustive]
pub struct InvalidTenant {
    /// The text that was given.
    pub given: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

impl InvalidTenant {
    /// Stable text for logs and wire: `invalid_tenant`.
    pub const fn code(&self) -> &'static str {
        "invalid_tenant"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(name: &str, reason: &str) {
        let error = StreamId::new(name).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn hostile_names_are_refused_with_the_rule_they_break() {
        refused("", "must not be empty");
        refused(&"x".repeat(256), "255 bytes");
        refused(&"ä".repeat(128), "255 bytes");
        refused("a\0b", "control characters");
        refused("a\u{85}b", "control characters");
        refused("$all", "must not start with `$`");
    }

    #[test]
    fn odd_names_are_kept_and_printed_escaped() {
        let name = "o'neil-%_\u{202e}\"";
        let id = StreamId::new(name).unwrap();
        assert_eq!(id.as_str(), name);
        assert_eq!(format!("{id:?}"), r#"StreamId("o'neil-%_\u{202e}\"")"#);
        assert_eq!(id.category(), "o'neil");
        assert!(StreamId::new("x".repeat(255)).is_ok());
    }
}
