//! Sequences that are behind their rows, as a logical replication or a restore of rows alone leaves them.

use std::sync::Arc;

use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::Connection as _;

use crate::failover::wait_until;
use crate::{pg, stream};

/// Each numbers something else.
const SEQUENCES: [(&str, &str); 4] = [
    ("position_seq", "SELECT max(position) FROM event_store.events"),
    ("streams_stream_key_seq", "SELECT max(stream_key) FROM event_store.streams"),
    ("tenants_tenant_key_seq", "SELECT max(tenant_key)::bigint FROM event_store.tenants"),
    ("categories_category_key_seq", "SELECT max(category_key)::bigint FROM event_store.categories"),
];

async fn append(store: &EventStore, count: usize) {
    for number in 0..count {
        let name = stream(&format!("category{number}-{}", event_core::EventId::new()));
        store.append(&name, ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_whose_sequences_are_behind_is_refused_until_it_is_repaired() {
    let database = pg::shared().database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    append(&store, 5).await;
    let guild = event_core::Scope::tenant(event_core::Tenant::new("guild").unwrap());
    append(&store.with_scope(guild), 5).await;
    store.close().await;
    let mut direct = database.connection().await;
    for (sequence, highest) in SEQUENCES {
        let stored = pg::number(&mut direct, highest).await;
        let set = format!("SELECT setval('event_store.{sequence}', 1, true)");
        pg::run(&mut direct, &set).await;
        let refused = database.options().connect().await.unwrap_err();
        assert!(!refused.is_transient());
        let words = with_causes(&refused);
        for part in
            [sequence, "is at 1", "PgOptions::repair_sequences", &format!("{stored} is stored")]
        {
            assert!(words.contains(part), "{words}, not {part}");
        }
        let repaired = database.options().repair_sequences().await.unwrap();
        assert_eq!(repaired.len(), 1, "{repaired:?}");
        assert_eq!((&*repaired[0].sequence, repaired[0].assigned), (sequence, 1));
        assert_eq!(repaired[0].stored, stored);
        assert_eq!(database.options().repair_sequences().await.unwrap(), []);
        let store = EventStore::new(database.adapter().await).unwrap();
        append(&store, 3).await;
        store.close().await;
        assert!(pg::number(&mut direct, highest).await >= stored);
    }
    // All at once, and never back.
    for (sequence, _) in SEQUENCES {
        pg::run(&mut direct, &format!("SELECT setval('event_store.{sequence}', 1, false)")).await;
    }
    assert_eq!(database.options().repair_sequences().await.unwrap().len(), 4);
    pg::run(&mut direct, "SELECT setval('event_store.position_seq', 10000)").await;
    assert_eq!(database.options().repair_sequences().await.unwrap(), []);
    assert_eq!(pg::number(&mut direct, "SELECT event_store.last_assigned()").await, 10_000);
}

/// Numbers are assigned before their rows are visible: a store in use is not mistaken for one that is behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_use_opens() {
    let database = pg::shared().database().await;
    let store = Arc::new(EventStore::new(database.adapter().await).unwrap());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                loop {
                    append(&store, 10).await;
                }
            })
        })
        .collect();
    for _ in 0..12 {
        database.adapter().await;
    }
    for writer in writers {
        writer.abort();
    }
}

/// A living process meets a server whose sequence is behind: it acknowledges nothing until that is repaired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_living_process_acknowledges_nothing_behind_the_readers() {
    let cluster = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = cluster.database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    append(&store, 5).await;
    let mut direct = database.connection().await;
    // A gap that every reader has passed, and the sequence right before it.
    pg::run(&mut direct, "DELETE FROM event_store.events WHERE position BETWEEN 4 AND 12").await;
    pg::run(&mut direct, "SELECT setval('event_store.position_seq', 3)").await;
    cluster.crash();
    cluster.restart();
    for _ in 0..20 {
        let name = stream(&format!("late-{}", event_core::EventId::new()));
        let refused = store.append(&name, ExpectedVersion::NoStream, Noted::many(1)).await;
        let words = with_causes(&refused.unwrap_err());
        assert!(words.contains("PgOptions::repair_sequences"), "{words}");
    }
    assert_eq!(database.options().repair_sequences().await.unwrap().len(), 1);
    append(&store, 5).await;
}

