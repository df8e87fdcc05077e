//! Tables of table projections, whose statements are those of every backend.

mod numeric;
mod open;
mod values;

use std::sync::Arc;

use event_core::adapter::{
    BuildMove, ModelDefinition, NotWritten, OpenTables, TableModel, TableStore, TableWork,
    TenantView, async_trait,
};
use event_core::error::with_causes;
use event_core::projection::{TableRow, TableValue};
use event_core::value::Escaped;
use event_core::{Error, Filter, Result};
use event_sql::projector::{Move, ProjectionBuild};
use event_sql::tables::{Dialect, TablesSql, Use};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, SqlSafeStr};

use self::open::OpenBuild;
use self::values::{Rows, arguments};
use super::attempt::{self, Target};
use super::build::create_schema;
use super::remove::remove_by;
use crate::read_models::{ReadModels, begin};
use crate::row::Cells;
use crate::sql::Schema;
use crate::status::DropStatus;
use crate::store::Store;
use crate::{error, grant};

const CREATE: &str = "create the tables of a projection";
const OPEN: &str = "open the tables of a projection";
const READ: &str = "read tables";

/// The name of a table without a column `tenant`, if there is one.
pub(crate) fn without_tenant(model: TableModel) -> Result<Option<String>> {
    Ok(tables(model)?.without_tenant().map(str::to_owned))
}

/// Does work on the tables of a build in a transaction of another's; false, and nothing is done, where the build cannot be moved.
pub(crate) async fn write_in(
    store: &Store,
    connection: &mut PgConnection,
    (model, step): (TableModel, BuildMove),
    work: Box<dyn TableWork>,
) -> Result<bool, NotWritten> {
    let sql = tables(model)?;
    let schema = schema(OPEN, &sql)?;
    let to = Move::to(step.up_to, step.events, step.last);
    let build = ProjectionBuild::new(OPEN, (model.name, model.build), Filter::all(), |own| own)?;
    let moving = attempt::moving(store, &build, (step.from, to, step.is_current), &schema, None);
    let row =
        moving.fetch_one(&mut *connection).await.map_err(|failed| error::error(OPEN, failed))?;
    if Cells::new(&row).get::<Option<bool>>("moved")? != Some(true) {
        return Ok(false);
    }
    open::run(connection, &sql, work).await.map(|()| true)
}

fn tables(model: TableModel) -> Result<TablesSql> {
    TablesSql::new(model, Dialect::Postgres)
}

fn schema(operation: &'static str, tables: &TablesSql) -> Result<Schema> {
    Schema::new(tables.place()).map_err(|reason| Error::adapter(operation, reason))
}

#[async_trait]
impl TableStore for ReadModels {
    fn check(&self, model: TableModel) -> Result<()> {
        tables(model).map(drop)
    }

    async fn begin(&self, model: TableModel, definition: &ModelDefinition) -> Result<()> {
        let store = &self.0;
        let mut connection = store.pool.open_patient_session(CREATE).await?;
        let process = connection.process();
        let work = begin_build(store, &mut connection, model, definition);
        store.pool.answered(CREATE, process, work).await
    }

    async fn open(&self, model: TableModel) -> Result<Box<dyn OpenTables>> {
        let sql = tables(model)?;
        let schema = schema(OPEN, &sql)?;
        let named = (model.name, model.build);
        let build = ProjectionBuild::new(OPEN, named, Filter::all(), |own| own)?;
        let target = Target { store: Arc::clone(&self.0), build, schema, connection: None };
        Ok(Box::new(OpenBuild { target, sql: Arc::new(sql) }))
    }

    async fn query(
        &self,
        model: TableModel,
        view: &TenantView,
        sql: &str,
        params: Vec<TableValue>,
    ) -> Result<Vec<TableRow>> {
        let text = tables(model)?.translate(READ, sql, params.len(), Use::Read(view))?;
        let text = AssertSqlSafe(text).into_sql_str();
        let pool = &self.0.pool;
        // Types from an earlier call may be those of tables that were made anew since.
        let mut may_be_stale = pool.knows_types(&text);
        loop {
            let types = pool.types(READ, &text).await;
            let types = types.map_err(|failed| named(READ, failed.into(), sql))?;
            let arguments = arguments(READ, &params, types.as_deref())?;
            let mut rows = Rows::default();
            let query = sqlx::query_with(text.clone(), arguments);
            let Err(failed) = pool.each(READ, query, |row| rows.push(&row)).await else {
                return rows.end();
            };
            let error = Error::from(failed);
            if error.is_transient() || !may_be_stale {
                return Err(named(READ, error, sql));
            }
            pool.forget_types(&text);
            may_be_stale = false;
        }
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let removed = remove_by(&self.0, &self.0.sql.drop_read_model, name, build).await?;
        Ok(matches!(removed, DropStatus::Dropped))
    }
}

/// Registers a build and creates its tables, unless that is done, in one transaction.
async fn begin_build(
    store: &Store,
    connection: &mut PgConnection,
    model: TableModel,
    definition: &ModelDefinition,
) -> Result<()> {
    let fail = |error| error::error(CREATE, error);
    let tables = tables(model)?;
    let schema = schema(CREATE, &tables)?;
    let mut transaction = connection.begin().await.map_err(fail)?;
    let register = begin(&store.sql, model.name, model.build, definition);
    let row = register.fetch_one(&mut *transaction).await.map_err(fail)?;
    if Cells::new(&row).get("is_new")? {
        create_schema(store, &mut transaction, (model.name, model.build), &schema).await?;
        for statement in tables.create() {
            let create = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
            let created = create.execute(&mut *transaction).await;
            created.map_err(|error| named(CREATE, fail(error), &statement))?;
        }
        grant::build(&mut transaction, &store.sql, schema.as_str()).await.map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)
}

/// The same error with the statement that it is about, where trying again is of no use.
fn named(operation: &'static str, error: Error, sql: &str) -> Error {
    match error {
        Error::Adapter { source, .. } => {
            let (said, sql) = (with_causes(&*source), Escaped(sql));
            Error::adapter(operation, format!("{said}, in the statement `{sql}`"))
        }
        error => error,
    }
}
