//! [`Layout`]: how the rows of the terminal are divided, whatever its size.

use ratatui::layout::Rect;

/// The parts of the screen. Where the terminal is low, they are left out in this order: status, title, keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) title: Rect,
    pub(super) body: Rect,
    pub(super) status: Rect,
    pub(super) keys: Rect,
}

impl Layout {
    pub(super) fn new((width, height): (u16, u16)) -> Self {
        let keys = match height {
            0..3 => 0,
            3..10 => 1,
            _ if width < 60 => 2,
            _ => 1,
        };
        let title = u16::from(height >= 4);
        let status = u16::from(height >= 6);
        let body = height.saturating_sub(keys + title + status);
        let row = |y, height| Rect { x: 0, y, width, height };
        Self {
            title: row(0, title),
            body: row(title, body),
            status: row(title + body, status),
            keys: row(title + body + status, keys),
        }
    }

    /// Whether lists have a row of titles.
    pub(super) const fn has_header(&self) -> bool {
        self.body.height >= 4
    }

    /// The rows of a list.
    pub(super) fn list_rows(&self) -> usize {
        usize::from(self.body.height).saturating_sub(usize::from(self.has_header()))
    }

    /// The rows of a page.
    pub(super) fn page_rows(&self) -> usize {
        self.body.height.into()
    }
}
