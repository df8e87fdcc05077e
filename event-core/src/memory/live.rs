//! The end of the log in memory. The whole log is in memory, so no reader is ever behind.

use async_trait::async_trait;
use std::sync::Arc;

use tokio::task::coop::consume_budget;

use super::MemoryAdapter;
use crate::adapter::{LiveLog, LogSegment, LogUpdate, PAGE_BYTES, Place, Room};
use crate::error::{Error, Result};
use crate::value::Position;

/// The maximum number of events in one segment.
const MAX_EVENTS: usize = 1_000;

impl MemoryAdapter {
    fn segment(&self, after: Position) -> Result<Option<LogUpdate>> {
        let state = self.lock()?;
        let head = Position::new(state.last_position);
        if head <= after {
            return Ok(None);
        }
        let start = Position::new(after.get() + 1);
        let mut rest = state.log.range(start..).map(|(_, event)| event);
        let (mut events, mut room) = (Vec::new(), Room::new(PAGE_BYTES));
        while events.len() < MAX_EVENTS
            && !room.is_used_up()
            && let Some(event) = rest.next()
        {
            room.take(event);
            events.push(Arc::clone(event));
        }
        let up_to = match (events.last(), rest.next()) {
            (Some(last), Some(_)) => last.position(),
            _ => head,
        };
        Ok(Some(LogUpdate::Segment(Arc::new(LogSegment { after, up_to, events }))))
    }
}

#[async_trait]
impl LiveLog for MemoryAdapter {
    async fn head(&self) -> Result<Position> {
        Ok(Position::new(self.enter().await?.last_position))
    }

    async fn last_assigned(&self) -> Result<Position> {
        self.head().await
    }

    async fn place(&self, position: Position, _since: u64) -> Result<Place> {
        let state = self.lock()?;
        let last_assigned = Position::new(state.last_position);
        let event = state.log.get(&position).map(|event| event.event_id());
        Ok(Place { epoch: 0, event, last_assigned, common: last_assigned })
    }

    async fn next(&self, after: Position, _epoch: u64) -> Result<LogUpdate> {
        consume_budget().await;
        let mut commits = self.commits.subscribe();
        loop {
            commits.mark_unchanged();
            if let Some(update) = self.segment(after)? {
                return Ok(update);
            }
            if commits.changed().await.is_err() {
                return Err(Error::adapter("follow the log", "the store was dropped"));
            }
        }
    }
}
