//! [`Pages`]: a long list of which only the pages around the cursor are kept. Each page is asked for by the key after which it
//! starts, so that what is added meanwhile moves none.

use std::collections::VecDeque;

use super::cursor::{Cursor, Move};
use super::request::Ticket;

/// The pages that are kept at a time.
const KEPT: usize = 6;

/// The items around the cursor, and the keys of all pages so far.
#[derive(Debug, Clone)]
pub(super) struct Pages<T, K> {
    kept: VecDeque<Vec<T>>,
    /// The number of the first page that is kept.
    first: usize,
    /// The key at which each page starts; the last may be that of a page that was not read yet.
    keys: Vec<K>,
    /// Counted from the first item that is kept.
    cursor: Cursor,
    loading: Option<Loading>,
    /// Whether anything arrived yet.
    is_loaded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loading {
    ticket: Ticket,
    page: usize,
    /// Whether the page replaces what is kept.
    replaces: bool,
}

impl<T, K: Clone> Pages<T, K> {
    /// An empty list whose first page starts at a key.
    pub(super) fn new(start: K) -> Self {
        Self {
            kept: VecDeque::new(),
            first: 0,
            keys: vec![start],
            cursor: Cursor::default(),
            loading: None,
            is_loaded: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.iter().map(Vec::len).sum()
    }

    /// The key at which a page starts.
    pub(super) fn key(&self, page: usize) -> Option<&K> {
        self.keys.get(page)
    }

    /// The ticket of the page on its way.
    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.loading.map(|loading| loading.ticket)
    }

    /// Whether the list goes on below what is kept.
    pub(super) fn has_more(&self) -> bool {
        self.keys.len() > self.first + self.kept.len()
    }

    pub(super) fn selected(&self) -> Option<&T> {
        self.iter().nth(self.cursor.selected)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().flatten()
    }

    /// The items on a screen of so many rows, each with whether it is under the cursor.
    pub(super) fn visible(&self, rows: usize) -> impl Iterator<Item = (bool, &T)> {
        let items = self.iter().enumerate().skip(self.cursor.top).take(rows);
        items.map(|(at, item)| (at == self.cursor.selected, item))
    }

    /// Moves the cursor.
    pub(super) fn go(&mut self, to: Move, rows: usize) {
        if to == Move::First && self.first > 0 {
            // The beginning of the list is not kept any more.
            if let Some(start) = self.keys.first().cloned() {
                *self = Self::new(start);
            }
            return;
        }
        self.cursor.go(to, self.len(), rows);
    }

    /// Scrolls so that the cursor is on a screen of so many rows.
    pub(super) fn keep_visible(&mut self, rows: usize) {
        self.cursor.keep_visible(self.len(), rows);
    }

    /// The page to ask for next, if the cursor is near an end of what is kept and nothing is on its way.
    pub(super) fn wanted(&self, rows: usize) -> Option<usize> {
        if self.loading.is_some() {
            return None;
        }
        let end = self.first + self.kept.len();
        let below = self.len().saturating_sub(self.cursor.top + rows);
        let page = if !self.is_loaded {
            self.first
        } else if below < rows && self.has_more() {
            end
        } else if self.cursor.top < rows && self.first > 0 {
            self.first - 1
        } else {
            return None;
        };
        Some(page)
    }

    /// Notes that a page was asked for.
    pub(super) const fn asked(&mut self, page: usize, ticket: Ticket) {
        self.loading = Some(Loading { ticket, page, replaces: !self.is_loaded });
    }

    /// The page to read again in place of all that is kept, noted as asked for; `None` while something is on its way.
    pub(super) fn refresh(&mut self, ticket: Ticket) -> Option<usize> {
        if self.loading.is_some() {
            return None;
        }
        self.loading = Some(Loading { ticket, page: self.first, replaces: true });
        Some(self.first)
    }

    /// Notes that the page on its way will not come.
    pub(super) fn failed(&mut self, ticket: Ticket) -> bool {
        let was_ours = self.ticket() == Some(ticket);
        if was_ours {
            self.loading = None;
        }
        was_ours
    }

    /// Takes a page that was asked for; `next` is the key after it, `None` at the end of the list. False for an answer
    /// that nobody waits for any more.
    pub(super) fn accept(&mut self, ticket: Ticket, items: Vec<T>, next: Option<K>) -> bool {
        let Some(loading) = self.loading.take_if(|it| it.ticket == ticket) else { return false };
        self.is_loaded = true;
        let page = loading.page;
        if loading.replaces {
            self.kept.clear();
            self.first = page;
        }
        let end = self.first + self.kept.len();
        if page == end {
            self.keys.truncate(page + 1);
            self.keys.extend(next);
            self.kept.push_back(items);
            if self.kept.len() > KEPT {
                let dropped = self.kept.pop_front().map_or(0, |page| page.len());
                self.first += 1;
                self.cursor.removed(dropped);
            }
        } else if page + 1 == self.first {
            self.cursor.inserted(items.len());
            self.first = page;
            self.kept.push_front(items);
            if self.kept.len() > KEPT {
                self.kept.pop_back();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 10;

    /// Answers what the list asks for: pages of 10 numbers of 0 to 999.
    fn feed(list: &mut Pages<u32, u32>) {
        while let Some(page) = list.wanted(ROWS) {
            let from = list.keys[page];
            list.asked(page, Ticket(1));
            let items: Vec<_> = (from..from + 10).collect();
            let next = (from + 10 < 1_000).then_some(from + 10);
            assert!(list.accept(Ticket(1), items, next));
            list.keep_visible(ROWS);
        }
    }

    #[test]
    fn a_long_list_is_walked_down_and_up_in_few_pages() {
        let mut list = Pages::new(0);
        feed(&mut list);
        for expected in 0..1_000 {
            assert_eq!(list.selected(), Some(&expected));
            assert!(list.len() <= KEPT * 10);
            list.go(Move::Down, ROWS);
            feed(&mut list);
        }
        assert_eq!(list.selected(), Some(&999));
        for expected in (0..1_000).rev() {
            assert_eq!(list.selected(), Some(&expected));
            let visible: Vec<_> = list.visible(ROWS).collect();
            assert!(visible.iter().any(|(is_selected, _)| *is_selected));
            list.go(Move::Up, ROWS);
            feed(&mut list);
        }
        list.go(Move::Last, ROWS);
        for _ in 0..20 {
            feed(&mut list);
            list.go(Move::PageDown, ROWS);
        }
        list.go(Move::First, ROWS);
        feed(&mut list);
        assert_eq!(list.selected(), Some(&0));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing() {
        let mut list: Pages<u32, u32> = Pages::new(0);
        list.asked(0, Ticket(1));
        assert!(!list.accept(Ticket(2), vec![1], None));
        assert!(list.failed(Ticket(1)) && list.ticket().is_none());
        assert!(!list.accept(Ticket(1), vec![1], None));
        assert_eq!(list.len(), 0);
    }

    #[test]
    fn a_list_that_became_shorter_keeps_the_cursor_inside() {
        let mut list = Pages::new(0);
        feed(&mut list);
        list.go(Move::PageDown, ROWS);
        assert!(list.refresh(Ticket(9)).is_some());
        assert!(list.accept(Ticket(9), vec![7, 8], None));
        list.keep_visible(ROWS);
        assert_eq!((list.selected(), list.len(), list.has_more()), (Some(&8), 2, false));
    }
}
