//! Behind pgbouncer in transaction mode: every promise holds in the mode for it, and the wrong mode is refused at the start.

use std::sync::OnceLock;

use event_core::ExpectedVersion;
use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_postgres::{PgAdapter, PgOptions, PoolerMode};

use crate::bouncer::Bouncer;
use crate::{after, events, one, pg};

/// In front of the server of all tests. It takes the settings of a session and drops them, as many are set up.
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

event_testing::adapter_contract!(promises, async || crate::pooler::open().await);
event_testing::import_contract!(imports, async || crate::pooler::open().await);

#[tokio::test]
async fn the_wrong_mode_is_refused_and_the_right_one_named() {
    let database = pg::shared().database().await;
    database.adapter().await.close().await;
    let error = through(&database).connect().await.unwrap_err();
    let said = with_causes(&error);
    assert!(said.contains("choose `pooler_mode=transaction`"), "{said}");

    // This one knows no prepared statements: they are found on the wrong server, or missing.
    let prepared = through(&database).pooler_mode(PoolerMode::TransactionPrepared);
    match prepared.connect().await {
        Err(error) => {
            let said = with_causes(&error);
            assert!(said.contains("choose `pooler_mode=transaction`"), "{said}");
            assert!(!error.is_transient());
        }
        // A pooler of later days knows them.
        Ok(adapter) => {
            adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_settings_is_named() {
    let database = pg::shared().database().await;
    let strict = Bouncer::start(&database.address(), "");
    let error = PgAdapter::connect(&strict.url(&database)).await.unwrap_err();
    let said = with_causes(&error);
    assert!(said.contains("pooler_mode=transaction"), "{said}");
    database.adapter().await.close().await;
    let url = format!("{}&pooler_mode=transaction", strict.url(&database));
    let adapter = PgAdapter::connect(&url).await.unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(2))).await.unwrap();
    assert_eq!(after(&adapter, 0).await.len(), 2);
    adapter.close().await;
}

#[tokio::test]
async fn without_the_server_itself_the_schema_must_be_there() {
    let database = pg::shared().database().await;
    let options = through(&database).pooler_mode(PoolerMode::Transaction);
    let error = options.connect().await.unwrap_err();
    assert!(with_causes(&error).contains("`direct=host:port`"), "{}", with_causes(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn different_statements_at_once_get_their_own_answers() {
    let database = pg::shared().database().await;
    let options = through(&database).pooler_mode(PoolerMode::Transaction).pool_size(12);
    let adapter = options.direct(&database.address()).unwrap().connect().await;
    let adapter = std::sync::Arc::new(adapter.unwrap());
    crate::together(&adapter, 12, |writer, adapter| async move {
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
