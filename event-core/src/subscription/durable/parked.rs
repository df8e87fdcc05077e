//! [`Parked`]: parked events of a subscription, and what is done about them: looked at, handled again, given up.

use std::future::IntoFuture;

use super::DurableSubscription;
use crate::adapter::{BoxFuture, DiscardedEvent, ParkedEvent, ParkedFilter};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result, SubscriptionError};
use crate::registry::Registry;
use crate::value::{BatchSize, EventId, Position, StreamId};

/// The length of the longest reason, in bytes.
const MAX_REASON: usize = 10_000;

/// Selects parked events: one by its id or its position, or all that meet conditions.
///
/// ```
/// use event_core::subscription::Parked;
///
/// let refused = Parked::all().event_types(["order_placed"]).error("mailbox full");
/// # let _ = refused;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Parked(ParkedFilter);

impl Parked {
    /// All parked events.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only events of these types, under every alias that they were stored under.
    #[must_use]
    pub fn event_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.0.event_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Only events of one stream.
    #[must_use]
    pub fn stream(mut self, stream_id: StreamId) -> Self {
        self.0.stream_id = Some(stream_id);
        self
    }

    /// Only events with this text in their error.
    #[must_use]
    pub fn error(mut self, text: impl Into<String>) -> Self {
        self.0.error = Some(text.into());
        self
    }

    /// One event is named, rather than a condition.
    const fn names_one(&self) -> bool {
        self.0.event_id.is_some() || self.0.position.is_some()
    }

    /// As the backend is asked, which knows no aliases.
    fn stored(mut self) -> Result<ParkedFilter> {
        let registry = Registry::global()?;
        self.0.event_types = self.0.event_types.map(|types| {
            let names = types.iter().flat_map(|name| registry.stored_names(name));
            names.map(str::to_owned).collect()
        });
        Ok(self.0)
    }
}

impl From<EventId> for Parked {
    fn from(event_id: EventId) -> Self {
        Self(ParkedFilter { event_id: Some(event_id), ..ParkedFilter::default() })
    }
}

impl From<Position> for Parked {
    fn from(position: Position) -> Self {
        Some(position).into()
    }
}

impl From<Option<Position>> for Parked {
    /// `None` is all.
    fn from(position: Option<Position>) -> Self {
        Self(ParkedFilter { position, ..ParkedFilter::default() })
    }
}

/// A page of parked events, read when it is awaited. See [`DurableSubscription::parked`].
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct ParkedList {
    subscription: DurableSubscription,
    selected: Parked,
    after: Position,
    limit: BatchSize,
}

impl ParkedList {
    /// Selects which; all by default.
    pub fn select(mut self, selected: impl Into<Parked>) -> Self {
        self.selected = selected.into();
        self
    }

    /// Continues after the position of the last one of a page.
    pub const fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Sets the size of the page; 1 000 by default.
    pub const fn limit(mut self, limit: BatchSize) -> Self {
        self.limit = limit;
        self
    }

    /// Reads those that were discarded instead, with the reasons.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub async fn discarded(self) -> Result<Vec<DiscardedEvent>> {
        let Self { subscription, selected, after, limit } = self;
        let (operation, key, checkpoints) = subscription.begin("list_discarded")?;
        let filter = operation.check(selected.stored())?;
        operation.run(|_| checkpoints.select_discarded(&key, &filter, after, limit.get())).await
    }

    async fn read(self) -> Result<Vec<ParkedEvent>> {
        let Self { subscription, selected, after, limit } = self;
        let (operation, key, checkpoints) = subscription.begin("list_parked")?;
        let filter = operation.check(selected.stored())?;
        operation.run(|_| checkpoints.select_parked(&key, &filter, after, limit.get())).await
    }
}

