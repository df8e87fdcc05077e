//! The growing end of the log in memory: all of it is at hand, so no reader is ever behind.

use std::sync::Arc;

use super::MemoryAdapter;
use crate::adapter::{BoxFuture, LiveLog, LogSegment, LogUpdate};
use crate::error::{Error, Result};
use crate::value::Position;

/// Events that a reader gets at once.
const EVENTS: usize = 1_000;

impl MemoryAdapter {
    fn recent(&self, after: Position) -> Option<LogUpdate> {
        let state = self.lock();
        let head = Position::new(state.last_position);
        if head <= after {
            return None;
        }
        let start = Position::new(after.get() + 1);
        let mut rest = state.log.range(start..).map(|(_, event)| event);
        let events: Vec<_> = rest.by_ref().take(EVENTS).cloned().collect();
        let up_to = match (events.last(), rest.next()) {
            (Some(last), Some(_)) => last.position(),
            _ => head,
        };
        Some(LogUpdate::Segment(Arc::new(LogSegment { after, up_to, events })))
    }
}

impl LiveLog for MemoryAdapter {
    fn head(&self) -> BoxFuture<'_, Result<Position>> {
        Box::pin(async { Ok(Position::new(self.lock().last_position)) })
    }

    fn last_assigned(&self) -> BoxFuture<'_, Result<Position>> {
        self.head()
    }

    fn next(&self, after: Position) -> BoxFuture<'_, Result<LogUpdate>> {
        Box::pin(async move {
            let mut moved = self.moved.subscribe();
            loop {
                moved.mark_unchanged();
                if let Some(stretch) = self.recent(after) {
                    return Ok(stretch);
                }
                if moved.changed().await.is_err() {
                    return Err(Error::adapter("follow the log", "the store is gone"));
                }
            }
        })
    }
}
