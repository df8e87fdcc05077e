//! [`Store`]: what the statements of the other files need to run.

use std::sync::Arc;

use event_core::Result;
use event_sql::census::Census;
use event_sql::error::no_answer;
use sqlx::postgres::PgRow;

use crate::error::Failure;
use crate::lineage::Lineage;
use crate::options::{Address, PgOptions};
use crate::pool::Pool;
use crate::soundness::Soundness;
use crate::sql::{PgQuery, Statements};
use crate::stride::Stride;
use crate::tokens::Tokens;
use crate::turns::Waits;

/// The connections to one server, and the statements for its schema.
pub(crate) struct Store {
    pub(crate) pool: Pool,
    pub(crate) sql: Arc<Statements>,
    /// The versions of events that this process knows to be recorded.
    pub(crate) census: Census,
    /// How many positions a statement of a filtered page looks at.
    pub(crate) stride: Stride,
    /// Which server what is known was made on.
    pub(crate) lineage: Lineage,
    /// In which epoch the leases of this process were taken.
    pub(crate) tokens: Tokens,
    /// Whether the sequences fit their rows.
    pub(crate) sequences: Soundness,
    /// Who may wait for locks.
    pub(crate) waits: Waits,
}

impl Store {
    /// A store without connections; they are opened on demand.
    pub(crate) fn new(options: &PgOptions) -> Self {
        let sql = Arc::new(Statements::new(options.schema.clone()));
        let (census, stride, lineage, tokens, sequences) = Default::default();
        Self {
            pool: Pool::new(options, Arc::clone(&sql)),
            sql,
            census,
            stride,
            lineage,
            tokens,
            sequences,
            waits: Waits::new(options),
        }
    }

    /// The same store on another server, reached without a pooler.
    pub(crate) fn at(&self, options: &PgOptions, address: &Address) -> Self {
        let sql = Arc::clone(&self.sql);
        let pool = Pool::at(options, address, Arc::clone(&sql));
        let (census, stride, lineage, tokens, sequences) = Default::default();
        let waits = Waits::new(options);
        Self { pool, sql, census, stride, lineage, tokens, sequences, waits }
    }

    /// Runs one statement and returns all its rows.
    pub(crate) async fn fetch(
        &self,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut rows = Vec::new();
        self.pool.each(operation, query, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Runs one statement that returns a row.
    pub(crate) async fn fetch_one(
        &self,
        operation: &'static str,
        query: PgQuery<'_>,
    ) -> Result<PgRow> {
        let mut answer = None;
        self.pool.each(operation, query, |row| answer = Some(row)).await?;
        answer.ok_or_else(|| no_answer(operation))
    }
}
