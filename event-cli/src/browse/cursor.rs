//! [`Cursor`]: the selected row of a list, and which rows are on the screen.

/// Where in a list the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    /// The row under the cursor.
    pub(super) selected: usize,
    /// The first row on the screen.
    pub(super) top: usize,
}

/// How the cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Cursor {
    /// Moves in a list of so many rows, on a screen of so many.
    pub(super) fn go(&mut self, to: Move, len: usize, rows: usize) {
        let page = rows.max(2) - 1;
        self.selected = match to {
            Move::Up => self.selected.saturating_sub(1),
            Move::Down => self.selected + 1,
            Move::PageUp => self.selected.saturating_sub(page),
            Move::PageDown => self.selected + page,
            Move::First => 0,
            Move::Last => len,
        };
        self.keep_visible(len, rows);
    }

    /// Puts the cursor inside of the list, and scrolls to where it is.
    pub(super) fn keep_visible(&mut self, len: usize, rows: usize) {
        self.selected = self.selected.min(len.saturating_sub(1));
        let lowest = (self.selected + 1).saturating_sub(rows.max(1));
        self.top = self.top.min(self.selected).max(lowest);
    }

    /// The rows before the cursor became more.
    pub(super) const fn inserted(&mut self, rows: usize) {
        self.selected += rows;
        self.top += rows;
    }

    /// The first rows were removed.
    pub(super) const fn removed(&mut self, rows: usize) {
        self.selected = self.selected.saturating_sub(rows);
        self.top = self.top.saturating_sub(rows);
    }
}
