//! What the view and the store say to each other: [`Effect`]s that the view asks for, [`Message`]s that it gets.

use event_core::adapter::SubscriptionKey;
use event_core::health::ProjectionReport;
use event_core::subscription::SubscriptionInfo;
use event_core::{EventId, ListOptions, Position, StartFrom, StreamId, StreamInfo, Tenant};
use ratatui::crossterm::event::KeyEvent;

use super::rows::{EventPage, EventRow};

/// The number of a question; its answer carries the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Ticket(pub(super) u64);

/// What the view wants done. Nothing of it is waited for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    Load(Ticket, Request),
    /// Follow the log until the ticket is cancelled.
    Follow(Ticket, EventFilter),
    Act(Ticket, Action),
    /// Nobody waits for the answer any more.
    Cancel(Ticket),
    Quit,
}

/// What is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    Streams(ListOptions),
    /// A page of a stream from a version on, or of everything from a position on, forward or back.
    Events {
        of: EventsOf,
        from: Option<u64>,
        is_backward: bool,
    },
    Event(EventKey),
    Subscriptions,
    Parked {
        subscription: SubscriptionKey,
        after: Position,
    },
    Projections,
    /// The types that the store ever held or this program knows.
    Types,
}

/// Which events a list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventsOf {
    Stream(Tenant, StreamId),
    All(EventFilter),
}

/// Which events of everything are listed or followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct EventFilter {
    /// Of these types; all if there is none.
    pub(super) types: Vec<String>,
    pub(super) stream: Option<(Tenant, StreamId)>,
    pub(super) correlation: Option<String>,
}

/// Which event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventKey {
    /// `None` where only the id and the position are known.
    pub(super) tenant: Option<Tenant>,
    pub(super) id: EventId,
    pub(super) position: Position,
}

/// What an operator does to the store.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    Pause(SubscriptionKey),
    Resume(SubscriptionKey),
    Reset(SubscriptionKey, StartFrom),
    /// One parked event, or all.
    Replay(SubscriptionKey, Option<Position>),
    /// Gives one parked event up, or all, for a reason.
    Discard(SubscriptionKey, Option<Position>, String),
    SwitchBuild {
        name: String,
        build: u32,
    },
    DropBuild {
        name: String,
        build: u32,
    },
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Key(KeyEvent),
    Resize(u16, u16),
    Answer(Ticket, Result<Answer, Problem>),
    /// Events that were followed, in order.
    Followed(Ticket, Vec<EventRow>),
    /// Whether the store can be reached.
    Reached(Result<(), Problem>),
    /// Time to read what changes by itself.
    Tick,
}

/// What was read or done.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Streams(Vec<StreamInfo>, bool),
    /// Events, and where the next page starts.
    Events(Vec<EventRow>, Option<u64>),
    Event(Box<EventPage>),
    Subscriptions(Vec<SubscriptionInfo>),
    Parked(Vec<event_core::adapter::ParkedEvent>, Option<Position>),
    Projections(Vec<ProjectionReport>),
    Types(Vec<String>),
    /// An action was done: what to say.
    Done(String),
}

/// Why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) text: String,
    /// Whether it may succeed later: the store cannot be reached.
    pub(super) is_transient: bool,
}
