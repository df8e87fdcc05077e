//! The transactions of a projection, and what one of them failed at.
//!
//! The limit of time is one for a statement. The server ends a statement that reaches it; a projection that does nothing
//! for as long is found out through the server, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use event_core::error::BoxError;
use event_core::{Error, Position, Result};
use event_sql::projector::{Cause, Move, NotWritten, ProjectionBuild};
use event_sql::rows::to_i64;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, timeout};

use super::names::{mark, named};
use crate::epoch::look_into;
use crate::error;
use crate::lineage::{ServerOf, Started};
use crate::pool::{Session, is_alive};
use crate::row::Cells;
use crate::sql::{PgQuery, Schema};
use crate::store::Store;

const OPERATION: &str = "write a projection";
/// How long it may take to find out what a statement was.
const INQUIRY: Duration = Duration::from_secs(2);

/// The tables of one build, and the connection that writes them.
pub(super) struct Target {
    pub(super) store: Arc<Store>,
    pub(super) build: ProjectionBuild,
    pub(super) schema: Schema,
    /// Put back only after a complete transaction; since when it is idle.
    pub(super) connection: Option<(Session, Instant)>,
}

/// What is done within a transaction, after the checkpoint is moved.
pub(super) trait Work: Send {
    fn run(
        self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Moves the checkpoint and does the work; false where the checkpoint is not `from`, the build is current where it must not be, or
/// the reverse, or the log is another one.
pub(super) async fn write(
    target: &mut Target,
    (from, to, is_current): (Position, Move, Option<bool>),
    epoch: u64,
    work: impl Work,
) -> Result<bool, NotWritten> {
    // Its events are of a log that was replaced since: they are read again.
    let ServerOf::Now(started) = target.store.lineage.server_of(epoch) else {
        return Ok(false);
    };
    let mut connection = take(target).await?;
    let attempt = Attempt::of(target);
    let work = async {
        let mut transaction = connection.begin().await.map_err(fail)?;
        let moved = attempt.enter(&mut transaction, (from, to, is_current), started).await?;
        if moved != Some(true) {
            transaction.rollback().await.map_err(fail)?;
            return Ok(moved);
        }
        if let Err(error) = work.run(&mut transaction).await {
            return Err(attempt.refused(error).await);
        }
        transaction.commit().await.map_err(fail)?;
        Ok(Some(true))
    };
    let moved = attempt.watch(work).await?;
    target.connection = Some((connection, Instant::now()));
    if moved.is_none() {
        look_into(&target.store).await?;
    }
    Ok(moved.unwrap_or(false))
}

/// Does the work in a transaction that is undone: why it fails, if it does.
pub(super) async fn try_out(
    target: &mut Target,
    from: Position,
    work: impl Work,
) -> Option<NotWritten> {
    let mut connection = take(target).await.ok()?;
    let attempt = Attempt::of(target);
    let stay = Move::nowhere(from);
    let work = async {
        let mut transaction = connection.begin().await.map_err(fail)?;
        if attempt.enter(&mut transaction, (from, stay, None), None).await? != Some(true) {
            return Ok(None);
        }
        match work.run(&mut transaction).await {
            Ok(()) => Ok(None),
            Err(error) => Ok(Some(attempt.refused(error).await)),
        }
    };
    // The connection is closed with the transaction open: nothing of it stays.
    attempt.watch(work).await.ok().flatten()
}

async fn take(target: &mut Target) -> Result<Session> {
    if let Some((mut connection, since)) = target.connection.take()
        && is_alive(&mut connection, since).await
    {
        return Ok(connection);
    }
    target.store.pool.open_patient_session(OPERATION).await
}

fn fail(error: sqlx::Error) -> NotWritten {
    error::error(OPERATION, error).into()
}

/// The statement that moves the checkpoint of a build, which locks its row.
pub(super) fn moving<'q>(
    store: &Store,
    build: &ProjectionBuild,
    (from, to, is_current): (Position, Move, Option<bool>),
    schema: &Schema,
    started: Option<Started>,
) -> PgQuery<'q> {
    let Move { up_to, events, event_id, event_position, event_at } = to;
    let query = named(&store.sql.move_projection, build).bind(to_i64(from.get()));
    let query = query.bind(up_to).bind(events).bind(event_id).bind(event_position);
    query.bind(event_at).bind(schema.quoted()).bind(started).bind(is_current)
}

/// One transaction, and who runs it on the server.
struct Attempt<'b> {
    store: &'b Store,
    build: &'b ProjectionBuild,
    schema: &'b Schema,
    /// The server's process; 0 before it is known.
    pid: AtomicI32,
}

impl<'b> Attempt<'b> {
    fn of(target: &'b Target) -> Self {
        let Target { store, build, schema, .. } = target;
        Self { store, build, schema, pid: AtomicI32::new(0) }
    }

