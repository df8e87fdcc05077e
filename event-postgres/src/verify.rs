//! The verification: one statement for each kind of contradiction between the tables.

use event_core::health::Verification;
use event_core::{Error, Result};
use event_sql::verify;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Executor};

use crate::error;
use crate::pool::Session;
use crate::row::Cells;
use crate::sql::Statement;
use crate::store::Store;

const OPERATION: &str = "verify the store";
/// Each statement reads whole tables: it takes as long as that takes, and the plans that are good for it.
const WHOLE_TABLES: &str = "SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on; \
                            SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on";

/// Everything that the server can tell.
pub(crate) async fn verify(store: &Store) -> Result<Verification> {
    let sql = &store.sql;
    let mut verification = Verification::default();
    let mut session = store.pool.open(OPERATION).await?;
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
        let rows = ask(store, &mut session, question).await?;
        verification.add(verify::finding(kind, rows.iter().map(Cells::new))?);
    }
    session.close().await;
    Ok(verification)
}

/// The answer to one question, for as long as the server works on it.
async fn ask(store: &Store, session: &mut Session, question: &Statement) -> Result<Vec<PgRow>> {
    let process = session.process();
    let work = async {
        let fail = |failed| error::error(OPERATION, failed);
        let connection: &mut PgConnection = session;
        let mut transaction = connection.begin().await.map_err(fail)?;
        transaction.execute(WHOLE_TABLES).await.map_err(fail)?;
        let query = question.query().persistent(false);
        let rows = query.fetch_all(&mut *transaction).await.map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        Ok::<_, Error>(rows)
    };
    store.pool.answered(OPERATION, process, work).await
}
