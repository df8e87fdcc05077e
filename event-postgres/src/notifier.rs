//! [`Notifier`]: tells other processes that something was committed; one statement at a time, however many appends.
//!
//! It never takes part in an append's transaction: a NOTIFY there makes every commit of the database wait for the one
//! before. What is lost when this process ends in between is found by the others' polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use crate::pool::Pool;
use crate::sql::Statements;

/// Between two statements: more often nobody can use it.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Notifier(Arc<Shared>);

struct Shared {
    pool: Arc<Pool>,
    sql: Arc<Statements>,
    /// The highest position that was committed here.
    wanted: AtomicI64,
    told: AtomicI64,
    running: AtomicBool,
}

impl Notifier {
    pub(crate) fn new(pool: Arc<Pool>, sql: Arc<Statements>) -> Self {
        Self(Arc::new(Shared {
            pool,
            sql,
            wanted: AtomicI64::new(0),
            told: AtomicI64::new(0),
            running: AtomicBool::new(false),
        }))
    }

    /// Tells of a position, soon.
    pub(crate) fn tell(&self, position: i64) {
        if self.0.wanted.fetch_max(position, Ordering::SeqCst) < position && self.0.starts() {
            tokio::spawn(Task(Arc::clone(&self.0)).run());
        }
    }
}

impl Shared {
    fn starts(&self) -> bool {
        !self.running.swap(true, Ordering::SeqCst)
    }

    fn is_behind(&self) -> bool {
        self.told.load(Ordering::SeqCst) < self.wanted.load(Ordering::SeqCst)
    }
}

struct Task(Arc<Shared>);

impl Task {
    async fn run(self) {
        loop {
            while self.0.is_behind() {
                self.send().await;
                sleep(PAUSE).await;
            }
            // Whoever comes after this starts a task of its own; who came before it is seen by the next look.
            self.0.running.store(false, Ordering::SeqCst);
            if !self.0.is_behind() || !self.0.starts() {
                return;
            }
        }
    }

    async fn send(&self) {
        let Shared { pool, sql, wanted, told, .. } = &*self.0;
        let position = wanted.load(Ordering::SeqCst);
        let query = sql.notify.query();
        let query = query.bind(sql.schema().as_str().to_owned()).bind(position.to_string());
        if let Err(failure) = pool.fetch("wake other processes", query).await {
            let error = event_core::Error::from(failure);
            tracing::debug!(error = %event_core::error::with_causes(&error), "a wake-up was lost");
        }
        told.store(position, Ordering::SeqCst);
    }
}
