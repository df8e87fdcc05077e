//! Readers of every kind, what each saw and what it said: for logs that are replaced under them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_core::broadcast::{Broadcast, Copies};
use event_core::error::with_causes;
use event_core::{
    AllOptions, Error, Event, EventId, EventStore, Filter, Position, Projection, RecordedEvent,
    StartFrom,
};
use event_testing::Noted;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// What every reader gets at most for what it has to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a reader saw, and the error that ended it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) ids: Mutex<Vec<EventId>>,
    pub(crate) said: Mutex<Option<Error>>,
}

impl Seen {
    pub(crate) fn see(&self, event: &RecordedEvent) {
        self.ids.lock().unwrap().push(event.event_id());
    }

    pub(crate) fn end(&self, error: Error) {
        *self.said.lock().unwrap() = Some(error);
    }

    pub(crate) fn has(&self, wanted: &[EventId]) -> bool {
        let seen: BTreeSet<_> = self.ids.lock().unwrap().iter().copied().collect();
        wanted.iter().all(|id| seen.contains(id))
    }

    pub(crate) fn ended(&self) -> bool {
        self.said.lock().unwrap().is_some()
    }
}

pub(crate) struct Reader {
    pub(crate) name: &'static str,
    pub(crate) seen: Arc<Seen>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) fn reader<W: Future<Output = Result<(), Error>> + Send + 'static>(
    name: &'static str,
    work: impl FnOnce(Arc<Seen>) -> W,
) -> Reader {
    let seen = Arc::new(Seen::default());
    let work = work(Arc::clone(&seen));
    let task = tokio::spawn({
        let seen = Arc::clone(&seen);
        async move {
            if let Err(error) = work.await {
                seen.end(error);
            }
        }
    });
    Reader { name, seen, task }
}

struct Collect(Arc<Seen>);

#[derive(Event)]
enum AnyEvent {
    Noted(Noted),
    #[event(other)]
    Other(RecordedEvent),
}

impl Projection for Collect {
    type Event = AnyEvent;

    fn apply(&mut self, _: Self::Event, recorded: &RecordedEvent) {
        self.0.see(recorded);
    }
}

pub(crate) async fn plain(store: EventStore, seen: Arc<Seen>) -> Result<(), Error> {
    let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await?;
    while let Some(event) = events.next().await {
        seen.see(&event?);
    }
    Ok(())
}

pub(crate) async fn durable(store: EventStore, seen: Arc<Seen>) -> Result<(), Error> {
    let mail = store.subscription("mail").checkpoint_interval(Duration::from_millis(20));
    let mail = mail.lease(Duration::from_secs(1));
    mail.run(move |event| {
        seen.see(&event);
        async { Ok::<_, Error>(()) }
    })
    .await
}

pub(crate) async fn broadcast(store: EventStore, seen: Arc<Seen>) -> Result<(), Error> {
    let all = Broadcast::new(&store, |_| vec!["all".into()]);
    let mut listener = all.listen(["all"], Copies::Once, StartFrom::Beginning).await?;
    while let Some(message) = listener.next().await {
        seen.see(&message?.event);
    }
    Ok(())
}

pub(crate) async fn projection(store: EventStore, seen: Arc<Seen>) -> Result<(), Error> {
    let mut live = store.project(Collect(seen), Filter::all());
    while let Some(event) = live.next().await {
        event?;
    }
    Ok(())
}

/// Pages of all streams, each after the last event of the one before, as an application of its own would read them.
pub(crate) async fn pages(store: EventStore, seen: Arc<Seen>) -> Result<(), Error> {
    let mut after = Position::START;
    loop {
        let page = match store.read_all(AllOptions::new().after(after)).await {
            Err(error) if error.is_transient() => continue,
            page => page?,
        };
        for event in &page {
            seen.see(event);
            after = event.position();
        }
        if page.is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(crate) async fn wait_until(what: &str, done: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !done().await {
        assert!(began.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Prints what a reader saw, and checks that it passed over nothing in silence.
pub(crate) fn report(name: &str, seen: &Seen, now: &[EventId], lost: usize) {
    let ids: BTreeSet<_> = seen.ids.lock().unwrap().iter().copied().collect();
    let handled = now.iter().filter(|id| ids.contains(id)).count();
    let said = seen.said.lock().unwrap().as_ref().map(|error| with_causes(error));
    eprintln!("  {name}: {handled} of {} of the new log; said: {said:?}", now.len());
    match &*seen.said.lock().unwrap() {
        None => assert!(name.contains("in progress") || handled == now.len(), "{name}"),
        Some(Error::LogDiverged { .. }) if lost > 0 && name != "durable" => {}
        Some(error) => panic!("{name}: {}", with_causes(error)),
    }
}
