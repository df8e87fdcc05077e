//! What `doctor` knows of a PostgreSQL server: its settings, its room, and who holds what up.

use std::collections::BTreeSet;
use std::time::Duration;

use event_postgres::{Inspection, OldTransaction, PgAdapter};

use crate::command::finding::Found;
use crate::failure::Failure;

/// Beyond this many transactions without freezing the server soon takes no more writes.
const TOO_OLD: u64 = 1_500_000_000;

/// A setting, the value that is safe, what another one costs, the remedy.
type Rule = (&'static str, &'static str, &'static str, &'static str);

const SAFETY: [Rule; 3] = [
    (
        "fsync",
        "on",
        "a crash of the machine can destroy the database",
        "set it to `on` and reload the server",
    ),
    (
        "full_page_writes",
        "on",
        "a crash in the middle of a page destroys it",
        "set it to `on`, unless the file system writes pages whole",
    ),
    (
        "default_transaction_read_only",
        "off",
        "appends are refused",
        "`ALTER DATABASE … RESET default_transaction_read_only`, or name another server",
    ),
];

const SPEED: [Rule; 3] = [
    ("autovacuum", "on", "tables grow and plans get worse", "set it to `on` and reload the server"),
    (
        "data_checksums",
        "on",
        "damage on the disk is not noticed when it is read",
        "`pg_checksums --enable`, while the server is stopped",
    ),
    (
        "track_activities",
        "on",
        "nobody can tell who holds what up",
        "set it to `on` and reload the server",
    ),
];

/// Adds what costs safety or speed, and transactions that are older than this.
pub(super) async fn examine(
    adapter: &PgAdapter,
    old: Duration,
    all: &mut Vec<Found>,
) -> Result<(), Failure> {
    let inspection = adapter.inspect(old).await?;
    settings(&inspection, all);
    room(&inspection, all);
    for it in &inspection.transactions {
        all.extend(transaction(it, old));
    }
    Ok(())
}

fn settings(inspection: &Inspection, all: &mut Vec<Found>) {
    let value = |wanted: &str| {
        inspection.settings.iter().find(|(name, _)| name == wanted).map(|(_, value)| &**value)
    };
    let broken = |(name, safe, ..): &&Rule| value(name).is_some_and(|it| it != *safe);
    let what = |(name, _, costs, _): &Rule| {
        format!("{name} is {}: {costs}", value(name).unwrap_or_default())
    };
    for rule in SAFETY.iter().filter(broken) {
        all.push(Found::bad(what(rule), rule.3));
    }
    if value("synchronous_commit") == Some("off") {
        all.push(Found::bad(
            "synchronous_commit is off: a crash takes back acknowledged events",
            "set it to `on` for the role of the programs, `ALTER ROLE … SET synchronous_commit = on`",
        ));
    }
    for rule in SPEED.iter().filter(broken) {
        all.push(Found::warning(what(rule), rule.3));
    }
}

fn room(it: &Inspection, all: &mut Vec<Found>) {
    let (used, most) = (it.connections, it.connections_most);
    if used.saturating_mul(10) >= most.saturating_mul(9) {
        all.push(Found::warning(
            format!("{used} of {most} connections of the server are in use: further programs are turned away"),
            "lower `pool_size` in the URLs, put a pooler in front, or raise `max_connections`",
        ));
    }
    let (oldest, limit) = (it.oldest_transaction, it.oldest_transaction_most);
    let remedy = "end old transactions, drop replication slots that nobody reads, then `VACUUM (FREEZE)` as the owner";
    if oldest >= TOO_OLD {
        let what = format!(
            "the oldest row is {oldest} transactions old: at 2 thousand million the server takes no more writes"
        );
        all.push(Found::bad(what, remedy));
    } else if oldest > limit.saturating_add(limit / 10) {
        let what = format!(
            "autovacuum is behind: the oldest row is {oldest} transactions old, it freezes them at {limit}"
        );
        all.push(Found::warning(what, remedy));
    }
    for table in &it.unlogged {
        all.push(Found::bad(
            format!("table {table} of the store is unlogged: a crash of the server empties it"),
            format!("`ALTER TABLE … .{table} SET LOGGED`"),
        ));
    }
}

/// The processes of pids; 0 stands for a prepared transaction.
fn named(holders: &[i32]) -> String {
    let holders: BTreeSet<_> = holders.iter().collect();
    let names = holders.into_iter().map(|pid| match pid {
        0 => "a prepared transaction".to_owned(),
        pid => format!("pid {pid}"),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// How to end what processes hold; 0 stands for a prepared transaction.
fn release(holders: &[i32]) -> String {
    let pids: BTreeSet<_> = holders.iter().filter(|pid| **pid != 0).collect();
    let calls: Vec<_> =
        pids.into_iter().map(|pid| format!("SELECT pg_terminate_backend({pid})")).collect();
    let mut ways = Vec::new();
    if !calls.is_empty() {
        ways.push(format!("`{}`", calls.join("; ")));
    }
    if holders.contains(&0) {
        ways.push(
            "`COMMIT PREPARED` or `ROLLBACK PREPARED` the one in pg_prepared_xacts that is in the way"
                .to_owned(),
        );
    }
    ways.join(", and ")
}

/// A transaction that waits, or that is old: it delays vacuum, and maybe readers.
fn transaction(it: &OldTransaction, old: Duration) -> Option<Found> {
    if !it.waits_for.is_empty() {
        return Some(Found::warning(
            format!("{} waits for {}", it.session, named(&it.waits_for)),
            format!(
                "end what holds it up: see the old transactions, or {}",
                release(&it.waits_for)
            ),
        ));
    }
    if it.session.age < old {
        return None;
    }
    let remedy = it.session.pid.map_or_else(
        || "end it".to_owned(),
        |pid| format!("end it in its program, or `SELECT pg_terminate_backend({pid})`"),
    );
    let what = if it.session.state.starts_with("idle in transaction") {
        "a transaction is open, and its program does nothing"
    } else {
        "an old transaction"
    };
    Some(Found::warning(format!("{what}: {}", it.session), remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_is_ended_by_a_statement_of_its_own() {
        assert_eq!(release(&[12]), "`SELECT pg_terminate_backend(12)`");
        let both = "`SELECT pg_terminate_backend(12); SELECT pg_terminate_backend(34)`";
        assert_eq!(release(&[12, 34, 12]), both);
        let prepared = release(&[0, 12]);
        assert!(prepared.contains("pg_prepared_xacts") && prepared.contains("ROLLBACK PREPARED"));
        assert!(prepared.contains("`SELECT pg_terminate_backend(12)`"), "{prepared}");
        assert!(!prepared.contains("backend(0"), "{prepared}");
        assert!(!release(&[0]).contains("pg_terminate_backend"));
        assert_eq!(named(&[34, 0, 12, 12]), "a prepared transaction, pid 12, pid 34");
    }
}
