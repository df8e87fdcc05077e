//! [`Model`]: all that the view knows. It changes in `update` only, and is drawn by `view`; neither touches the store.

use super::layout::Layout;
use super::overlay::Overlay;
use super::request::{Action, Effect, Problem, Ticket};
use super::screens::{Kind, Screen};

/// The state of the view.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// The store's URL without a password, for the title.
    pub(super) store: String,
    /// Columns and rows.
    pub(super) size: (u16, u16),
    /// Whether there are colours.
    pub(super) colours: bool,
    /// The screens, the one on top last; never empty.
    stack: Vec<Screen>,
    pub(super) overlay: Option<Overlay>,
    pub(super) note: Option<Note>,
    /// Why the store cannot be reached, while it cannot.
    pub(super) outage: Option<Problem>,
    /// The types that are known, for the search.
    pub(super) types: Vec<String>,
    pub(super) types_ticket: Option<Ticket>,
    /// Actions that are on their way.
    pub(super) acting: Vec<Ticket>,
    last_ticket: u64,
}

/// What the status line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) is_bad: bool,
}

impl Model {
    /// The view on its first screen.
    pub(super) fn new(store: String, size: (u16, u16), first: Screen) -> Self {
        Self {
            store,
            size,
            colours: true,
            stack: vec![first],
            overlay: None,
            note: None,
            outage: None,
            types: Vec::new(),
            types_ticket: None,
            acting: Vec::new(),
            last_ticket: 0,
        }
    }

    pub(super) const fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::new(self.size)
    }

    /// The rows of the screen on top.
    pub(super) fn rows(&self) -> usize {
        match self.screen().kind {
            Kind::Event(_) => self.layout().page_rows(),
            _ => self.layout().list_rows(),
        }
    }

    /// The screen on top.
    pub(super) fn screen(&self) -> &Screen {
        &self.stack[self.stack.len() - 1]
    }

    pub(super) fn screen_mut(&mut self) -> &mut Screen {
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    /// The screen below the one on top.
    pub(super) fn below_mut(&mut self) -> Option<&mut Screen> {
        let at = self.stack.len().checked_sub(2)?;
        self.stack.get_mut(at)
    }

    pub(super) fn screens_mut(&mut self) -> impl Iterator<Item = &mut Screen> {
        self.stack.iter_mut()
    }

    pub(super) fn screens(&self) -> &[Screen] {
        &self.stack
    }

    /// Opens a screen over the one on top.
    pub(super) fn push(&mut self, kind: Kind) {
        self.stack.push(kind.into());
    }

    /// Puts a screen in the place of the one on top.
    pub(super) fn replace(&mut self, kind: Kind) -> Vec<Effect> {
        let old = std::mem::replace(self.screen_mut(), kind.into());
        cancel(&[old])
    }

    /// Goes back; does nothing on the last screen.
    pub(super) fn pop(&mut self) -> Vec<Effect> {
        if self.stack.len() < 2 {
            return Vec::new();
        }
        let old = self.stack.split_off(self.stack.len() - 1);
        cancel(&old)
    }

    /// Leaves all screens for another.
    pub(super) fn go_to(&mut self, kind: Kind) -> Vec<Effect> {
        let old = std::mem::replace(&mut self.stack, vec![kind.into()]);
        cancel(&old)
    }

    /// Asks again for what is on the screen.
    pub(super) fn refresh(&mut self) -> Vec<Effect> {
        let ticket = self.ticket();
        self.screen_mut().refresh(ticket).into_iter().collect()
    }

    /// Begins an action.
    pub(super) fn act(&mut self, action: Action) -> Vec<Effect> {
        let ticket = self.ticket();
        self.acting.push(ticket);
        vec![Effect::Act(ticket, action)]
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.note = Some(Note { text: text.into(), is_bad: false });
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.note = Some(Note { text: text.into(), is_bad: true });
    }
}

/// Nobody waits for the answers to these screens any more.
fn cancel(screens: &[Screen]) -> Vec<Effect> {
    screens.iter().filter_map(Screen::ticket).map(Effect::Cancel).collect()
}