impl IntoFuture for ParkedList {
    type Output = Result<Vec<ParkedEvent>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl DurableSubscription {
    /// Lists the parked events in the order of the log, a page at a time.
    ///
    /// # Errors
    /// As [`DurableSubscription::pause`].
    pub fn parked(&self) -> ParkedList {
        ParkedList {
            subscription: self.clone(),
            selected: Parked::all(),
            after: Position::START,
            limit: BatchSize::default(),
        }
    }

    /// Looks at one parked event: with its error, the number of attempts and the time, and the event itself, which is missing
    /// if it was deleted since.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `NotParked`; as [`DurableSubscription::pause`].
    pub async fn parked_event(
        &self,
        event_id: EventId,
    ) -> Result<(ParkedEvent, Option<RecordedEvent>)> {
        let mut page = self.parked().select(event_id).await?;
        let Some(parked) = page.pop() else {
            return Err(self.why_not(&event_id.into(), Task::Look).await?);
        };
        let event = self.store.read_event_at_least(event_id, parked.position).await?;
        Ok((parked, event))
    }

    /// Marks parked events to be handled again, and returns how many were marked. Consumers handle them within a third of the
    /// lease, out of the order of their streams; an event that fails again stays parked.
    ///
    /// An event that is named by its id or position, and was discarded meanwhile or is not parked, is an error; one that is
    /// marked already is none.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `NotParked`; as [`DurableSubscription::pause`].
    pub async fn replay(&self, which: impl Into<Parked> + Send) -> Result<u64> {
        let which = which.into();
        let (operation, key, checkpoints) = self.begin("replay_parked")?;
        let filter = operation.check(which.clone().stored())?;
        let marked = operation.run(|_| checkpoints.replay_selected(&key, &filter)).await?;
        if marked == 0 && which.names_one() && self.parked().select(which.clone()).await?.is_empty()
        {
            return Err(self.why_not(&which, Task::Replay).await?);
        }
        Ok(marked)
    }

    /// Gives parked events up, and returns how many: they are never handled again, and kept with the reason, see
    /// [`ParkedList::discarded`]. What is marked to be handled again is left to its consumer.
    ///
    /// An event that is named by its id or position, and is marked, was discarded meanwhile or is not parked, is an error.
    ///
    /// # Errors
    /// [`Error::Subscription`] with `NotParked`, or `Invalid` for a reason that is empty or above 10 000 bytes; as
    /// [`DurableSubscription::pause`].
    pub async fn discard(
        &self,
        which: impl Into<Parked> + Send,
        reason: impl Into<String> + Send,
    ) -> Result<u64> {
        let (which, reason) = (which.into(), reason.into());
        let (operation, key, checkpoints) = self.begin("discard_parked")?;
        if reason.trim().is_empty() || reason.len() > MAX_REASON {
            let wrong = "the reason to discard an event has 1 to 10000 bytes";
            return Err(operation.refuse(self.invalid(wrong)));
        }
        let filter = operation.check(which.clone().stored())?;
        let discarded = operation.run(|_| checkpoints.discard(&key, &filter, &reason)).await?;
        if discarded == 0 && which.names_one() {
            return Err(self.why_not(&which, Task::Discard).await?);
        }
        metrics::counter!(
            "event_store_subscription_events_total",
            "subscription" => self.name.clone(), "result" => "discarded"
        )
        .increment(discarded);
        Ok(discarded)
    }

    /// The error for an event that is named and is not parked, or not free to be discarded.
    async fn why_not(&self, which: &Parked, task: Task) -> Result<Error> {
        let list = || self.parked().select(which.clone());
        let state = match (list().discarded().await?.pop(), task) {
            (Some(DiscardedEvent { reason, discarded_at, .. }), _) => {
                format!("was discarded at {discarded_at}: {reason}")
            }
            (None, Task::Discard) if !list().await?.is_empty() => {
                "is marked to be handled again, which its consumer decides".to_owned()
            }
            (None, _) => "is not parked: it was handled since, or never failed".to_owned(),
        };
        let name = self.name.clone();
        let event = match (which.0.event_id, which.0.position) {
            (Some(event_id), _) => format!("event {event_id}"),
            (None, position) => format!("the event at {}", position.unwrap_or_default()),
        };
        Ok(SubscriptionError::NotParked { name, event, state }.into())
    }
}

/// What a caller wanted of a parked event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Look,
    Replay,
    Discard,
}