    /// Moves the checkpoint, which locks its row; `None` on another server than the one that started then.
    async fn enter(
        &self,
        transaction: &mut PgConnection,
        (from, to, is_current): (Position, Move, Option<bool>),
        started: Option<Started>,
    ) -> Result<Option<bool>, NotWritten> {
        let query = moving(self.store, self.build, (from, to, is_current), self.schema, started);
        let row = query.fetch_one(transaction).await.map_err(fail)?;
        let cells = Cells::new(&row);
        self.pid.store(cells.get("pid")?, Ordering::Relaxed);
        Ok(cells.get("moved")?)
    }

    /// Waits for a transaction as long as the server works for it, or did so not long ago.
    async fn watch<T>(
        &self,
        work: impl Future<Output = Result<T, NotWritten>>,
    ) -> Result<T, NotWritten> {
        let pool = &self.store.pool;
        let mut work = std::pin::pin!(work);
        loop {
            if let Ok(result) = timeout(pool.deadline(), &mut work).await {
                return result;
            }
            let (statement, is_recent) = self.last_statement().await.unwrap_or_default();
            if !is_recent {
                let cause = if statement.is_empty() { Cause::Store } else { Cause::TooSlow };
                let statement = (!statement.is_empty()).then_some(statement);
                return Err(NotWritten::new(pool.no_answer(OPERATION), cause, statement));
            }
        }
    }

    /// The statement that the server runs for this transaction, or ran last, and whether it began or ended recently.
    async fn last_statement(&self) -> Option<(String, bool)> {
        let pid = self.pid.load(Ordering::Relaxed);
        let limit = i64::try_from(self.store.pool.deadline().as_millis()).unwrap_or(i64::MAX);
        let query = self.store.sql.statement_of.query().bind(pid).bind(limit);
        let rows = timeout(INQUIRY, self.store.fetch(OPERATION, query)).await.ok()?.ok()?;
        let cells = Cells::new(rows.first()?);
        Some((cells.get("query").ok()?, cells.get("is_recent").ok()?))
    }

    /// What an error of the projection is.
    async fn refused(&self, error: BoxError) -> NotWritten {
        let Some(code) = code(&*error) else {
            return NotWritten::new(error::application(OPERATION, error), Cause::Projection, None);
        };
        // It can be asked for as long as the transaction is open.
        let statement = self.last_statement().await.map(|(statement, _)| statement);
        let statement = statement.filter(|statement| !statement.is_empty());
        let cause = match code.as_str() {
            "57014" | "25P03" => Cause::TooSlow,
            _ => Cause::Projection,
        };
        let error = match code.as_str() {
            "3F000" | "42P01" | "42501" => self.about_schema(error).await,
            _ => error::application(OPERATION, error),
        };
        NotWritten::new(error, cause, statement)
    }

    /// The same error with what is wrong with the schema, if anything is.
    async fn about_schema(&self, error: BoxError) -> Error {
        let name = &self.build.schema;
        let mark = mark(self.store.sql.schema(), self.build.name, self.build.number);
        let query = self.store.sql.schema_of_build.query().bind(name.clone()).bind(mark);
        let Ok(Ok(row)) = timeout(INQUIRY, self.store.fetch_one(OPERATION, query)).await else {
            return error::application(OPERATION, error);
        };
        let is_missing_right = code(&*error).as_deref() == Some("42501");
        let cells = Cells::new(&row);
        match (cells.get("is_there"), cells.get::<bool>("may_use"), cells.get::<String>("role")) {
            (Ok(false), ..) => Error::adapter(OPERATION, SchemaGone { name: name.clone(), error }),
            (_, Ok(may_use), Ok(role)) if !may_use || is_missing_right => {
                Error::adapter(OPERATION, NoRights { role, name: name.clone(), error })
            }
            _ => error::application(OPERATION, error),
        }
    }
}

/// The server's code of an error, or of what caused it.
fn code(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(sqlx::Error::Database(error)) = error.downcast_ref() {
            return error.code().map(std::borrow::Cow::into_owned);
        }
        next = error.source();
    }
    None
}

/// The schema of a build does not exist.
#[derive(Debug, thiserror::Error)]
#[error("the schema `{name}` of the projection does not exist: it was dropped")]
struct SchemaGone {
    name: String,
    #[source]
    error: BoxError,
}

/// The role may not use the tables of a build.
#[derive(Debug, thiserror::Error)]
#[error(
    "the role `{role}` lacks a right on the schema `{name}` of the projection; let the owner of the store call \
     `store.grant(role)` (`PgAdapter::grant_to`) for it, again after a build by another role"
)]
struct NoRights {
    role: String,
    name: String,
    #[source]
    error: BoxError,
}
