//! [`PgOptions`] from a URL: the keys of this crate, beside those of the driver.

use std::str::FromStr;
use std::time::Duration;

use event_core::{Error, Result};
use sqlx::postgres::PgSslMode;

use super::PgOptions;
use crate::sql::Schema;

const OWN_KEYS: [&str; 12] = [
    "schema",
    "pool_size",
    "acquire_timeout_ms",
    "statement_timeout_ms",
    "lock_timeout_ms",
    "append_lanes",
    "frontier_wait_ms",
    "notify",
    "pooler_mode",
    "direct",
    "replica",
    "allow_asynchronous_commit",
];

const DRIVER_KEYS: [&str; 18] = [
    "application_name",
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
    "statement-cache-capacity",
];

impl PgOptions {
    /// Sets what a key of the URL says; the error is a sentence for the user.
    fn set(mut self, key: &str, value: &str) -> Result<Self, String> {
        let number = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("`{key}` is not a number from 0 to {}", u32::MAX))
        };
        let millis = || number().map(|millis| Duration::from_millis(millis.into()));
        let some = || match number()? {
            0 => Err(format!("`{key}` must be at least 1")),
            _ => millis(),
        };
        match key {
            "schema" => self.schema = Schema::new(value)?,
            "pool_size" => match number()? {
                0 => return Err("`pool_size` must be at least 1".into()),
                size => self = self.pool_size(size),
            },
            "acquire_timeout_ms" => self.acquire_timeout = some()?,
            "statement_timeout_ms" => self.statement_timeout = some()?,
            "lock_timeout_ms" => self.lock_timeout = millis()?,
            "pooler_mode" => self.pooler_mode = value.parse()?,
            "direct" => self.direct = Some(value.parse()?),
            "replica" => self.replicas.push(value.parse()?),
            "allow_asynchronous_commit" => self.allow_asynchronous_commit = on_or_off(key, value)?,
            "append_lanes" => self = self.append_lanes(number()?),
            "frontier_wait_ms" => self.frontier_wait = millis()?,
            "notify" => self.notify = on_or_off(key, value)?,
            _ => {
                return Err(format!(
                    "unknown key `{}`, expected one of: {}, {}",
                    key.escape_debug(),
                    OWN_KEYS.join(", "),
                    DRIVER_KEYS.join(", ")
                ));
            }
        }
        Ok(self)
    }
}

impl FromStr for PgOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid(url, "it does not start with `postgres://`".into()));
        }
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let is_driver_key = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default();
            DRIVER_KEYS.contains(&key) || key.starts_with("options[")
        };
        let (theirs, ours): (Vec<_>, Vec<_>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(is_driver_key);
        let connect = format!("{place}?{}", theirs.join("&"))
            .parse()
            .map_err(|error| invalid(url, crate::error::reason(error)))?;
        ours.into_iter()
            .try_fold(Self::new(connect), |options, pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok(options?.set(key, value))
            })
            .and_then(|options: Result<Self, String>| options)
            .and_then(Self::with_tls_compiled_in)
            .map_err(|reason| invalid(url, reason))
    }
}

impl PgOptions {
    /// Refuses a URL that asks for encryption when this program has none.
    fn with_tls_compiled_in(self) -> Result<Self, String> {
        let compiled_in = cfg!(any(feature = "tls-rustls", feature = "tls-native-tls"));
        match self.connect.get_ssl_mode() {
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull if !compiled_in => {
                Err("`sslmode` asks for encryption, and this program was built without: enable the feature `tls-rustls` \
                     or `tls-native-tls` of event-postgres"
                    .into())
            }
            _ => Ok(self),
        }
    }
}

fn on_or_off(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("`{key}` is `on` or `off`")),
    }
}

/// The URL is named without password and without keys, which may hold one too.
pub(super) fn invalid(url: &str, reason: String) -> Error {
    let place = url.split('?').next().unwrap_or_default();
    Error::InvalidUrl { given: event_core::store::without_password(place), reason }
}
