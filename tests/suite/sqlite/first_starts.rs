//! Programs that start a new view or table projection at the same moment: one build, and each event in it once.

use std::sync::Arc;

use event_core::ExpectedVersion::Any;
use event_core::error::{BoxError, with_causes};
use event_core::{Event, Keys, RecordedEvent, TableProjection, TablesTx, View};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use super::{new_file, open_store, stream};

const ROUNDS: usize = 40;
const PROGRAMS: usize = 4;
const EVENTS: usize = 20;

#[derive(Debug, Clone, Serialize, Deserialize, Event)]
#[event(type = "first_starts.seen", version = 1)]
struct Seen {}

#[derive(Event)]
enum SeenEvent {
    Seen(Seen),
}

#[derive(Debug, Default)]
struct Rows;

impl TableProjection for Rows {
    type Event = SeenEvent;
    const NAME: &'static str = "first_rows";

    fn create() -> &'static [&'static str] {
        &[
            "CREATE TABLE {rows} (tenant text, position integer, PRIMARY KEY (tenant, position))",
            "CREATE INDEX rows_at ON {rows} (position)",
        ]
    }

    async fn apply(
        &self,
        SeenEvent::Seen(_): SeenEvent,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> Result<(), BoxError> {
        let row = (recorded.tenant(), recorded.position().get().cast_signed());
        tables.execute("INSERT INTO {rows} VALUES ($1, $2)", row).await?;
        Ok(())
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Count(usize);

impl View for Count {
    type Event = SeenEvent;
    const NAME: &'static str = "first_count";

    fn keys(_: &SeenEvent, _: &RecordedEvent) -> Keys {
        Keys::one("all")
    }

    fn fold(&mut self, _: &SeenEvent, _: &RecordedEvent) {
        self.0 += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_first_starts_make_one_build() {
    for round in 0..ROUNDS {
        let path = new_file();
        let first = open_store(&path).await;
        first.append(&stream("seen"), Any, vec![Seen {}; EVENTS]).await.unwrap();
        let barrier = Arc::new(Barrier::new(PROGRAMS));
        let mut starting = Vec::new();
        for _ in 0..PROGRAMS {
            // Each has a connection that writes of its own, as a process has.
            let (store, barrier) = (open_store(&path).await, Arc::clone(&barrier));
            starting.push(tokio::spawn(async move {
                barrier.wait().await;
                let (rows, count) = (store.tables::<Rows>(), store.view::<Count>());
                let started = tokio::join!(rows.catch_up(), count.catch_up());
                (started.0.and(started.1), store)
            }));
        }
        for one in starting {
            let (started, store) = one.await.unwrap();
            let failed = started.err().map(|error| with_causes(&error));
            assert_eq!(failed, None, "round {round}");
            store.close().await;
        }
        let sql = "SELECT count(*) AS found FROM {rows}";
        let found = first.tables::<Rows>().query(sql, ()).await.unwrap();
        assert_eq!(found[0].get::<u64>("found").unwrap(), EVENTS as u64);
        assert_eq!(first.view::<Count>().get("all").await.unwrap().unwrap().0, EVENTS);
        let builds = first.projections().await.unwrap();
        assert_eq!(builds.iter().map(|build| build.build).collect::<Vec<_>>(), [1, 1]);
        first.close().await;
    }
}
