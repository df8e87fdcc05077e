//! The end of a build that nobody reads any more.

use event_core::{Error, Result};
use sqlx::Connection;

use crate::adapter::PgAdapter;
use crate::error;
use crate::row::Cells;
use crate::sql::Schema;
use crate::status::DropStatus;

const OPERATION: &str = "drop a projection";

impl PgAdapter {
    /// Removes a build of a projection: its schema with everything in it, and its place in the log, in one transaction.
    /// False if there is none. A process that still runs it stops with an error.
    ///
    /// # Errors
    /// [`Error::Adapter`] for the current build, which readers read, and where the role does not own the schema;
    /// [`Error::Connection`].
    pub async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        let fail = |error| error::error(OPERATION, error);
        let (pool, sql) = self.parts();
        let Some(status) = self.projection_status(name, Some(build)).await? else {
            return Ok(false);
        };
        let refused = |reason: String| Error::adapter(OPERATION, reason);
        let schema = Schema::new(&status.schema).map_err(refused)?;
        let mut connection = pool.open_session(OPERATION).await?;
        let mut transaction = connection.begin().await.map_err(fail)?;
        // What was found has a number that the column holds.
        let number = i32::try_from(build).unwrap_or(i32::MAX);
        let query = sql.drop_projection.query().bind(name.to_owned()).bind(number);
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
}
