//! Import: a batch from another store, in one transaction on a connection of its own, judged by the core.
//!
//! An import chooses times and positions, so it needs the rights of the schema's owner: the functions that other roles
//! write by do not help. The rows of the streams are locked before a position is assigned, as for an append. Kept
//! positions are written under a lock on the table of events, all after the last assigned position: a reader at the end
//! of the log has passed none of them. A batch that meets a lock waits a moment, lets go of its own, and begins again:
//! writers never wait behind an import that waits itself.

mod batch;
mod columns;

use std::sync::Arc;

use event_core::Result;
use event_core::adapter::import::{ImportBatch, Imported};
use event_sql::import::OPERATION;
use sqlx::Connection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use self::batch::Batch;
use crate::error::{self, Failure};
use crate::patience::{Patience, SHORT_LOCKS};
use crate::pool::{self, is_alive};
use crate::sql::{PLAN_EACH_CALL, Statements};
use crate::store::Store;

/// One import at a time, on a connection that is kept while it works.
#[derive(Default)]
pub(crate) struct Importer(Arc<Mutex<Option<Session>>>);

/// The session at work. Where its caller goes away, the next import begins when the server has ended this one.
struct AtWork<'s> {
    store: &'s Store,
    rest: Option<(Session, OwnedMutexGuard<Option<Session>>)>,
}

impl AtWork<'_> {
    async fn attempt(&mut self, batch: &ImportBatch) -> Result<Imported, Failure> {
        match &mut self.rest {
            Some((session, _)) => session.attempt(self.store, batch).await,
            None => Err(self.store.pool.no_answer(OPERATION).into()),
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if let (Some((session, slot)), Ok(runtime)) = (self.rest.take(), Handle::try_current()) {
            runtime.spawn(async move {
                session.connection.end().await;
                drop(slot);
            });
        }
    }
}

/// The connection, and how many events were stored over it.
struct Session {
    connection: pool::Session,
    /// Since when it is idle.
    since: Instant,
    stored: u64,
    /// When the statistics of the planner are updated next; four times as much each time.
    analyze_at: u64,
}

impl Importer {
    /// Stores a batch.
    pub(crate) async fn import(&self, store: &Store, batch: &ImportBatch) -> Result<Imported> {
        let mut slot = Arc::clone(&self.0).lock_owned().await;
        let session = match slot.take() {
            Some(session) => session.check(store).await?,
            None => Session::open(store).await?,
        };
        let mut work = AtWork { store, rest: Some((session, slot)) };
        let mut patience = Patience::new(store.pool.deadline());
        let imported = loop {
            match work.attempt(batch).await {
                Err(failure) if patience.is_worth_another(&failure) => patience.pause().await,
                imported => break imported,
            }
        };
        // A connection that failed is closed as it is.
        let rest = work.rest.take();
        let imported = imported?;
        if let Some((mut session, mut slot)) = rest {
            session.since = Instant::now();
            if session.count(imported.stored, &store.sql).await {
                *slot = Some(session);
            }
        }
        Ok(imported)
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        if let Some(session) = self.0.lock().await.take() {
            session.connection.close().await;
        }
    }
}

impl Session {
    async fn open(store: &Store) -> Result<Self> {
        let mut connection = store.pool.open_session(OPERATION).await?;
        sqlx::query(PLAN_EACH_CALL).execute(&mut *connection).await.map_err(fail)?;
        Ok(Self { connection, since: Instant::now(), stored: 0, analyze_at: 1_000 })
    }

    /// The session with a connection that answers.
    async fn check(mut self, store: &Store) -> Result<Self> {
        if is_alive(&mut self.connection, self.since).await {
            return Ok(self);
        }
        let Self { stored, analyze_at, .. } = self;
        Ok(Self { stored, analyze_at, ..Self::open(store).await? })
    }

    /// One attempt. What it has locked, writers wait for: it does not wait long for what it has not.
    async fn attempt(&mut self, store: &Store, batch: &ImportBatch) -> Result<Imported, Failure> {
        let process = self.connection.process();
        let work = async {
            let mut transaction = self.connection.begin().await.map_err(fail)?;
            sqlx::raw_sql(SHORT_LOCKS).execute(&mut *transaction).await.map_err(fail)?;
            Batch { transaction, sql: &store.sql }.store(batch).await
        };
        // Each statement has a limit on the server; a connection that is gone is noticed here.
        let stored = store.pool.watched(process, work).await;
        stored.unwrap_or_else(|| Err(store.pool.no_answer(OPERATION).into()))
    }

    /// Counts what was stored, and updates the planner's statistics when it is time; returns whether the connection can
    /// be used again. A failure costs time, not events.
    async fn count(&mut self, stored: u64, sql: &Statements) -> bool {
        self.stored += stored;
        if self.stored < self.analyze_at {
            return true;
        }
        self.analyze_at = self.stored.saturating_mul(4);
        match sql.import_analyze.query().execute(&mut *self.connection).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "could not update the planner's statistics after an import");
                !error::is_fatal(&error)
            }
        }
    }
}

fn fail(error: sqlx::Error) -> Failure {
    error::failure(OPERATION, error)
}
