//! One call is one round trip: counted in messages of the protocol, not measured in time.

use std::collections::BTreeMap;

use event_core::adapter::append::StreamChange;
use event_core::adapter::{Adapter, TenantView};
use event_core::{AllOptions, BatchSize, Delete, ExpectedVersion, ReadOptions};
use event_postgres::{PgAdapter, PgOptions};

use crate::proxy::Proxy;
use crate::{append, commit, default_tenant, event, events, exact, one, page, pg, stream};

/// The messages of one prepared statement: bind, execute, close the portal, sync.
fn one_round_trip() -> BTreeMap<char, usize> {
    BTreeMap::from([('B', 1), ('E', 1), ('C', 1), ('S', 1)])
}

/// An adapter behind the proxy, with one connection, so that each statement is prepared once.
async fn through(proxy: &Proxy, database: &pg::Database<'_>) -> PgAdapter {
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    options.pool_size(1).notify(false).connect().await.unwrap()
}

#[tokio::test]
async fn every_append_is_one_round_trip() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let adapter = through(&proxy, &database).await;

    // The first use of a statement prepares it.
    for size in [1, 2] {
        adapter.commit(&one("warm-1", ExpectedVersion::Any, events(size))).await.unwrap();
    }
    let both = |a: &str, b: &str| {
        commit([
            append(a, ExpectedVersion::Any, events(2)),
            append(b, ExpectedVersion::Any, events(1)),
        ])
    };
    adapter.commit(&both("warm-2", "warm-3")).await.unwrap();
    proxy.take();

    let mut version = 0;
    for (claim, size) in [
        (ExpectedVersion::NoStream, 1),
        (ExpectedVersion::Any, 1),
        (ExpectedVersion::StreamExists, 1),
        (exact(3), 100),
        (exact(103), 1_000),
        (exact(1_103), 10_000),
        (ExpectedVersion::Any, 10_000),
    ] {
        let answers = adapter.commit(&one("s", claim, events(size))).await.unwrap();
        version += size as u64;
        assert_eq!(answers[0].stream_version.get(), version);
        assert_eq!(proxy.take(), one_round_trip(), "{size} events, {claim}");
    }
    adapter.commit(&both("s", "t")).await.unwrap();
    assert_eq!(proxy.take(), one_round_trip(), "two streams");

    adapter.commit(&one("s", exact(7), events(2))).await.unwrap_err();
    assert_eq!(proxy.take(), one_round_trip(), "a refused append, its ids looked up");

    let known = page(&adapter, "t").await.unwrap()[0].event_id();
    proxy.take();
    let mut repeated = one("t", exact(0), vec![event(known)]);
    adapter.commit(&repeated).await.unwrap();
    assert_eq!(proxy.take(), one_round_trip(), "known ids, refused by version");
    repeated.retry = true;
    adapter.commit(&repeated).await.unwrap();
    assert_eq!(proxy.take(), one_round_trip(), "a retry");
}

#[tokio::test]
async fn every_read_is_one_round_trip() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let adapter = through(&proxy, &database).await;
    let stored = adapter.commit(&one("s-1", ExpectedVersion::Any, events(50))).await.unwrap();

    let name = stream("s-1");
    let all = AllOptions::new().limit(BatchSize::new(20).unwrap());
    let category = all.clone().category("s");
    for round in 0..2 {
        let view = default_tenant();
        let mut messages = Vec::new();
        proxy.take();
        assert_eq!(
            adapter.read_stream(&view, &name, ReadOptions::forward()).await.unwrap().len(),
            50
        );
        messages.push(proxy.take());
        assert_eq!(
            adapter.read_stream(&view, &name, ReadOptions::backward()).await.unwrap().len(),
            50
        );
        messages.push(proxy.take());
        adapter.read_stream(&view, &stream("missing"), ReadOptions::forward()).await.unwrap_err();
        messages.push(proxy.take());
        assert!(adapter.stream_info(&view, &name).await.unwrap().is_some());
        messages.push(proxy.take());
        // The first round also determines the frontier.
        assert_eq!(adapter.read_all(&TenantView::All, &all).await.unwrap().len(), 20);
        messages.push(proxy.take());
        assert_eq!(adapter.read_all(&view, &category).await.unwrap().len(), 20);
        messages.push(proxy.take());
        if round > 0 {
            assert!(messages.iter().all(|sent| *sent == one_round_trip()), "{messages:?}");
        }
    }
    proxy.take();
    let tail = AllOptions::new().after(stored[0].position);
    assert!(adapter.read_all(&default_tenant(), &tail).await.unwrap().is_empty());
    assert_eq!(
        proxy.take(),
        one_round_trip(),
        "at the end of the log only the frontier is queried"
    );
    adapter
        .change_stream(
            &event_core::Tenant::default(),
            &name,
            exact(50),
            StreamChange::Delete(Delete::Soft),
        )
        .await
        .unwrap();
}
