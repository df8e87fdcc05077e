//! [`Topology`]: a primary with a synchronous and an asynchronous standby, pgbouncer, and the addresses that clients use.
//!
//! Clients reach the primary through one gate, standbys through another one, so that any server can take over an address
//! while processes live. The harness itself goes past the gates.

use std::time::Duration;

use event_core::EventId;
use sqlx::PgConnection;

use super::world::{LONG, until_async};
use crate::bouncer::Bouncer;
use crate::gate::Gate;
use crate::pg::{self, Cluster};

/// Few enough connections that they can be used up.
const SETTINGS: &str =
    "-c max_connections=90 -c wal_keep_size=128MB -c wal_retrieve_retry_interval=200ms";
const DATABASE: &str = "chaos";
/// Short limits, so that a run sees many of them pass; see `PgOptions`.
const OPTIONS: &str = "statement_timeout_ms=4000&acquire_timeout_ms=4000&pool_size=6";

#[derive(Debug)]
pub(super) struct Topology {
    pub(super) primary: Cluster,
    /// The primary waits for it with every commit.
    pub(super) synchronous: Cluster,
    /// Serves the reads of clients that name a replica.
    pub(super) asynchronous: Cluster,
    /// The address of the primary.
    pub(super) gate: Gate,
    /// The address of a standby.
    pub(super) replica: Gate,
    pub(super) bouncer: Bouncer,
}

impl Topology {
    pub(super) async fn start() -> Self {
        let primary = blocking(|| Cluster::start_with(pg::Fsync::Off, SETTINGS));
        pg::run(&mut primary.admin().await, &format!("CREATE DATABASE {DATABASE}")).await;
        let (synchronous, asynchronous) = standbys(&primary).await;
        let gate = Gate::start(primary.address());
        let replica = Gate::start(asynchronous.address());
        let extra = "ignore_startup_parameters = options,extra_float_digits\nserver_login_retry = 1\ndefault_pool_size = 12";
        let bouncer = blocking(|| Bouncer::start(&gate.address(), extra));
        Self { primary, synchronous, asynchronous, gate, replica, bouncer }
    }

    /// The URL of clients that use the primary.
    pub(super) fn direct(&self) -> String {
        format!("postgres://postgres@{}/{DATABASE}?{OPTIONS}", self.gate.address())
    }

    /// The URL of the primary itself.
    pub(super) fn past_the_gate(&self) -> String {
        self.direct().replace(&self.gate.address(), &self.primary.address())
    }

    /// The URL of clients behind pgbouncer.
    pub(super) fn pooled(&self) -> String {
        let gate = self.gate.address();
        let url = self.bouncer.through(&self.direct(), &gate);
        format!("{url}&pooler_mode=transaction&direct={gate}")
    }

    /// The URL of clients that read from a standby.
    pub(super) fn replicated(&self) -> String {
        format!("{}&replica={}", self.direct(), self.replica.address())
    }

    /// A connection of the harness to the primary.
    pub(super) async fn inspect(&self) -> PgConnection {
        inspect(&self.primary).await
    }

    /// Replaces the standbys by new ones of the primary of now.
    pub(super) async fn renew_standbys(&mut self) {
        self.replica.close();
        let (synchronous, asynchronous) = standbys(&self.primary).await;
        let old = [
            std::mem::replace(&mut self.synchronous, synchronous),
            std::mem::replace(&mut self.asynchronous, asynchronous),
        ];
        blocking(|| drop(old));
        self.replica.point_to(self.asynchronous.address());
    }
}

/// A connection of the harness to a server's database of the store.
pub(super) async fn inspect(server: &Cluster) -> PgConnection {
    pg::connect(&server.url(DATABASE)).await
}

/// Runs work that blocks its thread.
pub(super) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

/// A synchronous and an asynchronous standby of a primary, which waits for the former with every commit from now on.
async fn standbys(primary: &Cluster) -> (Cluster, Cluster) {
    let (synchronous, asynchronous) = blocking(|| {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| primary.standby_with("-c cluster_name=asynchronous"));
            (primary.standby_with("-c cluster_name=synchronous"), other.join().unwrap())
        })
    });
    let mut admin = primary.admin().await;
    pg::run(&mut admin, "ALTER SYSTEM SET synchronous_standby_names = 'synchronous'").await;
    pg::run(&mut admin, "SELECT pg_reload_conf()").await;
    let both = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' \
                AND (sync_state = 'sync') = (application_name = 'synchronous')";
    assert!(
        until_async(LONG, async || pg::number(&mut admin, both).await == 2).await,
        "standbys follow"
    );
    (synchronous, asynchronous)
}

/// Makes a promoted or copied server usable alone.
pub(super) async fn make_primary(server: &Cluster) {
    let mut admin = server.admin().await;
    let is_primary = "SELECT (NOT pg_is_in_recovery())::int::bigint";
    assert!(
        until_async(LONG, async || pg::number(&mut admin, is_primary).await == 1).await,
        "promoted"
    );
    pg::run(&mut admin, "ALTER SYSTEM RESET synchronous_standby_names").await;
    pg::run(&mut admin, "SELECT pg_reload_conf()").await;
    // A commit that waits for a standby would never end.
    let alone = "SELECT (current_setting('synchronous_standby_names') = '')::int::bigint";
    let reloaded = until_async(LONG, async || {
        tokio::time::sleep(Duration::from_millis(5)).await;
        pg::number(&mut admin, alone).await == 1
    });
    assert!(reloaded.await, "the settings are loaded");
}

/// An event as the checker reads it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) position: i64,
    pub(super) id: EventId,
    pub(super) version: i64,
    pub(super) stream: String,
    pub(super) category: String,
}

/// The log, read without the store.
pub(super) async fn log(connection: &mut PgConnection) -> Vec<Stored> {
    let rows: Vec<(i64, sqlx::types::Uuid, i64, String, String)> = sqlx::query_as(
        "SELECT e.position, e.event_id, e.version, s.stream_id, c.name \
         FROM event_store.events e JOIN event_store.streams s USING (tenant_key, stream_key) \
         JOIN event_store.categories c ON c.category_key = e.category_key ORDER BY e.position",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    let stored = |(position, id, version, stream, category)| Stored {
        position,
        id: EventId::from_uuid(id),
        version,
        stream,
        category,
    };
    rows.into_iter().map(stored).collect()
}
