//! Imports on PostgreSQL: events are restored byte for byte, readers miss nothing, lost connections roll back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_core::adapter::import::{ImportBatch, Positions};
use event_core::adapter::{Adapter, TenantView};
use event_core::envelope::RecordedParts;
use event_core::error::with_causes;
use event_core::serde_json::value::RawValue;
use event_core::transfer::Selection;
use event_core::{
    AllOptions, BatchSize, Error, EventId, EventStore, EventVersion, ExpectedVersion, Metadata,
    Position, RecordedEvent, RetryPolicy, StreamVersion, Tenant,
};
use event_postgres::PgAdapter;
use event_testing::Noted;
use proptest::prelude::*;

use crate::read::index_entries_read;
use crate::travel::{exported, notes, travels};
use crate::{event, events, exact, ids, one, pg, stream};

proptest! {
    // Each case creates a database: fewer cases than in memory.
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn an_import_restores_events_byte_for_byte(notes in notes()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let adapter = pg::shared().database().await.into_adapter().await;
            let through = EventStore::new(adapter).unwrap();
            travels(&notes, through.clone()).await;
            through.close().await;
        });
    }
}

/// Pause between two polls of the server; no assertion depends on it.
const POLL: Duration = Duration::from_millis(3);

/// The only event of its stream, at a position.
pub(crate) fn at(position: u64) -> RecordedEvent {
    let data = event(EventId::new());
    RecordedEvent::from_parts(RecordedParts {
        tenant: Tenant::default(),
        stream_id: stream(&format!("kept-{position}")),
        stream_version: StreamVersion::new(1),
        position: Position::new(position),
        event_id: data.id,
        event_type: data.event_type,
        event_version: EventVersion::FIRST,
        data: data.data,
        metadata: Metadata::new(),
        recorded_at: "2020-02-02T02:02:02Z".parse().unwrap(),
    })
}

