//! Readers of every kind. Each records what it saw; one that ends says why, and begins again as an application would.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_core::broadcast::{Broadcast, Copies};
use event_core::error::BoxError;
use event_core::{
    AllOptions, Error, EventId, EventStore, Filter, Position, RecordedEvent, Result, StartFrom,
};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::world::World;

/// The pause before a reader that ended begins again.
const AGAIN: Duration = Duration::from_millis(50);
/// The pause between two passes over the end of the log.
const PASS: Duration = Duration::from_millis(150);
/// How far before the end of the log a pass begins.
const DEPTH: u64 = 3_000;
const LEASE: Duration = Duration::from_millis(1_500);

/// What one reader, or the group of consumers of one subscription, saw.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) name: String,
    /// The category that it is limited to.
    pub(super) category: Option<&'static str>,
    /// Durable subscriptions have a checkpoint under the name.
    pub(super) is_durable: bool,
    /// Positions and ids, in the order of sight.
    pub(super) seen: Mutex<Vec<(i64, EventId)>>,
    world: Arc<World>,
}

impl Reader {
    pub(super) fn new(name: impl Into<String>, world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self::filtered(name.into(), None, false, world))
    }

    pub(super) fn durable(
        name: impl Into<String>,
        category: Option<&'static str>,
        world: &Arc<World>,
    ) -> Arc<Self> {
        Arc::new(Self::filtered(name.into(), category, true, world))
    }

    fn filtered(
        name: String,
        category: Option<&'static str>,
        is_durable: bool,
        world: &Arc<World>,
    ) -> Self {
        Self { name, category, is_durable, seen: Mutex::default(), world: Arc::clone(world) }
    }

    fn filter(&self) -> Filter {
        self.category.map_or_else(Filter::all, |category| Filter::all().category(category))
    }

    pub(super) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    fn saw(&self, event: &RecordedEvent) {
        let position = i64::try_from(event.position().get()).unwrap();
        self.seen.lock().unwrap().push((position, event.event_id()));
    }

    /// After an error: where to begin again. From the beginning in another log, else after the last event.
    fn begin_again(&self, after: Position, error: &Error) -> StartFrom {
        self.world.ended(&self.name, error);
        match error {
            Error::LogDiverged { .. } => StartFrom::Beginning,
            _ => StartFrom::After(after),
        }
    }

    /// Follows the log with a plain subscription.
    pub(super) fn follow(self: &Arc<Self>, store: EventStore) -> JoinHandle<()> {
        let reader = Arc::clone(self);
        tokio::spawn(async move {
            let mut from = StartFrom::Beginning;
            loop {
                match store.subscribe(from, reader.filter()).await {
                    Ok(mut subscription) => {
                        while let Some(next) = subscription.next().await {
                            match next {
                                Ok(event) => reader.saw(&event),
                                Err(error) => {
                                    from = reader.begin_again(subscription.position(), &error);
                                }
                            }
                        }
                    }
                    Err(error) => from = reader.not_opened(from, &error),
                }
                sleep(AGAIN).await;
            }
        })
    }

    /// Listens to a broadcast.
    pub(super) fn listen(self: &Arc<Self>, store: EventStore) -> JoinHandle<()> {
        let reader = Arc::clone(self);
        tokio::spawn(async move {
            let broadcast = Broadcast::new(&store, |_| vec!["all".into()]);
            let (mut from, mut last) = (StartFrom::Beginning, Position::new(0));
            loop {
                match broadcast.listen(["all"], Copies::Once, from).await {
                    Ok(mut listener) => {
                        while let Some(next) = listener.next().await {
                            match next {
                                Ok(message) => {
                                    last = message.event.position();
                                    reader.saw(&message.event);
                                }
                                Err(error) => from = reader.begin_again(last, &error),
                            }
                        }
                    }
                    Err(error) => from = reader.not_opened(from, &error),
                }
                sleep(AGAIN).await;
            }
        })
    }

    fn not_opened(&self, from: StartFrom, error: &Error) -> StartFrom {
        if error.is_transient() {
            return from;
        }
        self.begin_again(Position::new(0), error)
    }

    /// Consumes a durable subscription of this name, as one of several consumers perhaps.
    pub(super) fn consume(self: &Arc<Self>, store: EventStore, partitions: u32) -> JoinHandle<()> {
        let reader = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                if let Err(error) = reader.consume_once(&store, partitions).await {
                    let opens_again = error.is_transient();
                    if !opens_again {
                        reader.world.ended(&reader.name, &error);
                    }
                    if matches!(error, Error::LogDiverged { .. }) {
                        // What the error advises; an operator would do it, once.
                        let _ = store.subscription(&reader.name).reset(StartFrom::Beginning).await;
                    }
                }
                sleep(AGAIN).await;
            }
        })
    }

    /// Opens the subscription and handles events until it ends. Transient errors are those of opening.
    pub(super) async fn consume_once(
        self: &Arc<Self>,
        store: &EventStore,
        partitions: u32,
    ) -> Result<()> {
        let subscription =
            store.subscription(&self.name).filter(self.filter()).partitions(partitions);
        let subscription = subscription.lease(LEASE).checkpoint_interval(Duration::from_millis(20));
        let consumer = subscription.open().await?;
        let reader = Arc::clone(self);
        let handled = consumer.run(move |event| {
            reader.saw(&event);
            async { Ok::<(), BoxError>(()) }
        });
        match handled.await {
            Err(error) if error.is_transient() => {
                self.world.ended(&self.name, &error);
                Ok(())
            }
            ended => ended,
        }
    }

    /// Reads pages of the end of the log, over and over, until it is stopped; each pass must be without a gap.
    pub(super) fn pass(self: &Arc<Self>, store: EventStore, passes: Arc<Passes>) -> JoinHandle<()> {
        let reader = Arc::clone(self);
        tokio::spawn(async move {
            while !passes.stop.load(Ordering::SeqCst) {
                let last = reader.seen.lock().unwrap().last().map_or(0, |(position, _)| *position);
                let after = u64::try_from(last).unwrap().saturating_sub(DEPTH);
                let losses = reader.world.losses();
                match read_pass(&store, after).await {
                    // A pass beside a loss of commits is of neither log.
                    Ok(events) if losses == reader.world.losses() => {
                        passes.add(Pass { losses, after: i64::try_from(after).unwrap(), events });
                    }
                    Err(error) if !error.is_transient() => reader.world.ended(&reader.name, &error),
                    Ok(_) | Err(_) => {}
                }
                let end =
                    passes.all.lock().unwrap().last().and_then(|pass| pass.events.last().copied());
                reader.seen.lock().unwrap().extend(end);
                sleep(PASS).await;
            }
        })
    }
}

