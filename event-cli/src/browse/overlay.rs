//! [`Overlay`]: what lies over a screen and takes its keys: a line to type into, a question, the list of keys.

use event_core::Position;
use event_core::adapter::SubscriptionKey;

use super::request::Action;

/// The characters of a line that are taken.
const LINE: usize = 300;

/// What lies over the screen.
#[derive(Debug, Clone)]
pub(super) enum Overlay {
    Help { scroll: usize },
    Input(Input),
    Question(Question),
}

/// A line that is typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Input {
    pub(super) purpose: Purpose,
    pub(super) text: String,
}

/// What the line is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Purpose {
    /// Streams by their name; `contains` for any part of it.
    Streams { contains: bool },
    /// Events by type.
    Types,
    /// Where a subscription is set to.
    Reset(SubscriptionKey),
    /// Why a parked event, or all of them, are given up.
    Discard(SubscriptionKey, Option<Position>),
}

/// A question that is answered with yes or no.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub(super) lines: Vec<String>,
    pub(super) action: Action,
}

impl Input {
    pub(super) const fn new(purpose: Purpose) -> Self {
        Self { purpose, text: String::new() }
    }

    /// What stands before the line.
    pub(super) const fn label(&self) -> &'static str {
        match self.purpose {
            Purpose::Streams { contains: false } => "streams that begin with",
            Purpose::Streams { contains: true } => "streams that contain",
            Purpose::Types => "events of type",
            Purpose::Discard(..) => "reason to discard",
            Purpose::Reset(_) => "reset to (beginning, now, or a position)",
        }
    }

    pub(super) fn push(&mut self, c: char) {
        if !c.is_control() && self.text.chars().count() < LINE {
            self.text.push(c);
        }
    }
}

/// The types that a typed text means: those that contain it, or else the text itself.
pub(super) fn types_of(text: &str, known: &[String]) -> Vec<String> {
    let text = text.trim();
    if text.is_empty() {
        return Vec::new();
    }
    let found: Vec<_> = known.iter().filter(|name| name.contains(text)).cloned().collect();
    if found.is_empty() { vec![text.to_owned()] } else { found }
}
