//! The verification: SQLite's own check of the file, and one statement for each kind of contradiction.

use event_core::adapter::{Adapter, TenantView};
use event_core::error::with_causes;
use event_core::health::{Finding, Verification};
use event_core::{AllOptions, Error, Result};
use event_sql::verify;
use sqlx::sqlite::SqliteRow;

use crate::row::Cells;
use crate::sql::{self, Statement};
use crate::store::Store;

const OPERATION: &str = "verify the store";
/// What SQLite finds itself: pages, indexes, constraints.
const DAMAGED: &str = "damaged_file";

const QUESTIONS: [(&str, Statement); 16] = [
    ("gap_in_versions", sql::GAP_IN_VERSIONS),
    ("version_beyond_stream", sql::VERSION_BEYOND_STREAM),
    ("wrong_count", sql::WRONG_COUNT),
    ("position_used_twice", sql::POSITION_USED_TWICE),
    ("event_id_used_twice", sql::EVENT_ID_USED_TWICE),
    ("positions_out_of_order", sql::POSITIONS_OUT_OF_ORDER),
    ("position_beyond_sequence", sql::POSITION_BEYOND_SEQUENCE),
    ("unknown_state", sql::UNKNOWN_STATE),
    ("mixed_stream", sql::MIXED_STREAM),
    ("event_of_unknown_stream", sql::EVENT_OF_UNKNOWN_STREAM),
    ("keys_contradict", sql::KEYS_CONTRADICT),
    ("link_to_nothing", sql::LINK_TO_NOTHING),
    ("checkpoint_beyond_log", sql::CHECKPOINT_BEYOND_LOG),
    ("snapshot_beyond_stream", sql::SNAPSHOT_BEYOND_STREAM),
    ("missing_in_census", sql::MISSING_IN_CENSUS),
    ("time_beyond_dates", sql::TIME_BEYOND_DATES),
];

/// Everything that SQLite can tell.
pub(crate) async fn verify(store: &Store) -> Result<Verification> {
    let mut verification = Verification::default();
    let mut damaged = Finding::new(DAMAGED);
    for fault in faults(&store.fetch(OPERATION, sql::CHECK.query()).await?)? {
        damaged.add(fault);
    }
    for (kind, question) in QUESTIONS {
        let rows = store.fetch(OPERATION, question.query()).await;
        match rows.and_then(|rows| verify::finding(kind, rows.iter().map(Cells::new))) {
            Ok(finding) => verification.add(finding),
            // A damaged page answers nothing.
            Err(error @ Error::Corrupt { .. }) => damaged.add(with_causes(&error)),
            Err(error) => return Err(error),
        }
    }
    verification.add(damaged);
    Ok(verification)
}

/// What SQLite's own check found.
pub(crate) fn faults(rows: &[SqliteRow]) -> Result<Vec<String>> {
    let found: Vec<String> =
        rows.iter().map(|row| Cells::new(row).first()).collect::<Result<_>>()?;
    Ok(if found == ["ok"] { Vec::new() } else { found })
}

/// Reads every event of every tenant, and finds those that cannot be read.
pub(crate) async fn events(adapter: &impl Adapter) -> Result<Finding> {
    let mut finding = Finding::new("unreadable_event");
    let mut options = AllOptions::new();
    loop {
        let page = match adapter.read_all(&TenantView::All, &options).await {
            Ok(page) => page,
            Err(error @ Error::Corrupt { .. }) => {
                finding.add(with_causes(&error));
                return Ok(finding);
            }
            Err(error) => return Err(error),
        };
        let Some(last) = page.last() else { return Ok(finding) };
        options = options.after(last.position());
        for event in page {
            if let Some(damage) = event.damage() {
                finding.add(format!("{}: {damage}", event.location()));
            }
        }
    }
}
