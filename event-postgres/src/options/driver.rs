//! The driver's options for a store: the settings of its sessions, and the server itself behind a pooler.

use std::time::Duration;

use super::hosts::{Host, SessionAttrs};
use super::servers::Servers;
use super::{PgOptions, PoolerMode};
use crate::sql::Setting;

impl PgOptions {
    /// What the store connects to: the servers, or the pooler in front of them.
    pub(crate) fn servers(&self) -> Servers {
        if self.pooler_mode.is_pooled() {
            // A pooler accepts no settings for a session: it would have to give each client a server of its own.
            let base = self.connect.clone().extra_float_digits(None);
            return Servers::new(&self.hosts, self.target_session_attrs, &base);
        }
        self.sessions(&self.hosts, self.target_session_attrs)
    }

    /// The server itself; `None` when only a pooler is known.
    pub(crate) fn direct_servers(&self) -> Option<Servers> {
        match &self.direct {
            Some(host) => Some(self.servers_at(host)),
            None if self.pooler_mode.is_pooled() => None,
            None => Some(self.servers()),
        }
    }

    /// Another server with the same store.
    pub(crate) fn servers_at(&self, host: &Host) -> Servers {
        self.sessions(std::slice::from_ref(host), SessionAttrs::Any)
    }

    /// The same options for transactions that may wait for this program as long as an answer may take.
    pub(crate) fn patient(&self) -> Self {
        let idle = self.idle_transaction_timeout;
        let patient = if idle.is_zero() { idle } else { idle.max(self.deadline()) };
        self.clone().idle_transaction_timeout(patient)
    }

    /// The same options for a server that is reached without a pooler.
    pub(crate) fn without_pooler(&self) -> Self {
        self.clone().pooler_mode(PoolerMode::Direct)
    }

    fn sessions(&self, hosts: &[Host], wanted: SessionAttrs) -> Servers {
        let settings = self.settings().into_iter().chain(self.session_settings());
        Servers::new(hosts, wanted, &self.connect.clone().options(settings))
    }

    /// How long an answer may take to arrive: the server's own limit, and time for the network.
    pub(crate) fn deadline(&self) -> Duration {
        self.statement_timeout.saturating_add(Duration::from_secs(5))
    }

    /// How long an append waits for locks, over all of its attempts.
    pub(crate) fn lock_patience(&self) -> Duration {
        if self.lock_timeout.is_zero() { self.statement_timeout } else { self.lock_timeout }
    }

    /// How long a transaction may wait for this program, in milliseconds; `None`: for ever.
    pub(crate) fn idle_limit(&self) -> Option<i32> {
        let limit = i32::try_from(self.idle_transaction_timeout.as_millis()).unwrap_or(i32::MAX);
        (limit > 0).then_some(limit)
    }

    /// The settings of every statement. The frontier and the row locks of the append rely on READ COMMITTED.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let on = |name| (name, "on".to_owned());
        let off = |name| (name, "off".to_owned());
        vec![
            ("default_transaction_isolation", "read committed".to_owned()),
            ("statement_timeout", millis(self.statement_timeout.max(Duration::from_millis(1)))),
            ("lock_timeout", millis(self.lock_timeout)),
            // A program that stops between its append and its commit holds up every reader of the log.
            ("idle_in_transaction_session_timeout", millis(self.idle_transaction_timeout)),
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

    /// The settings of a connection: how the server finds out that this program is gone. Its own end is watched by the
    /// pool, since the driver gives no access to its sockets.
    fn session_settings(&self) -> Vec<Setting> {
        let seconds = |time: Duration| time.as_secs().clamp(1, 86_400).to_string();
        let mut settings = Vec::new();
        if self.keepalive.on {
            settings.push(("tcp_keepalives_idle", seconds(self.keepalive.idle)));
            settings.push(("tcp_keepalives_interval", seconds(self.keepalive.interval)));
            settings.push(("tcp_keepalives_count", self.keepalive.count.clamp(1, 100).to_string()));
        }
        settings.push(("tcp_user_timeout", millis(self.keepalive.unanswered)));
        settings
    }
}

fn millis(time: Duration) -> String {
    time.as_millis().min(i32::MAX.unsigned_abs().into()).to_string()
}