/// Follows the log until `stop` is set, then reads to its end.
async fn follow(adapter: Arc<PgAdapter>, stop: Arc<AtomicBool>) -> Vec<RecordedEvent> {
    let (mut seen, mut last) = (Vec::new(), Position::START);
    loop {
        let stopping = stop.load(Ordering::SeqCst);
        let options = AllOptions::new().after(last);
        let page = adapter.read_all(&TenantView::All, &options).await.unwrap();
        if page.is_empty() {
            if stopping {
                return seen;
            }
            tokio::time::sleep(POLL).await;
        }
        last = page.last().map_or(last, RecordedEvent::position);
        seen.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_misses_nothing_of_concurrent_imports_and_appends() {
    const ROUNDS: u64 = 12;
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(follow(Arc::clone(&adapter), Arc::clone(&stop)));
    let mut tasks = Vec::new();
    for n in 0..12 {
        let adapter = Arc::clone(&adapter);
        tasks.push(tokio::spawn(async move {
            for _ in 0..15 {
                let name = format!("hot-{}", n % 3);
                adapter.commit(&one(&name, ExpectedVersion::Any, events(2))).await.unwrap();
            }
        }));
    }
    for positions in [Positions::Keep, Positions::Assign] {
        let adapter = Arc::clone(&adapter);
        tasks.push(tokio::spawn(async move {
            for round in 1..=ROUNDS {
                // Far beyond the positions that appends are assigned meanwhile, with gaps.
                let start = round * 1_000_000 + if positions == Positions::Keep { 0 } else { 500 };
                let events = (0..20).map(|n| at(start + 3 * n)).collect();
                adapter.import(&ImportBatch::Events { positions, events }).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let seen = reader.await.unwrap();
    let all = exported_events(&adapter).await;
    assert_eq!(all.len() as u64, 12 * 15 * 2 + 2 * ROUNDS * 20);
    assert_eq!(ids(&seen), ids(&all), "the reader saw the whole log in order");
    let kept = all.iter().filter(|event| event.stream_id().as_str().starts_with("kept-"));
    let kept = kept.filter(|event| event.stream_id().as_str()[5..] == event.position().to_string());
    assert_eq!(kept.count() as u64, ROUNDS * 20);
}

async fn exported_events(adapter: &PgAdapter) -> Vec<RecordedEvent> {
    let page = AllOptions::new().limit(BatchSize::MAX);
    adapter.read_all(&TenantView::All, &page).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_whose_connection_is_lost_rolls_back_and_keeps_its_positions_on_retry() {
    let source = EventStore::in_memory().unwrap();
    for n in 0..4 {
        let name = stream(&format!("game-{n}"));
        source.append(&name, ExpectedVersion::NoStream, Noted::many(50)).await.unwrap();
    }
    let lines = exported(&source).await;
    let text = std::str::from_utf8(&lines).unwrap();
    let database = pg::shared().database().await;
    let store = EventStore::builder(database.adapter().await).retry(RetryPolicy::never());
    let store = store.build().unwrap();
    let import = || store.import().keep_positions().limit(BatchSize::new(20).unwrap());
    let (mut holder, mut killer) = (database.connection().await, database.connection().await);
    // More is stored already in each round; the connection of the next batch is terminated once its events are written.
    for pushed in [0, 60, 120] {
        let mut import = import();
        for line in text.lines().take(pushed) {
            import.push(line).await.unwrap();
        }
        drop(import);
        pg::run(&mut holder, "BEGIN; LOCK TABLE event_store.event_versions IN EXCLUSIVE MODE")
            .await;
        let (importing, whole) = (store.clone(), lines.clone());
        let import =
            tokio::spawn(async move { importing.import().keep_positions().read(&whole[..]).await });
        let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while pg::number(&mut killer, terminate).await == 0 {
            assert!(!import.is_finished(), "the import did not wait for the lock");
            tokio::time::sleep(POLL).await;
        }
        let error = import.await.unwrap().unwrap_err();
        assert!(error.is_transient(), "{}", with_causes(&error));
        pg::run(&mut holder, "ROLLBACK").await;
        let stored = store.read_all(AllOptions::new()).await.unwrap();
        assert_eq!(stored.len() % 20, 0, "a batch is stored as a whole or not at all");
        assert!(
            stored.len() <= pushed && stored.len() + 30 > pushed,
            "{} of {pushed}",
            stored.len()
        );
    }
    import().read(&lines[..]).await.unwrap();
    assert_eq!(exported(&store).await, lines);
}

#[tokio::test]
async fn only_the_owner_of_the_schema_imports() {
    let database = pg::shared().database().await;
    let owner = database.adapter().await;
    let mut connection = database.connection().await;
    let role = format!("importer_{}", database.name());
    pg::run(&mut connection, &format!("CREATE ROLE {role} LOGIN PASSWORD 'pw'")).await;
    owner.grant_to(&role).await.unwrap();
    owner.commit(&one("s", exact(0), events(1))).await.unwrap();
    let authority = database.address();
    let (_, rest) = database.url.split_once(&authority).unwrap();
    let bot = PgAdapter::connect(&format!("postgres://{role}:pw@{authority}{rest}")).await.unwrap();
    for positions in [Positions::Keep, Positions::Assign] {
        let batch = ImportBatch::Events { positions, events: vec![at(1_000)] };
        let error = bot.import(&batch).await.unwrap_err();
        assert!(matches!(error, Error::Adapter { .. }), "{}", with_causes(&error));
    }
    // The role may read all that an export contains.
    let lines = exported(&EventStore::new(bot).unwrap()).await;
    assert_eq!(std::str::from_utf8(&lines).unwrap().lines().count(), 1 + 1 + 1 + 1);
    let selection = Selection::category("s");
    let own = EventStore::new(owner).unwrap();
    assert_eq!(own.export().select(selection).write_to(Vec::new()).await.unwrap().events, 1);
    own.close().await;
    pg::run(&mut connection, &format!("DROP OWNED BY {role}")).await;
}

/// Statements are planned while the store is empty; looking up known ids must not cost more with each batch.
#[tokio::test]
async fn known_events_are_looked_up_by_id() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let batch = |n: u64| {
        let events = (n * 500..(n + 1) * 500).map(|position| at(position + 1));
        ImportBatch::Events { positions: Positions::Keep, events: events.collect() }
    };
    for n in 0..8 {
        adapter.import(&batch(n)).await.unwrap();
    }
    adapter.close().await;
    let read = index_entries_read(&database, "events_version").await;
    assert!(read < 8 * 500 * 10, "{read} entries for 4 000 events");
}

/// A batch that is larger than one statement.
#[tokio::test]
async fn a_batch_of_many_megabytes_is_stored_as_a_whole_and_in_order() {
    for positions in [Positions::Assign, Positions::Keep] {
        let adapter = pg::shared().database().await.into_adapter().await;
        let events = (1..=12_u64).map(|position| {
            let data = format!("\"{position}{}\"", "x".repeat(1 << 20));
            let data = RawValue::from_string(data).unwrap();
            RecordedEvent::from_parts(RecordedParts { data, ..at(position).into_parts() })
        });
        let events: Vec<_> = events.collect();
        let batch = ImportBatch::Events { positions, events: events.clone() };
        assert_eq!(adapter.import(&batch).await.unwrap().stored, 12);
        let stored = adapter.read_all(&TenantView::All, &AllOptions::new()).await.unwrap();
        assert_eq!(stored, events, "{positions:?}");
    }
}
