//! Behind pgbouncer in transaction mode: the adapter contract holds with the matching `PoolerMode`, any other is refused on
//! connect.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use event_core::adapter::Adapter;
use event_core::error::{BoxError, with_causes};
use event_core::{EventStore, ExpectedVersion, Outcome, RetryPolicy};
use event_postgres::{PgAdapter, PgOptions, PoolerMode};
use event_testing::Noted;

use crate::bouncer::Bouncer;
use crate::{after, events, one, pg, stream};

/// A pooler in front of the shared server. It accepts startup parameters and drops them, as many deployments do.
fn bouncer(server: &str) -> &'static Bouncer {
    static BOUNCER: OnceLock<Bouncer> = OnceLock::new();
    BOUNCER.get_or_init(|| {
        Bouncer::start(server, "ignore_startup_parameters = options,extra_float_digits")
    })
}

fn through(database: &pg::Database<'_>) -> PgOptions {
    bouncer(&database.address()).url(database).parse().unwrap()
}

async fn open() -> PgAdapter {
    let database = pg::shared().database().await;
    let options = through(&database).pooler_mode(PoolerMode::Transaction);
    let adapter = options.direct(&database.address()).unwrap().connect().await;
    std::mem::forget(database);
    adapter.unwrap()
}

event_testing::adapter_contract!(contract, async || crate::pooler::open().await);
event_testing::views_contract!(views, async || crate::pooler::open().await);
event_testing::tables_contract!(tables, async || crate::pooler::open().await);
event_testing::import_contract!(imports, async || crate::pooler::open().await);

