//! Tables of table projections, whose statements are those of every backend.

mod numeric;
mod open;
mod values;

use std::sync::Arc;

use event_core::adapter::{
    ModelDefinition, OpenTables, TableModel, TableStore, TenantView, async_trait,
};
use event_core::error::with_causes;
use event_core::projection::{TableRow, TableValue};
use event_core::value::Escaped;
use event_core::{Error, Filter, Result};
use event_sql::projector::ProjectionBuild;
use event_sql::tables::{Dialect, TablesSql, Use};
use sqlx::{AssertSqlSafe, Connection, SqlSafeStr};

use self::open::OpenBuild;
use self::values::{Rows, arguments};
use super::attempt::Target;
use super::build::create_schema;
use super::remove::remove_by;
use crate::read_models::{ReadModels, begin};
use crate::row::Cells;
use crate::sql::Schema;
use crate::status::DropStatus;
use crate::{error, grant};

const CREATE: &str = "create the tables of a projection";
const OPEN: &str = "open the tables of a projection";
const READ: &str = "read tables";

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
        let fail = |error| error::error(CREATE, error);
        let (store, tables) = (&self.0, tables(model)?);
        let schema = schema(CREATE, &tables)?;
        let mut connection = store.pool.open_patient_session(CREATE).await?;
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
        let types = self.0.pool.describe(READ, text.clone()).await;
        let types = types.map_err(|failed| named(READ, failed.into(), sql))?;
        let arguments = arguments(READ, &params, types.as_deref())?;
        let mut rows = Rows::default();
        let query = sqlx::query_with(text, arguments);
        let read = self.0.pool.each(READ, query, |row| rows.push(&row)).await;
        read.map_err(|failed| named(READ, failed.into(), sql))?;
        rows.end()
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let removed = remove_by(&self.0, &self.0.sql.drop_read_model, name, build).await?;
        Ok(matches!(removed, DropStatus::Dropped))
    }
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
