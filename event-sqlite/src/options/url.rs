//! [`SqliteOptions`] from a URL.

use std::str::FromStr;

use event_core::{Error, Result};
use event_sql::url_keys::{self, UrlKey};

use super::{SqliteOptions, Synchronous};

const KEYS: &[&str] =
    &["create", "synchronous", "busy_timeout_ms", "max_size_mb", "readers", "acquire_timeout_ms"];

impl FromStr for SqliteOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let invalid = |reason: String| url_keys::invalid(url, reason);
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return Err(invalid("it does not start with `sqlite:`".into()));
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = decoded(path.strip_prefix("//").unwrap_or(path)).map_err(invalid)?;
        if path.is_empty() {
            return Err(invalid("it names no file; write `sqlite:path/to/file.db`".into()));
        }
        if path == ":memory:" {
            let reason =
                "readers and the writer share a file; for a store in memory, write `memory:`";
            return Err(invalid(reason.into()));
        }
        url_keys::keys(query).try_fold(Self::new(path), Self::set).map_err(invalid)
    }
}

impl SqliteOptions {
    /// Sets what a key of the URL says; the error is a sentence for the user.
    fn set(mut self, key: UrlKey<'_>) -> Result<Self, String> {
        match key.name {
            "create" => self.create = key.true_or_false()?,
            "synchronous" => {
                let (full, normal) = (Synchronous::Full, Synchronous::Normal);
                self.synchronous = key.either(("full", full), ("normal", normal))?;
            }
            "busy_timeout_ms" => self = self.busy_timeout(key.millis()?),
            "max_size_mb" => self.max_size = u64::from(key.number()?) << 20,
            "readers" => self = self.readers(key.positive()?),
            "acquire_timeout_ms" => self.acquire_timeout = key.millis()?,
            _ => return Err(key.unknown(KEYS)),
        }
        Ok(self)
    }
}

/// A path with its `%xx` replaced.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
            _ => return Err("a `%` must be followed by two hex digits; write `%25` for one".into()),
        }
    }
    match String::from_utf8(bytes) {
        Ok(path) if path.contains('\0') => Err("a path cannot hold a NUL".into()),
        Ok(path) => Ok(path),
        Err(_) => Err("its path is not UTF-8".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(url: &str) -> Result<String, String> {
        match url.parse::<SqliteOptions>() {
            Ok(options) => Ok(options.path().to_string_lossy().into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_url_names_a_file() {
        for (url, expected) in [
            ("sqlite:games.db", "games.db"),
            ("sqlite://games.db", "games.db"),
            ("sqlite:///var/games.db", "/var/games.db"),
            ("sqlite:a%3Fb%25 c#d.db?readers=2", "a?b% c#d.db"),
            ("sqlite:file:x.db", "file:x.db"),
        ] {
            assert_eq!(path(url).as_deref(), Ok(expected), "{url}");
        }
    }

    #[test]
    fn an_invalid_url_says_why() {
        for (url, words) in [
            ("sqlite:", "names no file"),
            ("sqlite://", "names no file"),
            ("sqlite::memory:", "write `memory:`"),
            ("postgres://x", "does not start with `sqlite:`"),
            ("sqlite:x?readers=0", "at least 1"),
            ("sqlite:x?readers=many", "not a number"),
            ("sqlite:x?synchronous=off", "`full` or `normal`"),
            ("sqlite:x?create=maybe", "`true` or `false`"),
            ("sqlite:x?journal=off", "unknown key `journal`"),
            ("sqlite:x%zz", "two hex digits"),
            ("sqlite:x%00", "NUL"),
            ("sqlite:x%ff", "not UTF-8"),
        ] {
            let said = path(url).unwrap_err();
            assert!(said.contains(words), "{url}: {said}");
        }
    }
}
