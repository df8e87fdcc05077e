//! What is checked before a store opens: its schema is up to date, and the file can be written.

use event_core::{Error, Migrate, Result};
use sqlx::Connection;

use crate::pool::run;
use crate::store::Store;
use crate::{migrate, network, sql};

const OPERATION: &str = "open the store";

/// Creates the file or brings it up to date, and checks that it can be written.
pub(crate) async fn open(store: &Store, mode: Migrate) -> Result<()> {
    let pool = &store.pool;
    migrate::require_file(pool, mode)?;
    let mut connection = pool.open_writer(OPERATION).await?;
    migrate::run(pool, &mut connection, mode).await?;
    // A file that the system protects is silently opened for reading; only a writer finds out.
    let written = run(&mut connection, sql::TRY_WRITE).await;
    match written.map_err(|error| pool.error(OPERATION, error)) {
        // Another program writes at this moment: so the file can be written.
        Ok(_) | Err(Error::Overloaded { .. }) => {}
        Err(error) => return Err(error),
    }
    pool.fix(OPERATION).await?;
    // The schema is up to date; a connection that does not close properly changes nothing about that.
    let _ = connection.close().await;
    network::warn(pool.path());
    Ok(())
}
