//! The rights of a role that uses a store without owning its schema.

use event_core::Result;
use sqlx::AssertSqlSafe;

use crate::error;
use crate::row::Cells;
use crate::store::Store;

const OPERATION: &str = "grant the use of the store";

/// Lets a role use the store; see [`PgAdapter::grant_to`](crate::PgAdapter::grant_to).
pub(crate) async fn to(store: &Store, role: &str) -> Result<()> {
    let schema = store.sql.schema().as_str().to_owned();
    let query = store.sql.grant.query().bind(role.to_owned()).bind(schema);
    let rows = store.fetch(OPERATION, query).await?;
    let mut connection = store.pool.open(OPERATION).await?;
    for row in &rows {
        // The server builds this statement, and quotes both names.
        let statement: String = Cells::new(row).get("statement")?;
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .map_err(|error| error::error(OPERATION, error))?;
    }
    Ok(())
}
