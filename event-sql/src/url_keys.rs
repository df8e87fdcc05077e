//! The keys of a store's URL: `?key=value&…`. Every error is a sentence for the user that names the key.

use std::time::Duration;

use event_core::Error;
use event_core::store::without_password;

/// A key of a URL and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlKey<'u> {
    /// The key.
    pub name: &'u str,
    /// Its value; empty if there is none.
    pub value: &'u str,
}

/// The keys of what follows the `?` of a URL, in order.
///
/// ```
/// use event_sql::url_keys::keys;
///
/// let names: Vec<_> = keys("create=false&&readers=2").map(|key| key.name).collect();
/// assert_eq!(names, ["create", "readers"]);
/// ```
pub fn keys(query: &str) -> impl Iterator<Item = UrlKey<'_>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        UrlKey { name, value }
    })
}

#[expect(clippy::missing_errors_doc, reason = "the module says what they are")]
impl UrlKey<'_> {
    /// A number.
    pub fn number(&self) -> Result<u32, String> {
        let refused = |_| format!("`{}` is not a number from 0 to {}", self.name, u32::MAX);
        self.value.parse().map_err(refused)
    }

    /// A number other than 0.
    pub fn positive(&self) -> Result<u32, String> {
        match self.number()? {
            0 => Err(format!("`{}` must be at least 1", self.name)),
            number => Ok(number),
        }
    }

    /// Milliseconds.
    pub fn millis(&self) -> Result<Duration, String> {
        self.number().map(|millis| Duration::from_millis(millis.into()))
    }

    /// Milliseconds, more than none.
    pub fn positive_millis(&self) -> Result<Duration, String> {
        self.positive().map(|millis| Duration::from_millis(millis.into()))
    }

    /// `on` or `off`.
    pub fn on_or_off(&self) -> Result<bool, String> {
        self.either(("on", true), ("off", false))
    }

    /// `true` or `false`.
    pub fn true_or_false(&self) -> Result<bool, String> {
        self.either(("true", true), ("false", false))
    }

    /// One of two words, and what it means.
    pub fn either<T>(&self, one: (&str, T), other: (&str, T)) -> Result<T, String> {
        match self.value {
            value if value == one.0 => Ok(one.1),
            value if value == other.0 => Ok(other.1),
            _ => Err(format!("`{}` is `{}` or `{}`", self.name, one.0, other.0)),
        }
    }

    /// The error for a key that does not exist.
    pub fn unknown(&self, known: &[&str]) -> String {
        let name = self.name.escape_debug();
        format!("unknown key `{name}`, expected one of: {}", known.join(", "))
    }
}

/// The error for a URL, which it shows without its password.
pub fn invalid(url: &str, reason: String) -> Error {
    Error::InvalidUrl { given: without_password(url), reason }
}
