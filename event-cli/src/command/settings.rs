//! What `doctor` knows of a backend: its settings, and who holds what up.

use event_core::EventStore;

use crate::command::finding::Found;
use crate::failure::Failure;

/// Adds what costs safety or speed.
pub(super) async fn examine(store: &EventStore, all: &mut Vec<Found>) -> Result<(), Failure> {
    #[cfg(feature = "postgres")]
    if let Some(adapter) = store.backend::<event_postgres::PgAdapter>() {
        let inspection = adapter.inspect(postgres::OLD).await?;
        postgres::settings(&inspection, all);
        postgres::transactions(&inspection, all);
    }
    #[cfg(not(feature = "postgres"))]
    let _ = (store, all);
    Ok(())
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::time::Duration;

    use event_postgres::Inspection;

    use crate::command::finding::Found;

    /// A transaction that is older delays vacuum, and maybe readers.
    pub(super) const OLD: Duration = Duration::from_mins(1);

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
        (
            "autovacuum",
            "on",
            "tables grow and plans get worse",
            "set it to `on` and reload the server",
        ),
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

    pub(super) fn settings(inspection: &Inspection, all: &mut Vec<Found>) {
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
        if value("idle_in_transaction_session_timeout") == Some("0") {
            all.push(Found::warning(
                "idle_in_transaction_session_timeout is 0: a program that stops in a transaction holds others up for ever",
                "set it for the roles of people and scripts, `ALTER ROLE … SET idle_in_transaction_session_timeout = '5min'`",
            ));
        }
    }

    pub(super) fn transactions(inspection: &Inspection, all: &mut Vec<Found>) {
        for it in &inspection.transactions {
            if it.waits_for.is_empty() {
                if it.session.age < OLD {
                    continue;
                }
                let remedy = it.session.pid.map_or_else(
                    || "end it".to_owned(),
                    |pid| format!("end it in its program, or `SELECT pg_terminate_backend({pid})`"),
                );
                all.push(Found::warning(format!("an old transaction: {}", it.session), remedy));
                continue;
            }
            let holders: Vec<_> = it.waits_for.iter().map(i32::to_string).collect();
            let holders = holders.join(", ");
            all.push(Found::warning(
                format!("{} waits for pid {holders}", it.session),
                format!("end what {holders} does: see the old transactions, or `SELECT pg_terminate_backend(…)`"),
            ));
        }
    }
}
