//! Faults that exchange the server behind the address: promoted standbys, with and without a loss of commits, and an older
//! copy of the data.

use std::collections::HashSet;
use std::time::Duration;

use super::Chaos;
use super::topology::{self, blocking, inspect, make_primary};
use super::world::{LONG, until, until_async};
use crate::pg;

/// Readers get this long to see commits that will be lost; nothing depends on it.
const SIGHT: Duration = Duration::from_secs(3);
const EVENTS: &str = "SELECT count(*) FROM event_store.events";

impl Chaos {
    /// Promotes the standby that no commit waits for, after its network was cut while some more events were committed.
    pub(super) async fn lose_commits(&mut self, events: i64) {
        let mut standby = self.topology.asynchronous.admin().await;
        pg::run(&mut standby, "ALTER SYSTEM SET primary_conninfo = ''").await;
        pg::run(&mut standby, "SELECT pg_reload_conf()").await;
        let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
        let cut = async || pg::number(&mut standby, receivers).await == 0;
        assert!(until_async(LONG, cut).await, "the standby receives nothing more");
        self.commits(events, &mut inspect(&self.topology.asynchronous).await).await;
        blocking(|| {
            self.topology.primary.crash();
            self.topology.asynchronous.promote();
        });
        std::mem::swap(&mut self.topology.primary, &mut self.topology.asynchronous);
        self.take_over(true).await;
    }

    /// Promotes the standby that every commit waits for: nothing that was acknowledged is lost.
    pub(super) async fn promote(&mut self) {
        blocking(|| {
            self.topology.primary.crash();
            self.topology.synchronous.promote();
        });
        std::mem::swap(&mut self.topology.primary, &mut self.topology.synchronous);
        self.take_over(false).await;
    }

    /// Puts an older copy of the data in the place of the server.
    pub(super) async fn restore(&mut self, events: i64) {
        let copy = blocking(|| self.topology.primary.copy());
        self.commits(events, &mut self.topology.inspect().await).await;
        let old = blocking(|| {
            self.topology.primary.crash();
            std::mem::replace(&mut self.topology.primary, copy.start())
        });
        blocking(|| drop(old));
        self.take_over(true).await;
    }

    /// Waits until some more events were committed than a server holds, and readers have seen the most of them.
    async fn commits(&self, events: i64, server: &mut sqlx::PgConnection) {
        let goal = pg::number(server, EVENTS).await + events;
        let mut primary = self.topology.inspect().await;
        let committed = async || pg::number(&mut primary, EVENTS).await >= goal;
        if !until_async(LONG, committed).await {
            self.world.violation("appends stand still", "before a loss of commits");
        }
        let last = "SELECT coalesce(max(position), 0) FROM event_store.events";
        let last = pg::number(&mut primary, last).await;
        let has_seen = |reader: &super::readers::Reader| {
            reader.seen.lock().unwrap().last().is_some_and(|(position, _)| *position >= last)
        };
        let everything =
            || self.readers.iter().filter(|it| it.category.is_none()).all(|it| has_seen(it));
        until(SIGHT, everything).await;
    }

    /// The server that is the primary now gets the address, and standbys. What it holds is what survived.
    async fn take_over(&mut self, loses: bool) {
        self.topology.replica.close();
        make_primary(&self.topology.primary).await;
        if loses {
            let log = topology::log(&mut self.topology.inspect().await).await;
            let survivors: HashSet<_> = log.iter().map(|event| event.id).collect();
            self.world.survivors.lock().unwrap().push(survivors);
        }
        self.topology.gate.point_to(self.topology.primary.address());
        self.topology.renew_standbys().await;
    }
}
