//! The tail: one task per process that reads the growing end of the log for all its subscriptions.
//!
//! It is woken by commits of this process, by other processes through [`Listener`], and by a clock that slows down
//! while nothing happens: a lost wake-up costs at most one pause. It reads only what no later commit can come before,
//! by the rules of `frontier.rs`, with a record of its own: a proof holds for the snapshot it was made in, so only what
//! this task saw proves what its next rows leave out. Without readers it ends.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{
    LiveBuffer, LiveLog, LogSegment, LogUpdate, PAGE_BYTES, Place, Publisher, Room, async_trait,
};
use event_core::{Position, RecordedEvent, Result};
use event_sql::error::no_answer;
use event_sql::page::EventPage;
use event_sql::rows::to_i64;
use sqlx::postgres::PgRow;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::epoch;
use crate::finality::{Final, Holders, Poll};
use crate::frontier::Frontier;
use crate::lineage::Started;
use crate::listener::Listener;
use crate::row::{self, Cells};
use crate::store::Store;

/// Events of one read.
const PAGE: usize = 500;
/// Readers that are this many reads behind read from the store instead.
const PAGES_BEHIND: i64 = 8;
/// The first pause between polls, and the first while a listener receives wake-ups; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const FIRST_PAUSE_LISTENING: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The pauses while a commit whose position is lower than a visible one is in flight.
const FIRST_PAUSE_AT_HOLE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE_AT_HOLE: Duration = Duration::from_millis(50);
/// When a read finds this many events, commits arrive faster than it pays to read them one by one: the next read starts
/// this much later.
const SEVERAL: usize = 4;
const GATHER: Duration = Duration::from_millis(2);
/// How long the task continues without a reader.
const LINGER: Duration = Duration::from_secs(5);

const OPERATION: &str = "follow the log";

/// The growing end of the log, for all readers of a process.
pub(crate) struct Tail {
    buffer: Arc<LiveBuffer>,
    source: Arc<Source>,
}

struct Source {
    frontier: Arc<Frontier>,
    wake: Arc<Notify>,
    listener: Option<Listener>,
}

impl Tail {
    /// A tail that reads nothing before it is asked; without a listener, commits of other processes are found by
    /// polling.
    pub(crate) fn new(frontier: Arc<Frontier>, listener: Option<Listener>) -> Self {
        let source = Arc::new(Source { frontier, listener, wake: Arc::default() });
        Self { buffer: Arc::default(), source }
    }

    /// Wakes the task: something was committed.
    pub(crate) fn wake(&self) {
        self.source.wake.notify_one();
    }

    /// Ends every reader's wait; without readers the task ends.
    pub(crate) fn close(&self) {
        self.buffer.close();
        self.source.wake.notify_one();
    }
}

#[async_trait]
impl LiveLog for Tail {
    async fn head(&self) -> Result<Position> {
        Ok(Position::try_from(self.source.frontier.head().await?)?)
    }

    async fn last_assigned(&self) -> Result<Position> {
        let store = self.source.frontier.store();
        let row = store.fetch_one(OPERATION, store.sql.last_assigned.query()).await?;
        Ok(Position::try_from(Cells::new(&row).get::<i64>("last_assigned")?)?)
    }

    fn epoch(&self) -> u64 {
        self.source.frontier.store().lineage.epoch()
    }

    fn is_contested(&self, position: Position) -> bool {
        self.source.frontier.store().lineage.is_contested(position)
    }

    fn is_contested_end(&self, position: Position) -> bool {
        self.source.frontier.store().lineage.is_contested_end(position)
    }

    async fn place(&self, position: Position, since: u64) -> Result<Place> {
        let store = self.source.frontier.store();
        epoch::place(store, position, since).await
    }