#[tokio::test]
async fn the_wrong_mode_is_refused_and_the_right_one_named() {
    let database = pg::shared().database().await;
    database.adapter().await.close().await;
    let error = through(&database).connect().await.unwrap_err();
    let message = with_causes(&error);
    assert!(message.contains("choose `pooler_mode=transaction`"), "{message}");

    // This pgbouncer does not track prepared statements: a connection has none, or those of another client.
    let prepared = through(&database).pooler_mode(PoolerMode::TransactionPrepared);
    match prepared.connect().await {
        Err(error) => {
            let message = with_causes(&error);
            assert!(message.contains("choose `pooler_mode=transaction`"), "{message}");
            assert!(!error.is_transient());
        }
        // A newer pgbouncer tracks them.
        Ok(adapter) => {
            adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_startup_parameters_is_reported() {
    let database = pg::shared().database().await;
    let strict = Bouncer::start(&database.address(), "");
    let error = PgAdapter::connect(&strict.url(&database)).await.unwrap_err();
    let message = with_causes(&error);
    assert!(message.contains("pooler_mode=transaction"), "{message}");
    database.adapter().await.close().await;
    let url = format!("{}&pooler_mode=transaction", strict.url(&database));
    let adapter = PgAdapter::connect(&url).await.unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(2))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 2);
    adapter.close().await;
}

#[tokio::test]
async fn without_a_direct_address_the_schema_must_exist() {
    let database = pg::shared().database().await;
    let options = through(&database).pooler_mode(PoolerMode::Transaction);
    let error = options.connect().await.unwrap_err();
    assert!(with_causes(&error).contains("`direct=host:port`"), "{}", with_causes(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_statements_get_their_own_results() {
    let database = pg::shared().database().await;
    let options = through(&database).pooler_mode(PoolerMode::Transaction).pool_size(12);
    let adapter = options.direct(&database.address()).unwrap().connect().await;
    let adapter = Arc::new(adapter.unwrap());
    crate::concurrently(&adapter, 12, |writer, adapter| async move {
        for round in 1..=20 {
            let name = format!("s-{writer}");
            let answer =
                adapter.commit(&one(&name, ExpectedVersion::Any, events(1))).await.unwrap();
            assert_eq!(answer[0].stream_version.get(), round);
            let page = crate::page(&adapter, &name).await.unwrap();
            assert_eq!(page.len() as u64, round);
            assert!(page.iter().all(|event| event.stream_id().as_str() == name));
            after(&adapter, 0).await;
        }
    })
    .await;
    assert_eq!(after(&adapter, 0).await.len(), 240);
    adapter.close().await;
}

/// How long a consumer may take after the trouble has passed.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a durable consumer and a writer through a trouble: none of them ends, every acknowledged event is stored once and
/// handled.
async fn outlives(
    database: &pg::Database<'_>,
    bouncer: &Arc<Mutex<Bouncer>>,
    trouble: impl FnOnce() + Send + 'static,
) {
    database.adapter().await.close().await;
    let url = bouncer.lock().unwrap().url(database);
    let open = async || {
        let options: PgOptions = url.parse().unwrap();
        let options = options.pooler_mode(PoolerMode::Transaction).pool_size(4);
        let options = options.acquire_timeout(Duration::from_secs(2));
        // As an application would wait that has nothing else to do.
        let policy = RetryPolicy::default().retries(1_000).first_delay(Duration::from_millis(1));
        let adapter = options.connect().await.unwrap();
        let policy = policy.deadline(PATIENCE);
        EventStore::builder(adapter).retry(policy).stream_limit(None).build().unwrap()
    };
    let (handled, done) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::new(AtomicBool::new(false)));
    let consumer = open().await.subscription("mail").lease(Duration::from_secs(2)).open().await;
    let stopper = consumer.as_ref().unwrap().stopper();
    let consumer = tokio::spawn(consumer.unwrap().run({
        let handled = Arc::clone(&handled);
        move |event| {
            handled.lock().unwrap().push(event.position().get());
            async { Ok::<(), BoxError>(()) }
        }
    }));
    let writer = tokio::spawn({
        let (store, done) = (open().await, Arc::clone(&done));
        async move {
            let mut stored = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let name = stream(&format!("note-{}", stored.len() % 7));
                // One wait between tries stays short, so that the writer is back soon.
                match store.append(&name, ExpectedVersion::Any, Noted::many(1)).await {
                    Ok(appended) => stored.push((appended.position.get(), appended.outcome)),
                    Err(error) => panic!("an append was refused: {}", with_causes(&error)),
                }
            }
            stored
        }
    });
    let seen = || handled.lock().unwrap().len();
    let wait_for = async |events: usize| {
        let start = Instant::now();
        while seen() < events {
            assert!(!consumer.is_finished(), "the consumer ended");
            assert!(start.elapsed() < PATIENCE, "{} of {events} events are handled", seen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    wait_for(20).await;
    tokio::task::spawn_blocking(trouble).await.unwrap();
    wait_for(seen() + 20).await;
    done.store(true, Ordering::SeqCst);
    let stored = writer.await.unwrap();
    let settled = stored.iter().filter(|(_, outcome)| *outcome == Outcome::AlreadyStored).count();
    let start = Instant::now();
    let is_handled = || {
        let handled = handled.lock().unwrap();
        stored.iter().all(|(position, _)| handled.contains(position))
    };
    while !is_handled() {
        assert!(start.elapsed() < PATIENCE && !consumer.is_finished(), "{} handled", seen());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stopper.stop();
    consumer.await.unwrap().unwrap();
    let mut connection = database.connection().await;
    let count = pg::number(&mut connection, "SELECT count(*) FROM event_store.events").await;
    eprintln!(
        "{} appends acknowledged, {settled} of unknown outcome settled, {count} stored",
        stored.len()
    );
    assert_eq!(usize::try_from(count).unwrap(), stored.len());
}

fn private() -> pg::Cluster {
    pg::Cluster::start(pg::Fsync::Off)
}

fn shared(bouncer: Bouncer) -> Arc<Mutex<Bouncer>> {
    Arc::new(Mutex::new(bouncer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_behind_a_pooler_ends_nothing() {
    let cluster = Arc::new(private());
    let database = cluster.database().await;
    let bouncer = shared(Bouncer::start(&database.address(), "server_login_retry = 1"));
    let restarted = Arc::clone(&cluster);
    outlives(&database, &bouncer, move || {
        restarted.crash();
        restarted.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_server_behind_a_pooler_ends_nothing() {
    let cluster = Arc::new(private());
    let database = cluster.database().await;
    // Clients that wait for a server are refused after two seconds, as `query_wait_timeout` says.
    let settings = "server_login_retry = 1\nquery_wait_timeout = 2\nserver_connect_timeout = 1";
    let bouncer = shared(Bouncer::start(&database.address(), settings));
    let restarted = Arc::clone(&cluster);
    outlives(&database, &bouncer, move || {
        restarted.crash();
        std::thread::sleep(Duration::from_secs(5));
        restarted.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_pooler_ends_nothing() {
    let database = pg::shared().database().await;
    let bouncer = shared(Bouncer::start(&database.address(), ""));
    let restarted = Arc::clone(&bouncer);
    outlives(&database, &bouncer, move || {
        let mut bouncer = restarted.lock().unwrap();
        bouncer.stop();
        bouncer.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_without_a_free_server_ends_nothing() {
    let database = pg::shared().database().await;
    let bouncer = shared(Bouncer::start(
        &database.address(),
        "query_wait_timeout = 1\nmax_db_connections = 2\nignore_startup_parameters = extra_float_digits",
    ));
    let url = bouncer.lock().unwrap().url(&database);
    outlives(&database, &bouncer, move || {
        // Two transactions of others hold the only servers.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut holders = [pg::connect(&url).await, pg::connect(&url).await];
            for holder in &mut holders {
                let begin = async {
                    while sqlx::raw_sql("BEGIN").execute(&mut *holder).await.is_err() {
                        *holder = pg::connect(&url).await;
                    }
                };
                begin.await;
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
        });
    })
    .await;
}
