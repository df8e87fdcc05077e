//! Links on PostgreSQL: contention and round trips.

use std::collections::BTreeSet;
use std::sync::Arc;

use event_core::adapter::Adapter;
use event_core::adapter::append::LinkEvents;
use event_core::{
    Appended, Error, EventId, ExpectedVersion, ReadOptions, Result, StreamVersion, Tenant,
};
use event_postgres::{PgAdapter, PgOptions};

use crate::proxy::Proxy;
use crate::{concurrently, events, exact, ids, one, page, pg, stream, versions};

async fn link(
    adapter: &PgAdapter,
    name: &str,
    expected: ExpectedVersion,
    event_ids: Vec<EventId>,
) -> Result<Appended> {
    let link = LinkEvents {
        tenant: Tenant::default(),
        stream_id: stream(name),
        expected,
        event_ids,
        stream_limit: None,
    };
    adapter.link(&link).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_store_each_link_once() {
    const WRITERS: usize = 24;
    const EACH: usize = 6;
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    // Every writer appends to its own stream and links the events into two streams that all writers share.
    let conflicts = concurrently(&adapter, WRITERS, |n, adapter| async move {
        let mut refused = 0;
        for round in 0..EACH {
            let batch = events(2);
            let wanted: Vec<EventId> = batch.iter().map(|event| event.id).collect();
            adapter
                .commit(&one(&format!("own-{n}"), exact(2 * round as u64), batch))
                .await
                .unwrap();
            for name in ["links-a", "links-b"] {
                let mut version = 0;
                loop {
                    match link(&adapter, name, exact(version), wanted.clone()).await {
                        Ok(answer) => {
                            assert_eq!(answer.stream_version.get(), version + 2);
                            break;
                        }
                        Err(Error::WrongExpectedVersion { actual, .. }) => {
                            refused += 1;
                            version = actual.get();
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
        refused
    })
    .await;
    assert!(conflicts.iter().sum::<usize>() > 0, "the writers did race");
    for name in ["links-a", "links-b"] {
        let seen = page(&adapter, name).await.unwrap();
        let all: Vec<u64> = (1..=(WRITERS * EACH * 2) as u64).collect();
        assert_eq!(versions(&seen), all);
        assert_eq!(ids(&seen).into_iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(
            seen.chunks(2).all(|pair| pair[0].origin().unwrap().0 == pair[1].origin().unwrap().0)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stream_that_appends_and_links_race_for_holds_one_kind() {
    let database = pg::shared().database().await;
    let adapter = Arc::new(database.adapter().await);
    let batch = events(1);
    let known = batch[0].id;
    adapter.commit(&one("source", exact(0), batch)).await.unwrap();
    for round in 0..10 {
        let name = format!("wanted-{round}");
        let results = concurrently(&adapter, 12, |n, adapter| {
            let name = name.clone();
            async move {
                if n % 2 == 0 {
                    link(&adapter, &name, ExpectedVersion::Any, vec![known]).await.map(|_| ())
                } else {
                    adapter.commit(&one(&name, ExpectedVersion::Any, events(1))).await.map(|_| ())
                }
            }
        })
        .await;
        let seen = page(&adapter, &name).await.unwrap();
        let links = seen[0].origin().is_some();
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(()) => assert_eq!(n % 2 == 0, links),
                Err(Error::MixedStream { holds_links, .. }) => {
                    assert_eq!((holds_links, n % 2 == 1), (links, links));
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(seen.len(), if links { 1 } else { 6 });
    }
}

#[tokio::test]
async fn a_link_is_one_round_trip_and_adds_none_to_other_reads() {
    let database = pg::shared().database().await;
    let proxy = Proxy::start(database.address());
    let options: PgOptions = proxy.url(&database.url, &database.address()).parse().unwrap();
    let adapter = options.pool_size(1).notify(false).connect().await.unwrap();
    let batch = events(3);
    let known: Vec<EventId> = batch.iter().map(|event| event.id).collect();
    adapter.commit(&one("s", exact(0), batch)).await.unwrap();
    link(&adapter, "links", exact(0), vec![known[0]]).await.unwrap();
    for name in ["s", "links"] {
        page(&adapter, name).await.unwrap();
    }
    proxy.take();
    link(&adapter, "links", exact(1), vec![known[2], known[1]]).await.unwrap();
    assert_eq!(proxy.take()[&'E'], 1);
    page(&adapter, "s").await.unwrap();
    assert_eq!(proxy.take()[&'E'], 1);
    assert_eq!(page(&adapter, "links").await.unwrap().len(), 3);
    assert_eq!(
        proxy.take()[&'E'],
        2,
        "the first finds that the stream holds links, the second reads them"
    );
    let start = ReadOptions::forward().from(StreamVersion::new(4));
    assert!(
        adapter
            .read_stream(&crate::default_tenant(), &stream("links"), start)
            .await
            .unwrap()
            .is_empty()
    );
}
