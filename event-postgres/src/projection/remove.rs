//! The end of a build that is not read any more.

use event_core::{Error, Result};
use event_sql::rows::to_i32;
use sqlx::Connection;

use super::status;
use crate::error;
use crate::row::Cells;
use crate::sql::Schema;
use crate::status::DropStatus;
use crate::store::Store;

const OPERATION: &str = "drop a projection";

/// Removes a build: its schema with everything in it, and its row, in one transaction; false if it does not exist.
pub(crate) async fn remove(store: &Store, name: &str, build: u32) -> Result<bool> {
    let fail = |error| error::error(OPERATION, error);
    let refused = |reason: String| Error::adapter(OPERATION, reason);
    let Some(found) = status::find(store, name, Some(build)).await? else { return Ok(false) };
    let schema = Schema::new(&found.schema).map_err(refused)?;
    let mut connection = store.pool.open_session(OPERATION).await?;
    let mut transaction = connection.begin().await.map_err(fail)?;
    let query = store.sql.drop_projection.query().bind(name.to_owned()).bind(to_i32(build));
    let row = query.fetch_one(&mut *transaction).await.map_err(fail)?;
    match DropStatus::read(OPERATION, &Cells::new(&row))? {
        DropStatus::Dropped => {}
        DropStatus::Current => {
            let reason = "readers read it; switch to another build first";
            return Err(refused(format!("`{name}`, build {build}: {reason}")));
        }
        DropStatus::NotFound => return Ok(false),
    }
    schema.drop().execute(&mut *transaction).await.map_err(fail)?;
    transaction.commit().await.map_err(fail)?;
    Ok(true)
}
