//! One call is one exchange with the server: counted in the protocol, not measured in time.

use std::collections::BTreeMap;

use event_core::adapter::append::StreamChange;
use event_core::adapter::{Adapter, TenantView};
use event_core::{AllOptions, BatchSize, Delete, ExpectedVersion, ReadOptions};
use event_postgres::{PgAdapter, PgOptions};

use crate::proxy::Proxy;
use crate::{append, commit, event, events, exact, one, own, page, pg, stream};

/// Bind, execute, close the portal, sync: what one prepared statement says.
fn one_exchange() -> BTreeMap<char, usize> {
    BTreeMap::from([('B', 1), ('E', 1), ('C', 1), ('S', 1)])
}

/// One connection, so that each statement is prepared once.
async fn through(proxy: &Proxy, database: &pg::Database<'_>) -> PgAdapter {
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    options.pool_size(1).notify(false).connect().await.unwrap()
}

#[tokio::test]
async fn every_append_is_one_exchange() {
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
        assert_eq!(proxy.take(), one_exchange(), "{size} events, {claim}");
    }
    adapter.commit(&both("s", "t")).await.unwrap();
    assert_eq!(proxy.take(), one_exchange(), "two streams");

    adapter.commit(&one("s", exact(7), events(2))).await.unwrap_err();
    assert_eq!(proxy.take(), one_exchange(), "a refused append, with the look-up of its ids");

    let known = page(&adapter, "t").await.unwrap()[0].event_id();
    proxy.take();
    let mut again = one("t", exact(0), vec![event(known)]);
    adapter.commit(&again).await.unwrap();
    assert_eq!(proxy.take(), one_exchange(), "known ids, refused by version");
    again.retry = true;
    adapter.commit(&again).await.unwrap();
    assert_eq!(proxy.take(), one_exchange(), "a retry");
}

#[tokio::test]
async fn every_read_is_one_exchange() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let adapter = through(&proxy, &database).await;
    let stored = adapter.commit(&one("s-1", ExpectedVersion::Any, events(50))).await.unwrap();

    let name = stream("s-1");
    let all = AllOptions::new().limit(BatchSize::new(20).unwrap());
    let category = all.clone().category("s");
    for round in 0..2 {
        let view = own();
        let mut said = Vec::new();
        proxy.take();
        assert_eq!(
            adapter.read_stream(&view, &name, ReadOptions::forward()).await.unwrap().len(),
            50
        );
        said.push(proxy.take());
        assert_eq!(
            adapter.read_stream(&view, &name, ReadOptions::backward()).await.unwrap().len(),
            50
        );
        said.push(proxy.take());
        adapter.read_stream(&view, &stream("missing"), ReadOptions::forward()).await.unwrap_err();
        said.push(proxy.take());
        assert!(adapter.stream_info(&view, &name).await.unwrap().is_some());
        said.push(proxy.take());
        // The first round also finds the frontier.
        assert_eq!(adapter.read_all(&TenantView::All, &all).await.unwrap().len(), 20);
        said.push(proxy.take());
        assert_eq!(adapter.read_all(&view, &category).await.unwrap().len(), 20);
        said.push(proxy.take());
        if round > 0 {
            assert!(said.iter().all(|said| *said == one_exchange()), "{said:?}");
        }
    }
    proxy.take();
    let tail = AllOptions::new().after(stored[0].position);
    assert!(adapter.read_all(&own(), &tail).await.unwrap().is_empty());
    assert_eq!(proxy.take(), one_exchange(), "at the end only the frontier is asked for");
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
