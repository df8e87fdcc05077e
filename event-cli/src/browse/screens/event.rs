//! [`EventScreen`]: one event.

use crate::browse::cursor::Move;
use crate::browse::request::{EventKey, Ticket};
use crate::browse::rows::{EventPage, EventRow, Payload};

/// One event, with its payload as it is stored and as it reads today.
#[derive(Debug, Clone)]
pub(in crate::browse) struct EventScreen {
    pub(in crate::browse) key: EventKey,
    pub(in crate::browse) page: Option<Box<EventPage>>,
    pub(in crate::browse) ticket: Option<Ticket>,
    /// The first row on the screen.
    pub(in crate::browse) scroll: usize,
    /// The cells that are scrolled out at the left.
    pub(in crate::browse) shift: usize,
    pub(in crate::browse) mode: Mode,
}

/// Which payload is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::browse) enum Mode {
    #[default]
    Both,
    Stored,
    Latest,
}

impl EventScreen {
    pub(in crate::browse) const fn new(key: EventKey) -> Self {
        Self { key, page: None, ticket: None, scroll: 0, shift: 0, mode: Mode::Both }
    }

    pub(in crate::browse) fn of_row(row: &EventRow) -> Self {
        let tenant = Some(row.tenant.clone());
        Self::new(EventKey { tenant, id: row.id, position: row.position })
    }

    /// Shows the next of stored and latest, stored, latest.
    pub(in crate::browse) const fn next_mode(&mut self) {
        self.mode = match self.mode {
            Mode::Both => Mode::Stored,
            Mode::Stored => Mode::Latest,
            Mode::Latest => Mode::Both,
        };
    }

    /// Scrolls.
    pub(in crate::browse) fn go(&mut self, to: Move, rows: usize) {
        let last = self.rows().saturating_sub(rows);
        let page = rows.max(2) - 1;
        self.scroll = match to {
            Move::Up => self.scroll.saturating_sub(1),
            Move::Down => self.scroll + 1,
            Move::PageUp => self.scroll.saturating_sub(page),
            Move::PageDown => self.scroll + page,
            Move::First => 0,
            Move::Last => last,
        }
        .min(last);
    }

    /// An upper bound of the rows that the page takes: facts, titles, payload and metadata.
    pub(in crate::browse) fn rows(&self) -> usize {
        let Some(page) = &self.page else { return 0 };
        let payload = match &page.payload {
            Payload::Compared { comparison, .. } => match self.mode {
                // Where the screen is narrow, a pair that differs takes two rows.
                Mode::Both => {
                    let differing = comparison.pairs.iter().filter(|pair| !pair.is_same).count();
                    comparison.pairs.len() + differing
                }
                Mode::Stored => comparison.stored.lines.len(),
                Mode::Latest => comparison.latest.lines.len(),
            },
            Payload::Unreadable { stored, .. } => stored.lines.len() + 4,
        };
        page.facts.len() + payload + page.metadata.lines.len() + 6
    }
}
