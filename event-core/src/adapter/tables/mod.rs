//! [`TableStore`]: the tables of table projections, as a backend keeps them.
//!
//! The statements are the author's, with names in braces and `$1` for parameters; the backend translates them to its own
//! dialect. A batch is written by a [`TableWork`] that the backend runs within its own transaction, wherever that has to run.

mod decimal;
mod not_written;
mod row;
mod value;

use async_trait::async_trait;

pub use self::decimal::{Decimal, InvalidDecimal};
pub use self::not_written::{Cause, NotWritten};
pub use self::row::{FromTableValue, TableRow, time_text};
pub use self::value::{IntoParams, TableValue};
use super::TenantView;
use super::builds::{BuildMove, ModelDefinition};
use crate::error::{BoxError, Result};
use crate::value::Position;

/// One build of a table projection.
#[derive(Debug, Clone, Copy)]
pub struct TableModel {
    /// The name of the projection.
    pub name: &'static str,
    /// The number of the build.
    pub build: u32,
    /// The author's statements that create its tables and their indexes.
    pub create: &'static [&'static str],
    /// Whether every tenant may read the rows of a table without a column `tenant`.
    pub is_shared: bool,
}

/// The tables of one build within a transaction. Statements that fail leave the transaction unusable.
#[async_trait]
pub trait TableConnection: Send {
    /// Runs a statement that changes rows; returns how many.
    async fn execute(&mut self, sql: &str, params: Vec<TableValue>) -> Result<u64>;

    /// Runs a statement that returns rows.
    async fn query(&mut self, sql: &str, params: Vec<TableValue>) -> Result<Vec<TableRow>>;
}

/// What is done in a transaction.
#[async_trait]
pub trait TableWork: Send {
    /// Does it.
    async fn run(
        self: Box<Self>,
        connection: &mut dyn TableConnection,
    ) -> std::result::Result<(), BoxError>;
}

/// The tables of one build, opened to be written.
#[async_trait]
pub trait OpenTables: Send {
    /// The name of a table that has no column `tenant`, if there is one.
    fn without_tenant(&self) -> Option<&str>;

    /// Moves the checkpoint of the build and does the work, in one transaction; `false`, and nothing is done, where the move
    /// is not possible: as [`Written::Stale`](super::Written::Stale). Dropping the future undoes all or nothing.
    async fn write(
        &mut self,
        step: BuildMove,
        work: Box<dyn TableWork>,
    ) -> std::result::Result<bool, NotWritten>;

    /// Does the work in a transaction that is undone: why it fails, if it does.
    async fn try_out(&mut self, from: Position, work: Box<dyn TableWork>) -> Option<NotWritten>;
}

/// Stores the tables of table projections. The contract suite tests every promise, in the group `tables`.
#[async_trait]
pub trait TableStore: Send + Sync {
    /// Checks the statements that create the tables, without running anything.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::Error::Adapter) for one that the backend cannot translate, naming it.
    fn check(&self, model: TableModel) -> Result<()>;

    /// Registers a build, as [`ReadModelStore::begin`](super::ReadModelStore::begin), and creates its tables, in one
    /// transaction; nothing if its number is taken.
    async fn begin(&self, model: TableModel, definition: &ModelDefinition) -> Result<()>;

    /// Opens the tables of a build.
    async fn open(&self, model: TableModel) -> Result<Box<dyn OpenTables>>;

    /// Runs a statement that only reads, on the rows that the view of tenants includes: of a table with a column `tenant`,
    /// those of the tenant; a table without one is refused, unless all tenants are seen or it is `shared`.
    async fn query(
        &self,
        model: TableModel,
        view: &TenantView,
        sql: &str,
        params: Vec<TableValue>,
    ) -> Result<Vec<TableRow>>;

    /// Removes a build with its tables, unless it is the current one. Returns whether it was removed.
    async fn remove(&self, name: &str, build: u32) -> Result<bool>;
}
