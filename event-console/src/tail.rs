//! [`Tail`]: one reader of the log for all pages that follow it. It runs while somebody listens; a listener that is too slow
//! misses notes and is told how many, and delays nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use event_core::value::Printable;
use event_core::{
    EventId, EventStore, EventVersion, Filter, Position, RecordedEvent, Result, StartFrom,
    StreamId, StreamVersion, Subscription, Tenant,
};
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// The notes that a listener may be behind.
const BUFFERED: usize = 256;
/// How often the store is asked whether it is there.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// One reader for all listeners.
#[derive(Default)]
pub(crate) struct Tail {
    /// While the reader runs.
    sender: Mutex<Option<broadcast::Sender<Arc<Note>>>>,
}

/// What listeners are told.
#[derive(Debug)]
pub(crate) enum Note {
    /// An event was stored.
    Event(Stored),
    /// The store does not answer.
    Away,
    /// It answers again.
    Back,
}

/// A stored event, without its content.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) tenant: Tenant,
    pub(crate) stream_id: StreamId,
    pub(crate) stream_version: StreamVersion,
    pub(crate) position: Position,
    pub(crate) event_id: EventId,
    /// Printable.
    pub(crate) event_type: String,
    pub(crate) event_version: EventVersion,
    pub(crate) recorded_at: DateTime<Utc>,
}

impl Tail {
    /// Listens from now on; the first listener starts the reader.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        store: &EventStore,
    ) -> Result<broadcast::Receiver<Arc<Note>>> {
        if let Some(sender) = &*self.sender() {
            return Ok(sender.subscribe());
        }
        // Its start is fixed here: whatever is stored after the page was asked for is seen.
        let subscription = store.subscribe(StartFrom::Now, Filter::all()).await?;
        let mut current = self.sender();
        if let Some(sender) = &*current {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(BUFFERED);
        *current = Some(sender.clone());
        tokio::spawn(
            Reader { tail: Arc::clone(self), store: store.clone(), sender }.run(subscription),
        );
        Ok(receiver)
    }

    /// The number of readers of the log: one, or none.
    pub(crate) fn readers(&self) -> usize {
        usize::from(self.sender().is_some())
    }

    /// The number of listeners.
    pub(crate) fn listeners(&self) -> usize {
        self.sender().as_ref().map_or(0, broadcast::Sender::receiver_count)
    }

    fn sender(&self) -> std::sync::MutexGuard<'_, Option<broadcast::Sender<Arc<Note>>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the reader if nobody listens: under the lock, so that a listener who comes now starts another.
    fn ends(&self) -> bool {
        let mut sender = self.sender();
        let is_unheard = sender.as_ref().is_none_or(|it| it.receiver_count() == 0);
        if is_unheard {
            *sender = None;
        }
        is_unheard
    }
}

struct Reader {
    tail: Arc<Tail>,
    store: EventStore,
    sender: broadcast::Sender<Arc<Note>>,
}

impl Reader {
    async fn run(self, mut subscription: Subscription) {
        let mut ticks = interval(ASK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_away = false;
        loop {
            tokio::select! {
                event = subscription.next() => if let Some(Ok(event)) = event {
                    self.tell(Note::Event(Stored::of(&event)));
                } else {
                    self.tell_away(&mut is_away, true);
                    let Some(next) = self.again(subscription.position()).await else { return };
                    subscription = next;
                    self.tell_away(&mut is_away, false);
                },
                _ = ticks.tick() => {
                    if self.tail.ends() {
                        return;
                    }
                    let answer = timeout(ASK_EVERY, self.store.health()).await;
                    self.tell_away(&mut is_away, !matches!(answer, Ok(Ok(_))));
                }
            }
        }
    }

    /// Subscribes again, where it ended or, if the log was replaced, from now on. `None` if nobody listens any more.
    async fn again(&self, ended: Position) -> Option<Subscription> {
        loop {
            sleep(Duration::from_secs(1)).await;
            if self.tail.ends() {
                return None;
            }
            for from in [StartFrom::After(ended), StartFrom::Now] {
                if let Ok(subscription) = self.store.subscribe(from, Filter::all()).await {
                    return Some(subscription);
                }
            }
        }
    }

    fn tell_away(&self, was_away: &mut bool, is_away: bool) {
        if *was_away != is_away {
            *was_away = is_away;
            self.tell(if is_away { Note::Away } else { Note::Back });
        }
    }

    fn tell(&self, note: Note) {
        // An error says that nobody listens: the next tick ends the reader.
        let _ = self.sender.send(Arc::new(note));
    }
}

impl Stored {
    fn of(event: &RecordedEvent) -> Self {
        Self {
            tenant: event.tenant().clone(),
            stream_id: event.stream_id().clone(),
            stream_version: event.stream_version(),
            position: event.position(),
            event_id: event.event_id(),
            event_type: Printable(event.event_type()).to_string(),
            event_version: event.event_version(),
            recorded_at: event.recorded_at(),
        }
    }
}
