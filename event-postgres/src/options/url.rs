//! [`PgOptions`] from a URL: the keys of this crate, beside those of the driver.

use std::str::FromStr;

use event_core::{Error, Result};
use event_sql::url_keys::{self, UrlKey};
use sqlx::postgres::PgSslMode;

use super::PgOptions;
use crate::sql::Schema;

const OWN_KEYS: &[&str] = &[
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

const DRIVER_KEYS: &[&str] = &[
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

impl FromStr for PgOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid(url, "it does not start with `postgres://`".into()));
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let is_driver_key =
            |key: &UrlKey<'_>| DRIVER_KEYS.contains(&key.name) || key.name.starts_with("options[");
        let (driver, own): (Vec<_>, Vec<_>) = url_keys::keys(query).partition(is_driver_key);
        let driver: Vec<_> =
            driver.iter().map(|key| format!("{}={}", key.name, key.value)).collect();
        let connect = format!("{address}?{}", driver.join("&"))
            .parse()
            .map_err(|error| invalid(url, crate::error::reason(error)))?;
        own.into_iter()
            .try_fold(Self::new(connect), |options, key| Ok(options?.set(key)))
            .and_then(|options: Result<Self, String>| options)
            .and_then(Self::check_tls)
            .map_err(|reason| invalid(url, reason))
    }
}

impl PgOptions {
    /// Sets what a key of the URL says; the error is a sentence for the user.
    fn set(mut self, key: UrlKey<'_>) -> Result<Self, String> {
        match key.name {
            "schema" => self.schema = Schema::new(key.value)?,
            "pool_size" => self = self.pool_size(key.positive()?),
            "acquire_timeout_ms" => self.acquire_timeout = key.positive_millis()?,
            "statement_timeout_ms" => self.statement_timeout = key.positive_millis()?,
            "lock_timeout_ms" => self.lock_timeout = key.millis()?,
            "append_lanes" => self = self.append_lanes(key.number()?),
            "frontier_wait_ms" => self.frontier_wait = key.millis()?,
            "notify" => self.notify = key.on_or_off()?,
            "pooler_mode" => self.pooler_mode = key.value.parse()?,
            "direct" => self.direct = Some(key.value.parse()?),
            "replica" => self.replicas.push(key.value.parse()?),
            "allow_asynchronous_commit" => self.allow_asynchronous_commit = key.on_or_off()?,
            _ => return Err(key.unknown(&[OWN_KEYS, DRIVER_KEYS].concat())),
        }
        Ok(self)
    }

    /// Refuses a URL that asks for encryption when this program has none.
    fn check_tls(self) -> Result<Self, String> {
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

/// The error for a URL, shown without its keys, which may hold a password too.
pub(super) fn invalid(url: &str, reason: String) -> Error {
    url_keys::invalid(url.split('?').next().unwrap_or_default(), reason)
}
