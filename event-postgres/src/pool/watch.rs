//! A statement that takes long is looked up on the server: a firewall that has forgotten its connection drops what is
//! sent without a word, and the driver would wait as long as for a statement that runs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use event_core::Result;
use futures_util::future::{Either, select};
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, timeout};

use super::{Pool, Process, Shared, close};
use crate::row::Cells;

/// After this time without an answer the server is asked; the pause then doubles.
const FIRST_LOOK: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two looks at a process that seems to wait for this program.
const SECOND_LOOK: Duration = Duration::from_millis(500);
/// How often the server may be out of reach before its answer is given up.
const UNREACHABLE: u32 = 2;

/// The server does not answer on this connection.
#[derive(Debug)]
pub(super) struct Silent;

/// What a process of the server does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Activity {
    Busy,
    /// It waits for this program since a moment of the server's clock.
    Waiting(f64),
    Ended,
    /// No connection could be opened to ask.
    Unreachable,
    /// It cannot be told now.
    Unknown,
}

impl Pool {
    /// Waits for statements on a session of the first host, as long as the server works on them; `None` when it waits
    /// for this program instead, or cannot be reached any more.
    pub(crate) async fn watched<T>(
        &self,
        process: Option<Process>,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.shared.watched(process, work).await.ok()
    }

    /// The same for a call that has statements of its own only, and an error where the server does not answer.
    pub(crate) async fn answered<T>(
        &self,
        operation: &'static str,
        process: Option<Process>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.watched(process, work).await.unwrap_or_else(|| Err(self.no_answer(operation)))
    }
}

impl Shared {
    /// Waits for the answer of a server process, as long as that works on it.
    pub(super) async fn watched<T>(
        self: &Arc<Self>,
        process: Option<Process>,
        answer: impl Future<Output = T>,
    ) -> Result<T, Silent> {
        let mut answer = pin!(answer);
        let Some(process) = process else { return Ok(answer.await) };
        let (mut pause, mut unreachable) = (FIRST_LOOK, 0);
        loop {
            if let Ok(answer) = timeout(pause, &mut answer).await {
                return Ok(answer);
            }
            let first = match select(&mut answer, pin!(self.activity(&process))).await {
                Either::Left((answer, _)) => return Ok(answer),
                Either::Right((first, _)) => first,
            };
            if first == Activity::Unreachable {
                unreachable += 1;
                if unreachable >= UNREACHABLE {
                    return Err(Silent);
                }
            }
            if matches!(first, Activity::Waiting(_) | Activity::Ended) {
                // The answer may be on its way.
                if let Ok(answer) = timeout(SECOND_LOOK, &mut answer).await {
                    return Ok(answer);
                }
                match select(&mut answer, pin!(self.activity(&process))).await {
                    Either::Left((answer, _)) => return Ok(answer),
                    Either::Right((second, _)) if first == second => return Err(Silent),
                    Either::Right(_) => {}
                }
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn activity(&self, process: &Process) -> Activity {
        // One connection at a time, however many statements are slow.
        let mut unreachable = self.looking.lock().await;
        if unreachable.is_some_and(|since| since.elapsed() < FIRST_LOOK) {
            return Activity::Unreachable;
        }
        let mut connection = match self.open_beside(&process.server).await {
            Ok(connection) => connection,
            Err(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => {
                *unreachable = Some(Instant::now());
                return Activity::Unreachable;
            }
            Err(_) => return Activity::Unknown,
        };
        let activity = timeout(self.connect_timeout, self.look(&mut connection, process.pid)).await;
        close(connection).await;
        activity.unwrap_or(Activity::Unknown)
    }

    async fn look(&self, connection: &mut PgConnection, pid: i32) -> Activity {
        let query = self.sql.activity.query().bind(pid);
        match query.fetch_optional(connection).await {
            Ok(Some(row)) => {
                let cells = Cells::new(&row);
                match (cells.get("busy"), cells.get::<Option<f64>>("since")) {
                    (Ok(false), Ok(Some(since))) => Activity::Waiting(since),
                    _ => Activity::Busy,
                }
            }
            Ok(None) => Activity::Ended,
            Err(_) => Activity::Unknown,
        }
    }
}