/// The sequence of positions is set back under a living process: whichever way it appends, nothing is acknowledged at a
/// position that was in use, or that readers have passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_way_to_append_uses_a_position_again() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let mut direct = database.connection().await;
    for way in ["alone", "several", "group", "many", "in", "import"] {
        append(&store, 5).await;
        let highest = "SELECT max(position) FROM event_store.events";
        let highest = pg::number(&mut direct, highest).await;
        // A gap that every reader has passed, and the sequence right before it.
        let gap = format!(
            "DELETE FROM event_store.events WHERE position BETWEEN {} AND {}",
            highest - 10,
            highest - 3
        );
        pg::run(&mut direct, &gap).await;
        let back = format!("SELECT setval('event_store.position_seq', {})", highest - 11);
        pg::run(&mut direct, &back).await;
        let mut refused = 0;
        loop {
            let positions = appended(way, &store, &adapter, &database).await;
            let mut accepted = false;
            for position in positions {
                match position {
                    Ok(position) => {
                        assert!(position > highest, "{way}: {position} after {highest}");
                        accepted = true;
                    }
                    Err(words) => {
                        assert!(words.contains("PgOptions::repair_sequences"), "{way}: {words}");
                        refused += 1;
                    }
                }
            }
            if accepted {
                break;
            }
        }
        assert!(refused > 0, "{way}");
    }
}

/// The last position of each call, or the error's words.
async fn appended(
    way: &str,
    store: &EventStore,
    adapter: &PgAdapter,
    database: &pg::Database<'_>,
) -> Vec<Result<i64, String>> {
    let new = || stream(&format!("late-{}", event_core::EventId::new()));
    let position =
        |appended: &event_core::Appended| i64::try_from(appended.position.get()).unwrap();
    let words = |error: event_core::Error| with_causes(&error);
    match way {
        "group" => {
            let name: Vec<_> = (0..4).map(|_| new()).collect();
            let calls =
                name.iter().map(|it| store.append(it, ExpectedVersion::NoStream, Noted::many(1)));
            let answers = futures_util::future::join_all(calls).await;
            answers.into_iter().map(|it| it.map(|it| position(&it)).map_err(words)).collect()
        }
        "many" => {
            let both = store
                .transaction()
                .append(&new(), ExpectedVersion::NoStream, Noted::many(1))
                .append(&new(), ExpectedVersion::NoStream, Noted::many(1));
            let answers = both.commit().await;
            vec![answers.map(|it| it.iter().map(position).min().unwrap()).map_err(words)]
        }
        "in" => {
            let mut connection = database.connection().await;
            let mut transaction = connection.begin().await.unwrap();
            let commit = store.transaction();
            let commit = commit.append(&new(), ExpectedVersion::NoStream, Noted::many(1));
            let commit = commit.into_commit().unwrap();
            match adapter.append_in(&mut transaction, &commit).await {
                Ok(answers) => {
                    transaction.commit().await.unwrap();
                    vec![Ok(position(&answers[0]))]
                }
                Err(error) => vec![Err(words(error))],
            }
        }
        "import" => {
            let source = EventStore::in_memory().unwrap();
            let name = new();
            source.append(&name, ExpectedVersion::NoStream, Noted::many(2)).await.unwrap();
            match source.copy_to(store).new_positions().await {
                Ok(_) => {
                    let events =
                        store.read_stream(&name, event_core::ReadOptions::forward()).await.unwrap();
                    vec![Ok(i64::try_from(events[0].position().get()).unwrap())]
                }
                Err(error) => vec![Err(words(error))],
            }
        }
        _ => {
            let count = if way == "alone" { 1 } else { 3 };
            let answer = store.append(&new(), ExpectedVersion::NoStream, Noted::many(count)).await;
            vec![answer.map(|it| position(&it) - i64::try_from(count).unwrap() + 1).map_err(words)]
        }
    }
}

/// What a living consumer does meanwhile: it goes on once the sequence is repaired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_living_consumer_goes_on_after_the_repair() {
    let cluster = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = cluster.database().await;
    let store = EventStore::new(database.adapter().await).unwrap();
    append(&store, 30).await;
    let seen = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let consumer = store.subscription("mail").lease(std::time::Duration::from_secs(1));
    let consumer = consumer.checkpoint_interval(std::time::Duration::from_millis(20));
    let handled = Arc::clone(&seen);
    let running = tokio::spawn(async move {
        consumer
            .run(move |event| {
                handled.fetch_max(event.position().get(), std::sync::atomic::Ordering::SeqCst);
                async { Ok::<_, event_core::Error>(()) }
            })
            .await
    });
    let has = async |position: u64| {
        assert!(!running.is_finished(), "the consumer ended");
        seen.load(std::sync::atomic::Ordering::SeqCst) >= position
    };
    wait_until("the consumer follows", async || has(90).await).await;
    let mut direct = database.connection().await;
    pg::run(&mut direct, "SELECT setval('event_store.position_seq', 30)").await;
    cluster.crash();
    cluster.restart();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    database.options().repair_sequences().await.unwrap();
    append(&store, 5).await;
    wait_until("the consumer goes on", async || has(105).await).await;
}
