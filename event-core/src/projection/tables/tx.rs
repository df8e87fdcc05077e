//! [`TablesTx`]: the tables of a projection within a transaction.

use std::fmt;

use crate::adapter::TableConnection;
use crate::adapter::tables::{IntoParams, TableRow, TableValue};
use crate::error::{Error, Result, with_causes};
use crate::projection::Effects;

const OPERATION: &str = "write a table projection";

/// The tables of a projection within the transaction that moves its checkpoint. An event is applied through it.
pub struct TablesTx<'t> {
    connection: &'t mut dyn TableConnection,
    /// The first error of a statement, in words.
    failed: Option<String>,
    effects: Effects,
}

impl<'t> TablesTx<'t> {
    pub(super) fn new(connection: &'t mut dyn TableConnection, effects: Effects) -> Self {
        Self { connection, failed: None, effects }
    }

    /// Collects side effects, such as a mail or a request, which run after the commit; see [`Effects`].
    pub const fn effects(&mut self) -> &mut Effects {
        &mut self.effects
    }

    /// Runs `INSERT`, `UPDATE` or `DELETE`; returns how many rows it changed.
    ///
    /// # Errors
    /// [`Error::Adapter`] for a table that was not declared, for another kind of statement, and for what the database refuses.
    /// After an error nothing of the transaction is kept.
    pub async fn execute(&mut self, sql: &str, params: impl IntoParams) -> Result<u64> {
        let params = self.params(params)?;
        let done = self.connection.execute(sql, params).await;
        self.noted(done)
    }

    /// Runs a statement that returns rows: `SELECT`, or a change with `RETURNING`. It sees what was written before.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query(&mut self, sql: &str, params: impl IntoParams) -> Result<Vec<TableRow>> {
        let params = self.params(params)?;
        let found = self.connection.query(sql, params).await;
        self.noted(found)
    }

    fn params(&mut self, params: impl IntoParams) -> Result<Vec<TableValue>> {
        let checked = checked(OPERATION, params);
        self.noted(checked)
    }

    fn noted<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result
            && self.failed.is_none()
        {
            self.failed = Some(with_causes(error));
        }
        result
    }

    /// The effects; an error where a statement failed and the projection went on.
    pub(super) fn end(self) -> Result<Effects> {
        match self.failed {
            None => Ok(self.effects),
            Some(failed) => {
                let reason = format!("a statement failed, and its error was dropped: {failed}");
                Err(Error::adapter(OPERATION, reason))
            }
        }
    }
}

/// The values of parameters, if every backend stores them.
pub(super) fn checked(operation: &'static str, params: impl IntoParams) -> Result<Vec<TableValue>> {
    let params = params.into_params();
    for (number, value) in (1..).zip(&params) {
        if let Some(what) = value.refused() {
            let reason = format!("the parameter ${number} is {what}, which no backend stores");
            return Err(Error::adapter(operation, reason));
        }
    }
    Ok(params)
}

impl fmt::Debug for TablesTx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TablesTx").field("failed", &self.failed).finish_non_exhaustive()
    }
}
