//! Limits of the server: a full disk, a deadlock with another program, a dump restored into a cluster with lower
//! transaction ids.

use event_core::adapter::Adapter;
use event_core::{Error, EventId, ExpectedVersion, Outcome};

use crate::{after, append, commit, events, exact, ids, one, page, pg, versions};

/// Fails inserts of events as a full disk does.
const DISK_FULL: &str = "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                         RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
                       CREATE TRIGGER disk_full BEFORE INSERT ON event_store.events FOR EACH ROW \
                         WHEN (NEW.version > 2) EXECUTE FUNCTION disk_full()";

#[tokio::test]
async fn a_full_disk_refuses_whole_appends_and_the_store_recovers() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("a-1", ExpectedVersion::NoStream, events(1))).await.unwrap();
    let mut admin = database.connection().await;
    pg::run(&mut admin, DISK_FULL).await;
    // The second event still fits, the third does not.
    let both = [append("b-1", exact(0), events(1)), append("a-1", exact(1), events(2))];
    for refused in [commit(both), one("a-1", exact(1), events(2)), one("c-1", exact(0), events(3))]
    {
        let error = adapter.commit(&refused).await.unwrap_err();
        let message = event_core::error::with_causes(&error);
        assert!(message.contains("No space left on device"), "{message}");
    }
    assert_eq!(versions(&page(&adapter, "a-1").await.unwrap()), [1]);
    for name in ["b-1", "c-1"] {
        let missing = page(&adapter, name).await.unwrap_err();
        assert!(matches!(missing, Error::StreamNotFound { .. }), "{missing}");
    }
    pg::run(&mut admin, "DROP TRIGGER disk_full ON event_store.events").await;
    adapter.commit(&one("a-1", exact(1), events(2))).await.unwrap();
    assert_eq!(
        after(&adapter, 0).await.len(),
        3,
        "no reader waits for positions that were rolled back"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_with_another_program_is_transient_and_writes_nothing() {
    let cluster = pg::Cluster::start_with(pg::Fsync::Off, "-c deadlock_timeout=50ms");
    let database = cluster.database().await;
    let adapter = std::sync::Arc::new(database.adapter().await);
    for name in ["a", "b"] {
        adapter.commit(&one(name, exact(0), events(1))).await.unwrap();
    }
    let mut other = database.connection().await;
    let lock = |name: &str| {
        format!("SELECT FROM event_store.streams WHERE stream_id = '{name}' FOR UPDATE")
    };
    pg::run(&mut other, &format!("SET deadlock_timeout = '1h'; BEGIN; {}", lock("b"))).await;
    // Ours locks `a` and waits for `b`; the other program then locks `a`, in the opposite order.
    let both = commit([append("a", exact(1), events(1)), append("b", exact(1), events(1))]);
    let ours = tokio::spawn({
        let (adapter, both) = (std::sync::Arc::clone(&adapter), both.clone());
        async move { adapter.commit(&both).await }
    });
    let mut watcher = database.connection().await;
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while pg::number(&mut watcher, waiting).await == 0 {
        tokio::task::yield_now().await;
    }
    pg::run(&mut other, &lock("a")).await;
    let error = ours.await.unwrap().unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    pg::run(&mut other, "ROLLBACK").await;
    assert_eq!(after(&adapter, 0).await.len(), 2, "nothing of it was written");
    adapter.commit(&both).await.unwrap();
}

#[tokio::test]
async fn a_dump_restored_into_a_younger_cluster_can_be_read_and_appended_to() {
    let (old, young) = (pg::Cluster::start(pg::Fsync::Off), pg::Cluster::start(pg::Fsync::Off));
    let database = old.database().await;
    let mut admin = database.connection().await;
    for _ in 0..3_000 {
        pg::number(&mut admin, "SELECT pg_current_xact_id()::text::bigint").await;
    }
    let adapter = database.adapter().await;
    let known = events(2);
    adapter.commit(&one("a-1", exact(0), known.clone())).await.unwrap();
    adapter.commit(&one("a-2", exact(0), events(3))).await.unwrap();
    let before = after(&adapter, 0).await;
    let restored = database.restored_into(&young).await;

    let mut other = restored.connection().await;
    let id = "SELECT pg_current_xact_id()::text::bigint";
    assert!(
        pg::number(&mut other, id).await < pg::number(&mut admin, id).await,
        "its transaction ids are lower"
    );
    let adapter = restored.adapter().await;
    assert_eq!(ids(&after(&adapter, 0).await), ids(&before), "all events are visible at once");
    let again = adapter.commit(&one("a-1", exact(0), known)).await.unwrap()[0];
    assert_eq!((again.outcome, again.position), (Outcome::AlreadyStored, before[1].position()));
    let last = EventId::new();
    let next = adapter.commit(&one("a-2", exact(3), vec![crate::event(last)])).await.unwrap()[0];
    assert!(next.position > before[4].position());
    assert_eq!(after(&adapter, before[4].position().get()).await[0].event_id(), last);
}
