//! The end of a build that is not read any more.

use event_core::{Error, Result};
use event_sql::projector::own_name;
use event_sql::rows::to_i32;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::names::mark;
use crate::error;
use crate::row::Cells;
use crate::sql::{Schema, Statement};
use crate::status::DropStatus;
use crate::store::Store;

const OPERATION: &str = "drop a projection";

/// Removes a build: its schema with everything in it, and its row, in one transaction; false if it does not exist.
pub(crate) async fn remove(store: &Store, name: &str, build: u32) -> Result<bool> {
    match remove_by(store, &store.sql.drop_projection, name, build).await? {
        DropStatus::Dropped => Ok(true),
        DropStatus::NotFound => Ok(false),
        DropStatus::Current => {
            let reason = "readers read it; switch to another build first";
            Err(Error::adapter(OPERATION, format!("`{name}`, build {build}: {reason}")))
        }
    }
}

/// The same by one of the statements that remove the row of a build; nothing is done unless that one does it.
pub(super) async fn remove_by(
    store: &Store,
    statement: &Statement,
    name: &str,
    build: u32,
) -> Result<DropStatus> {
    let refused = |reason: String| Error::adapter(OPERATION, reason);
    // The name is computed: what a row says could be any schema, this store's own as well.
    let Some(schema) = own_name(name, build) else { return Ok(DropStatus::NotFound) };
    let schema = Schema::new(&schema).map_err(refused)?;
    let mut connection = store.pool.open_session(OPERATION).await?;
    let process = connection.process();
    let work = remove_in(store, &mut connection, statement, (name, build), &schema);
    store.pool.answered(OPERATION, process, work).await
}

async fn remove_in(
    store: &Store,
    connection: &mut PgConnection,
    statement: &Statement,
    (name, build): (&str, u32),
    schema: &Schema,
) -> Result<DropStatus> {
    let fail = |error| error::error(OPERATION, error);
    let refused = |reason: String| Error::adapter(OPERATION, reason);
    let query = statement.query().bind(name.to_owned()).bind(to_i32(build));
    let mut transaction = connection.begin().await.map_err(fail)?;
    let row = query.fetch_one(&mut *transaction).await.map_err(fail)?;
    let status = DropStatus::read(OPERATION, &Cells::new(&row))?;
    if !matches!(status, DropStatus::Dropped) {
        return Ok(status);
    }
    let mark = mark(store.sql.schema(), name, build);
    let query = store.sql.schema_of_build.query().bind(schema.as_str().to_owned());
    let row = query.bind(mark.clone()).fetch_one(&mut *transaction).await.map_err(fail)?;
    let cells = Cells::new(&row);
    if cells.get("is_there")? {
        if !cells.get::<bool>("is_marked")? {
            let remedy = format!(
                "the schema `{}` does not carry the mark of `{name}`, build {build}, and stays; if it is the build's, its owner \
                 says `{}`",
                schema.as_str(),
                schema.mark(&mark)
            );
            return Err(refused(remedy));
        }
        schema.drop().execute(&mut *transaction).await.map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)?;
    Ok(status)
}
