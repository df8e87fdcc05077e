//! [`TailScreen`]: the events as they are stored.

use std::collections::VecDeque;

use crate::browse::cursor::{Cursor, Move};
use crate::browse::request::{EventFilter, Ticket};
use crate::browse::rows::EventRow;

/// The rows that are kept.
const KEPT: usize = 2_000;

/// The latest events, and those that follow.
#[derive(Debug, Clone)]
pub(in crate::browse) struct TailScreen {
    pub(in crate::browse) filter: EventFilter,
    pub(in crate::browse) ticket: Option<Ticket>,
    pub(in crate::browse) rows: VecDeque<EventRow>,
    pub(in crate::browse) cursor: Cursor,
    /// Whether the cursor stays at the end.
    pub(in crate::browse) sticks: bool,
    /// The events that arrived while the cursor was elsewhere.
    pub(in crate::browse) unseen: usize,
}

impl TailScreen {
    pub(in crate::browse) fn new(filter: EventFilter) -> Self {
        Self {
            filter,
            ticket: None,
            rows: VecDeque::new(),
            cursor: Cursor::default(),
            sticks: true,
            unseen: 0,
        }
    }

    /// Moves the cursor; at the end it stays there.
    pub(in crate::browse) fn go(&mut self, to: Move, rows: usize) {
        self.cursor.go(to, self.rows.len(), rows);
        self.sticks = self.cursor.selected + 1 >= self.rows.len();
        if self.sticks {
            self.unseen = 0;
        }
    }

    /// Stops at the event under the cursor, or goes on at the end.
    pub(in crate::browse) fn toggle(&mut self, rows: usize) {
        self.sticks = !self.sticks;
        if self.sticks {
            self.go(Move::Last, rows);
        }
    }

    pub(in crate::browse) fn selected(&self) -> Option<&EventRow> {
        self.rows.get(self.cursor.selected)
    }

    /// Takes events that followed.
    pub(in crate::browse) fn accept(&mut self, events: Vec<EventRow>, rows: usize) {
        if !self.sticks {
            self.unseen += events.len();
        }
        self.rows.extend(events);
        let dropped = self.rows.len().saturating_sub(KEPT);
        self.rows.drain(..dropped);
        self.cursor.removed(dropped);
        if self.sticks {
            self.cursor.go(Move::Last, self.rows.len(), rows);
        }
    }
}
