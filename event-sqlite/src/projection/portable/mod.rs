//! Tables of table projections, whose statements are those of every backend.

mod connection;
mod values;

use std::sync::Arc;

use event_core::adapter::{
    BuildMove, ModelDefinition, NotWritten, OpenTables, TableModel, TableStore, TableWork,
    TenantView, async_trait,
};
use event_core::projection::{TableRow, TableValue};
use event_core::{Error, Result};
use event_sql::tables::{Dialect, TablesSql, Use};
use sqlx::AssertSqlSafe;

use self::connection::{Build, OpenBuild};
use self::values::{Rows, query};
use super::build::check_free;
use super::remove::{Removed, remove_if_old};
use crate::error::application;
use crate::on_thread::OnThread;
use crate::pool::Transaction;
use crate::read_models::begin;
use crate::sql;
use crate::store::Store;

const CREATE: &str = "create the tables of a projection";
const READ: &str = "read tables";

/// The name of a table without a column `tenant`, if there is one.
pub(crate) fn without_tenant(model: TableModel) -> Result<Option<String>> {
    Ok(tables(model)?.without_tenant().map(str::to_owned))
}

/// Does work on the tables of a build in a transaction of another's.
pub(crate) async fn write_in(
    store: &Store,
    transaction: &mut Transaction<'_>,
    (model, step): (TableModel, BuildMove),
    work: Box<dyn TableWork>,
) -> Result<bool, NotWritten> {
    let sql = tables(model)?;
    connection::run(transaction, (store.path(), &sql), (model, step), work, &mut None).await
}

fn tables(model: TableModel) -> Result<TablesSql> {
    TablesSql::new(model, Dialect::Sqlite)
}

#[async_trait]
impl TableStore for OnThread {
    fn check(&self, model: TableModel) -> Result<()> {
        tables(model).map(drop)
    }

    async fn begin(&self, model: TableModel, definition: &ModelDefinition) -> Result<()> {
        let (store, definition) = (Arc::clone(&self.0), definition.clone());
        let sql = tables(model)?;
        let work = async move { store.create_tables(model, &definition, &sql).await };
        self.0.thread.run(CREATE, work).await?
    }

    async fn open(&self, model: TableModel) -> Result<Box<dyn OpenTables>> {
        let build = Build { store: Arc::clone(&self.0), sql: tables(model)?, model };
        Ok(Box::new(OpenBuild(Arc::new(build))))
    }

    async fn query(
        &self,
        model: TableModel,
        view: &TenantView,
        sql: &str,
        params: Vec<TableValue>,
    ) -> Result<Vec<TableRow>> {
        let text = tables(model)?.translate(READ, sql, params.len(), Use::Read(view))?;
        let query = query(READ, text, params)?;
        let (mut rows, mut failed) = (Rows::default(), None);
        let take = |row: sqlx::sqlite::SqliteRow| {
            failed = rows.push(&row).err();
            failed.is_none()
        };
        let read = self.0.pool.each_while(READ, query, take).await;
        read.map_err(|error| named(error, sql))?;
        failed.map_or_else(|| Ok(rows.end()), Err)
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let (store, name) = (Arc::clone(&self.0), name.to_owned());
        let work = async move { remove_if_old(&store, &name, build).await };
        let removed = self.0.thread.run("drop a table projection", work).await??;
        Ok(removed == Removed::Done)
    }
}

/// The same error with the statement that it is about, where trying again is of no use.
fn named(error: Error, sql: &str) -> Error {
    match error {
        Error::Adapter { source, .. } => {
            let sql = event_core::value::Escaped(sql);
            let said = event_core::error::with_causes(&*source);
            Error::adapter(READ, format!("{said}, in the statement `{sql}`"))
        }
        error => error,
    }
}

impl Store {
    async fn create_tables(
        &self,
        model: TableModel,
        definition: &ModelDefinition,
        tables: &TablesSql,
    ) -> Result<()> {
        let (mut transaction, _) = self.begin(CREATE, sql::BEGIN.query()).await?;
        let register = begin(model.name, model.build, definition);
        if transaction.execute(register).await? == 0 {
            transaction.rollback().await;
            return Ok(());
        }
        if let Err(error) = check_free(&mut transaction, tables.place()).await {
            transaction.rollback().await;
            return Err(error);
        }
        for statement in tables.create() {
            let create = sqlx::query(AssertSqlSafe(statement.clone()));
            if let Err(error) = create.execute(transaction.connection()).await {
                transaction.rollback().await;
                let error = application(CREATE, self.path(), error.into());
                return Err(named(error, &statement));
            }
        }
        Ok(transaction.commit().await?)
    }
}
