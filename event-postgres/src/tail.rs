//! The tail: one task a process that reads the growing end of the log for all its subscriptions.
//!
//! It is woken by commits of this process, by other processes through [`Listener`], and behind both by a clock that
//! slows down while nothing happens: whatever wake-up is lost costs at most one pause. It reads only what no later commit
//! can get in front of, by the rules of `frontier.rs`, on a record of its own: a proof counts for the snapshot it was made
//! in, so only what this task saw tells what its next rows leave out. Without readers it ends.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{LiveBuffer, LogSegment, LogUpdate, Publisher};
use event_core::{Error, Position, RecordedEvent, Result};
use event_sql::rows::Owners;
use sqlx::postgres::PgRow;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::append::stored;
use crate::frontier::{Final, Frontier, Holders, Poll};
use crate::listener::Listener;
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql::Statements;

/// Events of one read.
const PAGE: usize = 500;
/// So many reads behind, readers are sent to the store instead.
const PAGES_BEHIND: i64 = 8;
/// The first pause between polls, and the first when wake-ups of other processes come in; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const FIRST_PAUSE_LISTENING: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The pauses while a commit in front of visible events is waited for.
const FIRST_PAUSE_AT_HOLE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE_AT_HOLE: Duration = Duration::from_millis(50);
/// Where a read finds so many events, commits come faster than it pays to read one by one: the next read waits until so
/// long after it.
const SEVERAL: usize = 4;
const GATHER: Duration = Duration::from_millis(2);
/// How long the task goes on without a reader.
const LINGER: Duration = Duration::from_secs(5);

const OPERATION: &str = "follow the log";

/// The growing end of the log, for all readers of a process.
pub(crate) struct Tail {
    buffer: Arc<LiveBuffer>,
    source: Arc<Source>,
}

struct Source {
    pool: Arc<Pool>,
    sql: Arc<Statements>,
    frontier: Arc<Frontier>,
    wake: Arc<Notify>,
    listener: Option<Listener>,
}

impl Tail {
    /// A tail that reads nothing before it is asked; without a listener other processes are heard of by polling.
    pub(crate) fn new(
        pool: Arc<Pool>,
        sql: Arc<Statements>,
        frontier: Arc<Frontier>,
        listener: Option<Listener>,
    ) -> Self {
        let source = Arc::new(Source { pool, sql, frontier, listener, wake: Arc::default() });
        Self { buffer: Arc::default(), source }
    }

    /// Something was committed.
    pub(crate) fn wake(&self) {
        self.source.wake.notify_one();
    }

    /// The last final position, asked of the server.
    pub(crate) async fn head(&self) -> Result<Position> {
        let Source { pool, sql, frontier, .. } = &*self.source;
        Ok(Position::try_from(frontier.head(pool, sql).await?)?)
    }

    /// The highest position that was ever assigned.
    pub(crate) async fn last_assigned(&self) -> Result<Position> {
        let Source { pool, sql, .. } = &*self.source;
        let rows = pool.fetch(OPERATION, sql.last_assigned.query()).await?;
        let row = rows.first().ok_or_else(|| Error::adapter(OPERATION, "no answer"))?;
        Ok(Position::try_from(Cells::new(row).get::<i64>("last_assigned")?)?)
    }

    /// What stands after a position; waits for it.
    pub(crate) async fn next(&self, after: Position) -> Result<LogUpdate> {
        let start = |publisher| {
            let source = Arc::clone(&self.source);
            tokio::spawn(Task { source, publisher }.run());
        };
        self.buffer.follow(after, start).await
    }

    /// Ends every reader's wait; without readers the task ends.
    pub(crate) fn close(&self) {
        self.buffer.close();
        self.source.wake.notify_one();
    }
}

/// The task at work.
struct Task {
    source: Arc<Source>,
    publisher: Publisher,
}

