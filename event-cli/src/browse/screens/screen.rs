//! [`Screen`]: one of the screens, and what all of them can do.

use event_core::StreamInfo;
use event_core::health::ProjectionReport;
use event_core::subscription::SubscriptionInfo;

use super::event::EventScreen;
use super::events::EventsScreen;
use super::operate::ParkedScreen;
use super::streams::StreamsScreen;
use super::tail::TailScreen;
use crate::browse::cursor::Move;
use crate::browse::pages::Pages;
use crate::browse::request::{Answer, Effect, Problem, Request, Ticket};
use crate::browse::rows::EventRow;

/// A screen, and why its last question failed.
#[derive(Debug, Clone)]
pub(in crate::browse) struct Screen {
    pub(in crate::browse) kind: Kind,
    pub(in crate::browse) problem: Option<Problem>,
}

/// Which screen.
#[derive(Debug, Clone)]
pub(in crate::browse) enum Kind {
    Streams(StreamsScreen),
    Events(EventsScreen),
    Event(EventScreen),
    Tail(TailScreen),
    Subscriptions(Pages<SubscriptionInfo, ()>),
    Parked(ParkedScreen),
    Projections(Pages<ProjectionReport, ()>),
}

/// Does the same with the list of any screen that has one.
macro_rules! with_list {
    ($kind:expr, $list:ident => $do:expr, else $other:expr) => {
        match $kind {
            Kind::Streams(StreamsScreen { list: $list, .. }) => $do,
            Kind::Events(EventsScreen { list: $list, .. }) => $do,
            Kind::Parked(ParkedScreen { list: $list, .. }) => $do,
            Kind::Subscriptions($list) => $do,
            Kind::Projections($list) => $do,
            Kind::Event(_) | Kind::Tail(_) => $other,
        }
    };
}

impl From<Kind> for Screen {
    fn from(kind: Kind) -> Self {
        Self { kind, problem: None }
    }
}

impl Screen {
    /// Moves the cursor, or scrolls.
    pub(in crate::browse) fn go(&mut self, to: Move, rows: usize) {
        match &mut self.kind {
            Kind::Event(event) => event.go(to, rows),
            Kind::Tail(tail) => tail.go(to, rows),
            kind => with_list!(kind, list => list.go(to, rows), else ()),
        }
    }

    /// Puts the cursor on a screen that has another size now.
    pub(in crate::browse) fn resized(&mut self, rows: usize) {
        match &mut self.kind {
            Kind::Event(event) => {
                event.scroll = event.scroll.min(event.rows().saturating_sub(rows));
            }
            Kind::Tail(tail) => tail.cursor.keep_visible(tail.rows.len(), rows),
            kind => with_list!(kind, list => list.keep_visible(rows), else ()),
        }
    }

    /// What the screen needs and has not asked for; noted as asked for.
    pub(in crate::browse) fn pull(&mut self, rows: usize, ticket: Ticket) -> Option<Effect> {
        if self.problem.is_some() {
            return None;
        }
        match &mut self.kind {
            Kind::Event(event) if event.page.is_none() && event.ticket.is_none() => {
                event.ticket = Some(ticket);
                Some(Effect::Load(ticket, Request::Event(event.key.clone())))
            }
            Kind::Tail(tail) if tail.ticket.is_none() => {
                tail.ticket = Some(ticket);
                tail.rows.clear();
                Some(Effect::Follow(ticket, tail.filter.clone()))
            }
            kind => {
                let page = with_list!(kind, list => {
                    let page = list.wanted(rows)?;
                    list.asked(page, ticket);
                    page
                }, else return None);
                Some(Effect::Load(ticket, self.request(page)?))
            }
        }
    }

