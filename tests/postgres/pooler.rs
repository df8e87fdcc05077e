//! Behind pgbouncer in transaction mode: the adapter contract holds with the matching `PoolerMode`, any other is refused on
//! connect.

use std::sync::OnceLock;

use event_core::ExpectedVersion;
use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_postgres::{PgAdapter, PgOptions, PoolerMode};

use crate::bouncer::Bouncer;
use crate::{after, events, one, pg};

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
    let adapter = std::sync::Arc::new(adapter.unwrap());
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