impl Task {
    async fn run(self) {
        let Self { source, publisher } = &self;
        let Source { pool, sql, frontier, wake, listener } = &**source;
        let _listening =
            listener.as_ref().map(|listener| listener.start(Arc::clone(sql), Arc::clone(wake)));
        let Some(mut progress) = self.begin().await else { return };
        let (mut pause, mut read_at) = (FIRST_PAUSE, Instant::now());
        loop {
            if publisher.has_readers() {
                read_at = Instant::now();
            } else if publisher.is_closed() || read_at.elapsed() > LINGER {
                return;
            }
            let began = Instant::now();
            let next = match progress.poll(pool, sql, frontier, publisher).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(error = %event_core::error::with_causes(&error), "cannot follow the log; trying again");
                    Next::Wait
                }
            };
            let woken = match next {
                Next::More => continue,
                Next::Hole(pause) => {
                    sleep(pause).await;
                    continue;
                }
                Next::Wait => {
                    let woken = timeout(pause, wake.notified()).await.is_ok();
                    if progress.came >= SEVERAL {
                        sleep_until(began + GATHER).await;
                    }
                    woken
                }
            };
            let listens = listener.as_ref().is_some_and(Listener::is_connected);
            let first = if listens { FIRST_PAUSE_LISTENING } else { FIRST_PAUSE };
            pause = if woken { first } else { (pause * 2).min(LONGEST_PAUSE) };
        }
    }

    /// Finds the end of the log; waits for a server that cannot be reached as long as anybody reads.
    async fn begin(&self) -> Option<Progress> {
        let Self { source, publisher } = self;
        let Source { pool, sql, frontier, .. } = &**source;
        let mut pause = FIRST_PAUSE;
        loop {
            match frontier.head(pool, sql).await {
                Ok(head) => {
                    publisher.start_at(position(head));
                    return Some(Progress {
                        published: head,
                        known: Final::at(head),
                        hole: None,
                        came: 0,
                    });
                }
                Err(error) => {
                    tracing::warn!(error = %event_core::error::with_causes(&error), "cannot follow the log; trying again");
                }
            }
            if !publisher.has_readers() {
                return None;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// How far the log was read.
struct Progress {
    published: i64,
    known: Final,
    hole: Option<Hole>,
    /// Events that the last read found.
    came: usize,
}

/// A position that is missing in front of one that is visible.
struct Hole {
    pause: Duration,
    /// Who was writing when it was first looked at, and the highest visible position before that.
    watched: Option<(i64, Holders)>,
}

enum Next {
    /// There is more to read.
    More,
    /// There is more, behind a commit that is under way.
    Hole(Duration),
    /// All that is visible was read.
    Wait,
}

impl Progress {
    async fn poll(
        &mut self,
        pool: &Pool,
        sql: &Statements,
        frontier: &Frontier,
        publisher: &Publisher,
    ) -> Result<Next> {
        let (seen, events) = read(pool, sql, self.published).await?;
        self.came = seen.visible.len();
        let last = self.known.apply(&seen);
        frontier.learn(last);
        let full = seen.visible.len() >= PAGE;
        // Behind a full page there are rows that were not read.
        let up_to =
            if full { last.min(seen.visible.last().copied().unwrap_or(last)) } else { last };
        let far_behind = full && last - up_to > PAGES_BEHIND * stored(PAGE as u64);
        if up_to > self.published {
            self.hole = None;
            frontier.watch().passed();
            match events {
                Ok(events) if !far_behind => {
                    self.publish(publisher, up_to, events);
                }
                // Also what cannot be read: whoever reads it from the store is told where it is.
                _ => {
                    self.published = last;
                    publisher.start_at(position(last));
                    return Ok(Next::More);
                }
            }
        }
        if up_to >= seen.highest {
            return Ok(Next::Wait);
        }
        if full && seen.visible.last().is_some_and(|last| *last <= up_to) {
            return Ok(Next::More);
        }
        self.look_into_hole(pool, sql, frontier, seen.highest).await
    }

    /// Mostly the owner of a hole is about to commit: who writes is asked only when it is still there after a pause.
    async fn look_into_hole(
        &mut self,
        pool: &Pool,
        sql: &Statements,
        frontier: &Frontier,
        highest: i64,
    ) -> Result<Next> {
        let Some(hole) = &mut self.hole else {
            self.hole = Some(Hole { pause: FIRST_PAUSE_AT_HOLE, watched: None });
            return Ok(Next::Hole(FIRST_PAUSE_AT_HOLE));
        };
        hole.pause = (hole.pause * 2).min(LONGEST_PAUSE_AT_HOLE);
        let holders = Holders::take(pool, sql).await?;
        let (highest, first) = hole.watched.get_or_insert_with(|| (highest, holders.clone()));
        if holders.prove_gone(first) {
            // All up to there is final now; the next read, in a later snapshot, has it.
            self.known.pass(*highest);
            self.hole = None;
            return Ok(Next::More);
        }
        frontier.watch().gave_up(pool, sql, self.published, *highest).await;
        Ok(Next::Hole(hole.pause))
    }

    fn publish(&mut self, publisher: &Publisher, up_to: i64, mut events: Vec<RecordedEvent>) {
        let end = position(up_to);
        events.retain(|event| event.position() <= end);
        let events = events.into_iter().map(Arc::new).collect();
        publisher.publish(LogSegment { after: position(self.published), up_to: end, events });
        self.published = up_to;
    }
}

/// One snapshot: the events after a position, and what says which of them are final.
async fn read(
    pool: &Pool,
    sql: &Statements,
    after: i64,
) -> Result<(Poll, Result<Vec<RecordedEvent>>)> {
    let query = sql.tail.query().bind(after).bind(stored(PAGE as u64));
    let (mut seen, mut owner) = (None, Owners::default());
    let (mut visible, mut events) = (Vec::new(), Ok(Vec::new()));
    let take = |row: PgRow| {
        if seen.is_none() {
            seen = Some(Poll::of(&Cells::new(&row)));
        }
        if !row::has_event(&row) {
            return;
        }
        visible.extend(row::position(&row));
        if let (Ok(page), true) = (&mut events, row::is_kept(&row)) {
            match row::event(&row, &mut owner) {
                Ok(event) => page.push(event),
                Err(error) => events = Err(error),
            }
        }
    };
    pool.each(OPERATION, query, take).await?;
    let mut seen: Poll = seen.ok_or_else(|| Error::adapter(OPERATION, "no answer"))??;
    seen.visible = visible;
    Ok((seen, events))
}

fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or_default())
}
