//! The verification: one statement for each kind of contradiction between the tables.

use event_core::Result;
use event_core::health::Verification;
use event_sql::verify;

use crate::row::Cells;
use crate::store::Store;

const OPERATION: &str = "verify the store";

/// Everything that the server can tell.
pub(crate) async fn verify(store: &Store) -> Result<Verification> {
    let sql = &store.sql;
    let mut verification = Verification::default();
    for (kind, question) in [
        ("gap_in_versions", &sql.gap_in_versions),
        ("version_beyond_stream", &sql.version_beyond_stream),
        ("wrong_count", &sql.wrong_count),
        ("position_used_twice", &sql.position_used_twice),
        ("event_id_used_twice", &sql.event_id_used_twice),
        ("positions_out_of_order", &sql.positions_out_of_order),
        ("position_beyond_sequence", &sql.position_beyond_sequence),
        ("mixed_stream", &sql.mixed_stream),
        ("event_of_unknown_stream", &sql.event_of_unknown_stream),
        ("keys_contradict", &sql.keys_contradict),
        ("link_to_nothing", &sql.link_to_nothing),
        ("checkpoint_beyond_log", &sql.checkpoint_beyond_log),
        ("snapshot_beyond_stream", &sql.snapshot_beyond_stream),
        ("missing_in_census", &sql.missing_in_census),
    ] {
        let rows = store.fetch(OPERATION, question.query()).await?;
        verification.add(verify::finding(kind, rows.iter().map(Cells::new))?);
    }
    Ok(verification)
}
