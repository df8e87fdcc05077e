//! [`PgOptions`] from a URL: the keys of this crate, beside those of libpq and of the driver.

use std::str::FromStr;
use std::time::Duration;

use event_core::{Error, Result};
use event_sql::url_keys::{self, UrlKey};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::PgOptions;
use super::address::UrlAddress;
use crate::sql::Schema;

const OWN_KEYS: &[&str] = &[
    "schema",
    "pool_size",
    "acquire_timeout_ms",
    "statement_timeout_ms",
    "lock_timeout_ms",
    "idle_transaction_timeout_ms",
    "append_lanes",
    "frontier_wait_ms",
    "notify",
    "pooler_mode",
    "direct",
    "replica",
    "allow_asynchronous_commit",
];

const NO_DATABASE: &str = "it names no database; write `postgres://host/database`, or `dbname=` among its keys, or set `PGDATABASE`";

/// Keys of libpq that are read here.
const LIBPQ_KEYS: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "target_session_attrs",
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "fallback_application_name",
    "client_encoding",
    "gssencmode",
    "channel_binding",
    "load_balance_hosts",
];

/// Keys that the driver reads.
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
    "dbname",
    "user",
    "password",
    "options",
    "statement-cache-capacity",
];

impl FromStr for PgOptions {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let is_driver_key =
            |key: &UrlKey<'_>| DRIVER_KEYS.contains(&key.name) || key.name.starts_with("options[");
        let (driver, own): (Vec<_>, Vec<_>) = url_keys::keys(query).partition(is_driver_key);
        let read = || {
            let mut address = UrlAddress::read(address)?;
            for key in &own {
                if let "host" | "hostaddr" | "port" = key.name {
                    address.set(key.name, &percent_decoded(key)?);
                }
            }
            let hosts = address.hosts()?;
            let driver: Vec<_> =
                driver.iter().map(|key| format!("{}={}", key.name, key.value)).collect();
            let connect: PgConnectOptions = address
                .driver_url(&hosts, &driver.join("&"))
                .parse()
                .map_err(crate::error::reason)?;
            if connect.get_database().is_none_or(str::is_empty) {
                return Err(NO_DATABASE.into());
            }
            let new = Self::new(connect, hosts)?;
            own.iter().try_fold(new, Self::set)?.check_tls()
        };
        read().map_err(|reason| invalid(url, reason))
    }
}

impl PgOptions {
    /// Sets what a key of the URL says; the error is a sentence for the user.
    fn set(mut self, key: &UrlKey<'_>) -> Result<Self, String> {
        let decoded = percent_decoded(key)?;
        let key = UrlKey { name: key.name, value: &decoded };
        let seconds = || key.number().map(|seconds| Duration::from_secs(seconds.into()));
        match key.name {
            "schema" => self.schema = Schema::new(key.value)?,
            "pool_size" => self = self.pool_size(key.positive()?),
            "acquire_timeout_ms" => self.acquire_timeout = key.positive_millis()?,
            "statement_timeout_ms" => self.statement_timeout = key.positive_millis()?,
            "lock_timeout_ms" => self.lock_timeout = key.millis()?,
            "idle_transaction_timeout_ms" => self.idle_transaction_timeout = key.millis()?,
            "append_lanes" => self = self.append_lanes(key.number()?),
            "frontier_wait_ms" => self.frontier_wait = key.millis()?,
            "notify" => self.notify = key.on_or_off()?,
            "pooler_mode" => self.pooler_mode = key.value.parse()?,
            "direct" => self.direct = Some(key.value.parse()?),
            "replica" => self.replicas.push(key.value.parse()?),
            "allow_asynchronous_commit" => self.allow_asynchronous_commit = key.on_or_off()?,
            "host" | "hostaddr" | "port" => {}
            "target_session_attrs" => self.target_session_attrs = key.value.parse()?,
            "connect_timeout" => self.connect_timeout = Some(seconds()?).filter(|it| !it.is_zero()),
            "keepalives" => self.keepalive.on = key.either(("1", true), ("0", false))?,
            "keepalives_idle" => self.keepalive.idle = seconds()?,
            "keepalives_interval" => self.keepalive.interval = seconds()?,
            "keepalives_count" => self.keepalive.count = key.number()?,
            "tcp_user_timeout" => self.keepalive.unanswered = key.millis()?,
            "fallback_application_name" => {
                if self.connect.get_application_name() == Some(super::NAME) {
                    self = self.application_name(key.value);
                }
            }
            "client_encoding" => only(key, &["UTF8", "utf8", "UTF-8", "utf-8", "auto"])?,
            "gssencmode" | "channel_binding" => only(key, &["disable", "prefer"])?,
            "load_balance_hosts" => only(key, &["disable"])?,
            _ => return Err(unknown(key)),
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

/// Accepts the values that ask for nothing more than what is done anyway.
fn only(key: UrlKey<'_>, values: &[&str]) -> Result<(), String> {
    if values.contains(&key.value) {
        return Ok(());
    }
    Err(format!("`{}` can only be one of: {}", key.name, values.join(", ")))
}

fn unknown(key: UrlKey<'_>) -> String {
    let known = [OWN_KEYS, LIBPQ_KEYS, DRIVER_KEYS].concat();
    let message = key.unknown(&known);
    let nearest = known.iter().map(|known| (distance(known, key.name), known)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 2 => {
            format!("{message}; did you mean `{nearest}`?")
        }
        _ => message,
    }
}

/// How many letters have to be added, removed or changed to make one word of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (column, theirs) in other.iter().enumerate() {
            let above = row.get(column + 1).copied().unwrap_or_default();
            let cost = (diagonal + usize::from(letter != *theirs)).min(above + 1).min(left + 1);
            if let Some(cell) = row.get_mut(column) {
                *cell = left;
            }
            (diagonal, left) = (above, cost);
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn percent_decoded(key: &UrlKey<'_>) -> Result<String, String> {
    super::address::decoded(key.value)
        .ok_or_else(|| format!("the value of `{}` is no text in percent-encoding", key.name))
}

/// The error for a URL, shown without its keys, which may hold a password too.
pub(super) fn invalid(url: &str, reason: String) -> Error {
    url_keys::invalid(url.split('?').next().unwrap_or_default(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_changed_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("pool_size", "pool_sise", 1),
            ("port", "prot", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }
}
