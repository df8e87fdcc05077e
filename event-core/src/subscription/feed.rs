//! [`Feed`]: the log through a filter, from any place on, without an end. Every subscription reads through one.

use std::time::Duration;

use crate::adapter::{AllOptions, LogSegment, LogUpdate};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::registry::Registry;
use crate::store::EventStore;
use crate::subscription::Filter;
use crate::value::Position;

/// The first pause before a backend that cannot be reached is asked again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The log through a filter. It keeps no place: whoever reads brings it.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    store: EventStore,
    filter: Filter,
    asked: AllOptions,
    /// The same with every name that the types were stored under.
    admitted: AllOptions,
}

/// A part of the log without a gap: what passed the filter, and how far it was looked at.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) events: Vec<RecordedEvent>,
    /// After the place that was asked for, always.
    pub(crate) up_to: Position,
}

impl Feed {
    pub(crate) fn new(store: EventStore, filter: Filter) -> Result<Self> {
        let asked = filter.options();
        let admitted = asked.clone().with_stored_names(Registry::global()?);
        Ok(Self { store, filter, asked, admitted })
    }

    /// Waits until something is final after a place, whether it passes the filter or not.
    ///
    /// A backend that cannot be reached is waited for: a subscription does not end by a restart of its database.
    pub(crate) async fn read(&self, after: Position) -> Result<Batch> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.attempt(after).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = %error, "a subscription waits for its store");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                result => return result,
            }
        }
    }

    async fn attempt(&self, after: Position) -> Result<Batch> {
        match self.store.adapter().live().next(after).await? {
            LogUpdate::Segment(recent) => Ok(self.sift(&recent, after)),
            LogUpdate::Behind(head) => self.page(after, head).await,
        }
    }

    fn sift(&self, recent: &LogSegment, after: Position) -> Batch {
        let view = self.store.view();
        let passes = |event: &RecordedEvent| {
            event.position() > after
                && view.sees(event.tenant())
                && self.admitted.admits(event)
                && self.filter.holds(event)
        };
        let found = recent.events.iter().filter(|event| passes(event));
        let events = found.map(|event| RecordedEvent::clone(event)).collect();
        Batch { events, up_to: recent.up_to }
    }

    async fn page(&self, after: Position, head: Position) -> Result<Batch> {
        let options = self.asked.clone().after(after).up_to(head);
        let size = options.get_limit().get() as usize;
        let mut events = self.store.read_all(options).await?;
        let up_to = match events.last() {
            Some(last) if events.len() >= size => last.position(),
            _ => head,
        };
        events.retain(|event| self.filter.holds(event));
        Ok(Batch { events, up_to })
    }
}