/// The events of all pages after a position, in the order of the pages.
pub(super) async fn read_pass(store: &EventStore, after: u64) -> Result<Vec<(i64, EventId)>> {
    let mut events = Vec::new();
    let mut at = Position::new(after);
    loop {
        let page = store.read_all(AllOptions::new().after(at)).await?;
        let Some(last) = page.last() else { return Ok(events) };
        at = last.position();
        let place = |event: &RecordedEvent| {
            (i64::try_from(event.position().get()).unwrap(), event.event_id())
        };
        events.extend(page.iter().map(place));
    }
}

/// One reading of the end of the log, in pages.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) losses: usize,
    pub(super) after: i64,
    pub(super) events: Vec<(i64, EventId)>,
}

/// The last passes of a reader for each log.
#[derive(Debug, Default)]
pub(super) struct Passes {
    pub(super) stop: AtomicBool,
    pub(super) all: Mutex<Vec<Pass>>,
    pub(super) count: AtomicUsize,
}

impl Passes {
    fn add(&self, pass: Pass) {
        const KEPT: usize = 50;
        self.count.fetch_add(1, Ordering::SeqCst);
        let mut all = self.all.lock().unwrap();
        if all.len() >= KEPT {
            all.remove(0);
        }
        all.push(pass);
    }
}
