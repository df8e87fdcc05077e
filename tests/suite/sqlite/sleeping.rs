//! A runtime that sleeps in the middle of something, or ends, delays no other thread.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::adapter::{
    Adapter, Checkpoint, CheckpointMove, Incarnation, Registered, SubscriptionKey,
};
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{
    Event, EventId, EventStore, Filter, NewEvent, Position, RecordedEvent, StartFrom, StreamId,
};
use event_sqlite::{SqliteAdapter, SqliteInlineProjection, SqliteProjection, SqliteTables};
use event_testing::Noted;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::{new_file, open, stream};
use crate::travel::exported;

/// Much longer than an append; a bound, not a measure.
const LONG: Duration = Duration::from_secs(10);

#[derive(Event)]
enum Notes {
    Noted(Noted),
}

struct Idle;

impl SqliteInlineProjection for Idle {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "inline"
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        _: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        sqlx::query("SELECT 1").execute(connection).await?;
        Ok(())
    }
}

impl SqliteProjection for Idle {
    type Event = Notes;
    const NAME: &'static str = "idle";
    const BUILD: u32 = 1;

    async fn create(&self, _: &mut SqliteConnection, _: &SqliteTables) -> Result<(), BoxError> {
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        _: &SqliteTables,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        sqlx::query("SELECT 1").execute(connection).await?;
        Ok(())
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

type Call = fn(Arc<SqliteAdapter>, Vec<u8>) -> BoxFuture<'static, ()>;

fn store(adapter: Arc<SqliteAdapter>) -> EventStore {
    EventStore::new(adapter).unwrap()
}

/// Calls that write; the second argument is an export of another store.
const CALLS: [(&str, Call); 11] = [
    ("append", |adapter, _| {
        async move {
            store(adapter).append(&stream("a"), Any, Noted::many(1)).await.unwrap();
        }
        .boxed()
    }),
    ("inline append", |adapter, _| {
        async move {
            store(adapter).append(&stream("inline-1"), Any, Noted::many(1)).await.unwrap();
        }
        .boxed()
    }),
    ("archive", |adapter, _| {
        async move { store(adapter).archive_stream(&stream("old"), Any).await.unwrap() }.boxed()
    }),
    ("link", |adapter, _| {
        async move {
            store(adapter).link(&stream("links"), Any, [EventId::from_uuid(ID)]).await.unwrap();
        }
        .boxed()
    }),
    ("import", |adapter, export| {
        async move {
            assert_eq!(store(adapter).import().read(&*export).await.unwrap().stored, 3);
        }
        .boxed()
    }),
    ("projection", |adapter, _| {
        async move {
            assert!(adapter.projector(Idle).await.unwrap().catch_up().await.unwrap() > 0);
        }
        .boxed()
    }),
    ("registration", |adapter, _| {
        async move {
            let checkpoints = adapter.checkpoints().unwrap();
            checkpoints.register(&key("other"), &wanted(), Position::START).await.unwrap();
        }
        .boxed()
    }),
    ("heartbeat", |adapter, _| {
        async move {
            let checkpoints = adapter.checkpoints().unwrap();
            let beat = checkpoints.heartbeat(&key("mail"), Incarnation::new(1), "me", LONG).await;
            drop(beat);
        }
        .boxed()
    }),
    ("checkpoint", |adapter, _| {
        async move {
            let to = Checkpoint { position: Position::new(1), event: None };
            let moved = CheckpointMove { partition: 0, token: 1, checkpoint: to, skipped: 0 };
            let checkpoints = adapter.checkpoints().unwrap();
            checkpoints.save_all(&key("mail"), &[moved]).await.unwrap();
        }
        .boxed()
    }),
    ("reset", |adapter, _| {
        async move {
            let checkpoints = adapter.checkpoints().unwrap();
            checkpoints.reset(&key("mail"), Position::START).await.unwrap();
        }
        .boxed()
    }),
    ("subscription", |adapter, _| {
        async move {
            let subscribed = store(adapter).subscribe(StartFrom::Beginning, Filter::all()).await;
            drop(subscribed.unwrap().next().await.unwrap().unwrap());
        }
        .boxed()
    }),
];

fn key(name: &str) -> SubscriptionKey {
    SubscriptionKey { tenant: None, name: name.to_owned() }
}

fn wanted() -> Registered {
    Registered { filter: "{}".to_owned(), partitions: 2 }
}

const ID: uuid::Uuid = uuid::Uuid::from_u128(7);

#[test]
fn a_runtime_that_sleeps_in_the_middle_of_a_call_delays_no_append() {
    let mut late = Vec::new();
    for (name, call) in CALLS {
        // The first polls of a call each begin something; the runtime sleeps after one of them.
        for polls in 1..=6 {
            let runtime = current_thread();
            let (adapter, export) = runtime.block_on(async {
                let adapter = Arc::new(open(&new_file()).await.inline(Idle));
                let store = store(Arc::clone(&adapter));
                let known = NewEvent::from(Noted::new("x")).with_id(EventId::from_uuid(ID));
                store.append(&stream("old"), Any, [known]).await.unwrap();
                let checkpoints = adapter.checkpoints().unwrap();
                checkpoints.register(&key("mail"), &wanted(), Position::START).await.unwrap();
                let source = store_in_memory().await;
                (adapter, exported(&source).await)
            });
            let (asleep, is_asleep) = mpsc::channel();
            let (wake, awake) = mpsc::channel::<()>();
            let sleeper = thread::spawn({
                let adapter = Arc::clone(&adapter);
                move || {
                    let runtime = current_thread();
                    let mut left = polls;
                    let mut work = call(adapter, export);
                    runtime.block_on(std::future::poll_fn(move |context| {
                        if left == 0 {
                            asleep.send(()).unwrap();
                            // The only thread of the runtime does something else.
                            let _ = awake.recv();
                            left = usize::MAX;
                        }
                        left = left.saturating_sub(1);
                        work.as_mut().poll(context)
                    }));
                }
            });
            if is_asleep.recv().is_ok() {
                let store = store(Arc::clone(&adapter));
                let id = stream("b");
                let append = store.append(&id, Any, Noted::many(1));
                match runtime.block_on(async { timeout(LONG, append).await }) {
                    Ok(stored) => drop(stored.unwrap()),
                    Err(_) => late.push((name, polls)),
                }
            }
            drop(wake);
            sleeper.join().unwrap();
            runtime.block_on(store(adapter).close());
        }
    }
    assert!(late.is_empty(), "appends waited: {late:?}");
}

async fn store_in_memory() -> EventStore {
    let source = EventStore::in_memory().unwrap();
    source.append(&stream("imported"), Any, Noted::many(3)).await.unwrap();
    source
}

#[test]
fn a_runtime_that_ends_takes_nothing_with_it() {
    let (first, second) = (current_thread(), current_thread());
    let adapter = first.block_on(async { Arc::new(open(&new_file()).await) });
    let store = store(adapter);
    // The first runtime opens the lane and the tail, is left with an append in flight, and ends.
    first.block_on(async {
        store.append(&stream("s"), Any, Noted::many(1)).await.unwrap();
        let events = store.subscribe(StartFrom::Beginning, Filter::all()).await;
        events.unwrap().next().await.unwrap().unwrap();
        let id = stream("s");
        assert!(store.append(&id, Any, Noted::many(1)).now_or_never().is_none());
    });
    drop(first);
    second.block_on(async {
        let mut events = store.subscribe(StartFrom::Now, Filter::all()).await.unwrap();
        store.append(&stream("t"), Any, Noted::many(1)).await.unwrap();
        let event = timeout(LONG, events.next()).await.unwrap();
        event.unwrap().unwrap();
        store.close().await;
    });
}