    async fn next(&self, after: Position, epoch: u64) -> Result<LogUpdate> {
        let start = |publisher| {
            let source = Arc::clone(&self.source);
            tokio::spawn(Task { source, publisher }.run());
        };
        self.buffer.follow(after, epoch, start).await
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
        let Source { frontier, wake, listener } = &**source;
        let _listening = listener
            .as_ref()
            .map(|listener| listener.start(Arc::clone(&frontier.store().sql), Arc::clone(wake)));
        let Some(mut progress) = self.begin().await else { return };
        let (mut pause, mut read_at) = (FIRST_PAUSE, Instant::now());
        loop {
            if publisher.has_readers() {
                read_at = Instant::now();
            } else if publisher.is_closed() || read_at.elapsed() > LINGER {
                return;
            }
            let began = Instant::now();
            let next = match progress.poll(frontier, publisher).await {
                Ok(next) => next,
                Err(error) => {
                    warn(&error);
                    Next::Wait
                }
            };
            let woken = match next {
                Next::More => continue,
                Next::Restart => {
                    if let Some(listener) = listener {
                        listener.forget();
                    }
                    let Some(other) = self.begin().await else { return };
                    progress = other;
                    continue;
                }
                Next::Hole(pause) => {
                    sleep(pause).await;
                    continue;
                }
                Next::Wait => {
                    let woken = timeout(pause, wake.notified()).await.is_ok();
                    if progress.found >= SEVERAL {
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

    /// Finds the end of the log; waits for a server that cannot be reached as long as there are readers.
    async fn begin(&self) -> Option<Progress> {
        let mut pause = FIRST_PAUSE;
        loop {
            let lineage = &self.source.frontier.store().lineage;
            let epoch = lineage.epoch();
            match self.source.frontier.head().await {
                // The end of another log than the one before the call.
                Ok(_) if lineage.epoch() != epoch => continue,
                Ok(head) => {
                    self.publisher.start_in(epoch, position(head));
                    let (known, started) = (Final::at(head), None);
                    let (hole, found) = (None, 0);
                    let published = head;
                    return Some(Progress { published, known, epoch, started, hole, found });
                }
                Err(error) => warn(&error),
            }
            if !self.publisher.has_readers() {
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
    /// The epoch of the log.
    epoch: u64,
    /// The server that the last read was on.
    started: Option<Started>,
    hole: Option<Hole>,
    /// Events that the last read found.
    found: usize,
}

/// A missing position before a visible one.
struct Hole {
    pause: Duration,
    /// Who was writing when it was first looked at, and the highest visible position before that.
    watched: Option<(i64, Holders)>,
}

enum Next {
    /// There is more to read.
    More,
    /// There is more, after a commit in flight.
    Hole(Duration),
    /// All that is visible was read.
    Wait,
    /// The log is another one: find its end again.
    Restart,
}

impl Progress {
    async fn poll(&mut self, frontier: &Frontier, publisher: &Publisher) -> Result<Next> {
        let (seen, events) = read(frontier.store(), self.published).await?;
        let store = frontier.store();
        match epoch::admit(store, seen.witness()).await? {
            Some(epoch) if epoch == self.epoch => {}
            None if store.lineage.epoch() == self.epoch => return Ok(Next::More),
            Some(_) | None => return Ok(Next::Restart),
        }
        if self.started.replace(seen.started).is_some_and(|started| started != seen.started) {
            // Another server with the same log: transaction ids do not compare.
            self.known = Final::at(self.published);
            self.hole = None;
        }
        self.found = seen.visible.len();
        let last = self.known.apply(&seen);
        frontier.learn(last, seen.started);
        let full = seen.visible.len() >= PAGE;
        // After a full page there are rows that were not read.
        let up_to =
            if full { last.min(seen.visible.last().copied().unwrap_or(last)) } else { last };
        let far_behind = full && last - up_to > PAGES_BEHIND * to_i64(PAGE as u64);
        if up_to > self.published {
            self.hole = None;
            frontier.watch().resumed();
            match events {
                Ok(Some(events)) if !far_behind => self.publish(publisher, up_to, events),
                // This includes events that are too large for the buffer, or cannot be read: the reader finds out where
                // they are when it reads the store.
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
        self.look_into_hole(frontier, seen.highest).await
    }

    /// Mostly the owner of a hole is about to commit: who writes is asked only when the hole is still there after a
    /// pause.
    async fn look_into_hole(&mut self, frontier: &Frontier, highest: i64) -> Result<Next> {
        let Some(hole) = &mut self.hole else {
            self.hole = Some(Hole { pause: FIRST_PAUSE_AT_HOLE, watched: None });
            return Ok(Next::Hole(FIRST_PAUSE_AT_HOLE));
        };
        hole.pause = (hole.pause * 2).min(LONGEST_PAUSE_AT_HOLE);
        let holders = Holders::take(frontier.store()).await?;
        let (highest, first) = hole.watched.get_or_insert_with(|| (highest, holders.clone()));
        if holders.prove_gone(first) {
            // All up to there is final now; the next read, in a later snapshot, has it.
            self.known.pass(*highest);
            self.hole = None;
            return Ok(Next::More);
        }
        frontier.watch().gave_up(frontier.store(), self.published, *highest).await;
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

/// One snapshot: the events after a position, and what proves which of them are final.
async fn read(store: &Store, after: i64) -> Result<(Poll, Result<Option<Vec<RecordedEvent>>>)> {
    let query = store.sql.tail.query().bind(after).bind(to_i64(PAGE as u64));
    let (mut seen, mut visible, mut page) =
        (None, Vec::new(), EventPage::within(Room::new(PAGE_BYTES)));
    let take = |row: PgRow| {
        seen.get_or_insert_with(|| Poll::of(&Cells::new(&row)));
        if !row::has_event(&row) {
            return;
        }
        visible.extend(row::position(&row));
        if row::is_kept(&row) {
            page.push(|owners| row::event(&row, owners));
        }
    };
    store.pool.each(OPERATION, query, take).await?;
    let mut seen = seen.unwrap_or_else(|| Err(no_answer(OPERATION)))?;
    seen.visible = visible;
    // Followers read such large events from the store.
    let is_whole = !page.room().is_used_up();
    Ok((seen, is_whole.then(|| page.end()).transpose()))
}

fn warn(error: &event_core::Error) {
    let error = event_core::error::with_causes(error);
    tracing::warn!(%error, "cannot follow the log; trying again");
}

fn position(number: i64) -> Position {
    Position::new(u64::try_from(number).unwrap_or_default())
}
