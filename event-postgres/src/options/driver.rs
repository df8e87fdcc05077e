//! The driver's options for a store: the settings of its sessions, and the server itself behind a pooler.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::PgOptions;
use crate::sql::Setting;

/// Where a server is: host and port. User, password and database are those of the store.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.rsplit_once(':').map(|(host, port)| (host, port.parse()));
        match parts {
            Some((host, Ok(port))) if !host.is_empty() && !host.contains(['/', '@']) => {
                Ok(Self { host: host.to_owned(), port })
            }
            _ => Err(format!("`{}` is no `host:port`", text.escape_debug())),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl PgOptions {
    /// For the connections of the store.
    pub(crate) fn driver(&self) -> PgConnectOptions {
        if self.pooler_mode.is_pooled() {
            // A pooler accepts no settings for a session: it would have to give each client a server of its own.
            return self.connect.clone().extra_float_digits(None);
        }
        self.connect.clone().options(self.settings())
    }

    /// For the server itself; `None` when only a pooler is known.
    pub(crate) fn direct_driver(&self) -> Option<PgConnectOptions> {
        match &self.direct {
            Some(address) => Some(self.driver_at(address)),
            None if self.pooler_mode.is_pooled() => None,
            None => Some(self.driver()),
        }
    }

    /// For another server with the same store.
    pub(crate) fn driver_at(&self, address: &Address) -> PgConnectOptions {
        let connect = self.connect.clone().host(&address.host).port(address.port);
        connect.options(self.settings())
    }

    /// How long an answer may take to arrive: the server's own limit, and time for the network.
    pub(crate) fn deadline(&self) -> Duration {
        self.statement_timeout.saturating_add(Duration::from_secs(5))
    }

    /// The settings of every statement. The frontier and the row locks of the append rely on READ COMMITTED.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let millis =
            |time: Duration| time.as_millis().min(i32::MAX.unsigned_abs().into()).to_string();
        let on = |name| (name, "on".to_owned());
        let off = |name| (name, "off".to_owned());
        vec![
            ("default_transaction_isolation", "read committed".to_owned()),
            ("statement_timeout", millis(self.statement_timeout.max(Duration::from_millis(1)))),
            ("lock_timeout", millis(self.lock_timeout)),
            // The statements of this crate filter by tenant themselves; see migrations/0007_row_security.sql.
            on("events.all_tenants"),
            // Pages are small: compiling a plan or starting workers costs more than reading them.
            off("jit"),
            ("max_parallel_workers_per_gather", "0".to_owned()),
            // Every page comes from an index, in its order, and ends early. Other plans read and sort the rest of the
            // log for each page; the planner chooses them while its statistics are young.
            off("enable_seqscan"),
            off("enable_bitmapscan"),
            off("enable_hashjoin"),
            off("enable_mergejoin"),
        ]
    }
}
