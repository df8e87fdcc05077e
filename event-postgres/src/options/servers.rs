//! [`Servers`]: what a pool connects to: the hosts of one store in the order of the URL, each with its driver's options.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use super::hosts::{Host, SessionAttrs};

/// The hosts of a store, and which of them may be used.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) list: Vec<Arc<Server>>,
    pub(crate) wanted: SessionAttrs,
}

/// One host.
pub(crate) struct Server {
    pub(crate) driver: PgConnectOptions,
    /// Where it is, for messages: `host:port/database`.
    pub(crate) name: String,
}

impl Servers {
    /// The hosts with the options that each connection to them has.
    pub(super) fn new(hosts: &[Host], wanted: SessionAttrs, base: &PgConnectOptions) -> Self {
        let database = base.get_database().unwrap_or_else(|| base.get_username()).to_owned();
        let server = |host: &Host| {
            Arc::new(Server { driver: host.driver(base), name: format!("{host}/{database}") })
        };
        Self { list: hosts.iter().map(server).collect(), wanted }
    }

    /// Where they are, for messages.
    pub(crate) fn names(&self) -> String {
        self.list.iter().map(|server| &*server.name).collect::<Vec<_>>().join(", ")
    }

    /// Whether more than one host may have to be tried.
    pub(crate) fn is_choice(&self) -> bool {
        self.list.len() > 1
    }
}