    /// Asks again for what is shown; what is there stays until the answer.
    pub(in crate::browse) fn refresh(&mut self, ticket: Ticket) -> Option<Effect> {
        self.problem = None;
        match &mut self.kind {
            Kind::Event(event) => {
                event.ticket = Some(ticket);
                return Some(Effect::Load(ticket, Request::Event(event.key.clone())));
            }
            Kind::Tail(_) => return None,
            _ => {}
        }
        let page = with_list!(&mut self.kind, list => list.refresh(ticket)?, else return None);
        Some(Effect::Load(ticket, self.request(page)?))
    }

    fn request(&self, page: usize) -> Option<Request> {
        Some(match &self.kind {
            Kind::Streams(streams) => streams.request(streams.list.key(page)?.clone()),
            Kind::Events(events) => events.request(*events.list.key(page)?),
            Kind::Parked(parked) => Request::Parked {
                subscription: parked.subscription.clone(),
                after: *parked.list.key(page)?,
            },
            Kind::Subscriptions(_) => Request::Subscriptions,
            Kind::Projections(_) => Request::Projections,
            Kind::Event(_) | Kind::Tail(_) => return None,
        })
    }

    /// Takes an answer; false if it is not for this screen.
    pub(in crate::browse) fn accept(
        &mut self,
        ticket: Ticket,
        answer: Answer,
        rows: usize,
    ) -> bool {
        let accepted = match (&mut self.kind, answer) {
            (Kind::Streams(screen), Answer::Streams(streams, more)) => {
                let next = streams.last().filter(|_| more).cloned().map(Some);
                screen.list.accept(ticket, streams, next)
            }
            (Kind::Events(screen), Answer::Events(events, next)) => {
                screen.list.accept(ticket, events, next.map(Some))
            }
            (Kind::Event(screen), Answer::Event(page)) if screen.ticket == Some(ticket) => {
                screen.ticket = None;
                screen.page = Some(page);
                true
            }
            (Kind::Subscriptions(list), Answer::Subscriptions(all)) => {
                list.accept(ticket, all, None)
            }
            (Kind::Parked(screen), Answer::Parked(parked, next)) => {
                screen.list.accept(ticket, parked, next)
            }
            (Kind::Projections(list), Answer::Projections(all)) => list.accept(ticket, all, None),
            _ => false,
        };
        if accepted {
            self.problem = None;
            self.resized(rows);
        }
        accepted
    }

    /// Takes a failure; false if it is not for this screen.
    pub(in crate::browse) fn failed(&mut self, ticket: Ticket, problem: &Problem) -> bool {
        let is_ours = match &mut self.kind {
            Kind::Event(event) => event.ticket.take_if(|it| *it == ticket).is_some(),
            Kind::Tail(tail) => tail.ticket.take_if(|it| *it == ticket).is_some(),
            kind => with_list!(kind, list => list.failed(ticket), else false),
        };
        if is_ours {
            self.problem = Some(problem.clone());
        }
        is_ours
    }

    /// The question that is not answered yet.
    pub(in crate::browse) fn ticket(&self) -> Option<Ticket> {
        match &self.kind {
            Kind::Event(event) => event.ticket,
            Kind::Tail(tail) => tail.ticket,
            kind => with_list!(kind, list => list.ticket(), else None),
        }
    }

    /// Whether something is on its way.
    pub(in crate::browse) fn is_loading(&self) -> bool {
        !matches!(self.kind, Kind::Tail(_)) && self.ticket().is_some()
    }

    /// The event under the cursor.
    pub(in crate::browse) fn event(&self) -> Option<&EventRow> {
        match &self.kind {
            Kind::Events(screen) => screen.list.selected(),
            Kind::Tail(screen) => screen.selected(),
            _ => None,
        }
    }

    /// The stream under the cursor.
    pub(in crate::browse) fn stream(&self) -> Option<&StreamInfo> {
        match &self.kind {
            Kind::Streams(screen) => screen.list.selected(),
            _ => None,
        }
    }

    /// Whether what it shows changes by itself, in little room.
    pub(in crate::browse) const fn is_watched(&self) -> bool {
        matches!(self.kind, Kind::Subscriptions(_) | Kind::Parked(_) | Kind::Projections(_))
    }
}
