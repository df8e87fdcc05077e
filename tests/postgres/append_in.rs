//! Appends inside a transaction of the caller: the caller's rows and the events are committed together or not at all.

use std::sync::Arc;

use event_core::error::with_causes;
use event_core::{
    Error, EventId, EventStore, ExpectedVersion, NewEvent, Outcome, ReadOptions, Scope, Tenant,
};
use event_postgres::PgAdapter;
use event_testing::Noted;
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};

use crate::{after, exact, pg, stream, versions};

struct Shop {
    adapter: Arc<PgAdapter>,
    store: EventStore,
    connection: PgConnection,
}

impl Shop {
    async fn open(database: &pg::Database<'_>) -> Self {
        let adapter = Arc::new(database.adapter().await);
        let store = EventStore::new(Arc::clone(&adapter)).unwrap();
        let mut connection = database.connection().await;
        pg::run(&mut connection, "CREATE TABLE invoices (id int PRIMARY KEY)").await;
        Self { adapter, store, connection }
    }

    async fn invoices(&mut self) -> i64 {
        pg::number(&mut self.connection, "SELECT count(*) FROM invoices").await
    }

    async fn versions(&self, name: &str) -> Vec<u64> {
        let page = self.store.read_stream(&stream(name), ReadOptions::forward()).await;
        page.map_or(Vec::new(), |page| versions(&page))
    }
}

async fn invoice(transaction: &mut Transaction<'_, Postgres>, id: i32) {
    let insert = sqlx::query("INSERT INTO invoices VALUES ($1)").bind(id);
    insert.execute(&mut **transaction).await.unwrap();
}

#[tokio::test]
async fn rows_of_the_caller_and_events_are_committed_or_rolled_back_together() {
    let database = pg::shared().database().await;
    let Shop { adapter, store, mut connection } = Shop::open(&database).await;
    let scoped = store.with_scope(Scope::tenant(Tenant::new("red").unwrap()).actor("ann"));
    for (id, commits) in [(1, false), (2, true)] {
        let mut transaction = connection.begin().await.unwrap();
        invoice(&mut transaction, id).await;
        let append = scoped.transaction().append(&stream("s"), exact(0), Noted::many(2));
        let answers =
            adapter.append_in(&mut transaction, &append.into_commit().unwrap()).await.unwrap();
        assert_eq!(answers[0].stream_version.get(), 2);
        let seen = scoped.stream_version(&stream("s")).await.unwrap().get();
        assert_eq!(seen, 0, "not visible before the commit");
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    let page = scoped.read_stream(&stream("s"), ReadOptions::forward()).await.unwrap();
    assert_eq!(versions(&page), [1, 2]);
    assert_eq!(page[0].metadata().actor_id().as_deref(), Some("ann"));
    let mut shop = Shop { adapter, store, connection };
    assert_eq!(shop.invoices().await, 1, "the rolled back invoice is not stored");
    assert_eq!(after(&shop.adapter, 0).await.len(), 2);
}

#[tokio::test]
async fn a_refused_append_leaves_the_transaction_usable() {
    let database = pg::shared().database().await;
    let mut shop = Shop::open(&database).await;
    let store = EventStore::builder(Arc::clone(&shop.adapter)).stream_limit(Some(3));
    let store = store.build().unwrap();
    let taken = EventId::new();
    let first = NewEvent::from(Noted::new("first")).with_id(taken);
    store.append(&stream("s"), exact(0), [first]).await.unwrap();
    store.append(&stream("old"), exact(0), Noted::many(1)).await.unwrap();
    store.archive_stream(&stream("old"), exact(1)).await.unwrap();

    let mut transaction = shop.connection.begin().await.unwrap();
    invoice(&mut transaction, 1).await;
    let reused_id = vec![NewEvent::from(Noted::new("another")).with_id(taken)];
    for (append, code) in [
        (
            store.transaction().append(&stream("s"), exact(7), Noted::many(1)),
            "wrong_expected_version",
        ),
        (
            store.transaction().append(&stream("s"), ExpectedVersion::Any, Noted::many(3)),
            "stream_limit_reached",
        ),
        (
            store.transaction().append(&stream("old"), ExpectedVersion::Any, Noted::many(1)),
            "stream_archived",
        ),
        (
            store.transaction().append(&stream("t"), ExpectedVersion::Any, reused_id),
            "event_id_conflict",
        ),
        (
            store.transaction().append(&stream("new"), exact(0), Noted::many(1)).append(
                &stream("s"),
                exact(7),
                Noted::many(1),
            ),
            "wrong_expected_version",
        ),
    ] {
        let commit = append.into_commit().unwrap();
        let error = shop.adapter.append_in(&mut transaction, &commit).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let append = store.transaction().append(&stream("s"), exact(1), Noted::many(1));
    shop.adapter.append_in(&mut transaction, &append.into_commit().unwrap()).await.unwrap();
    invoice(&mut transaction, 2).await;
    transaction.commit().await.unwrap();
    assert_eq!(shop.invoices().await, 2);
    assert_eq!(shop.versions("s").await, [1, 2]);
    assert_eq!(shop.versions("new").await, [0_u64; 0], "nothing of the refused pair is stored");
    let positions: Vec<u64> =
        after(&shop.adapter, 0).await.iter().map(|event| event.position().get()).collect();
    assert_eq!(positions, [1, 2, 3], "refused appends take no position");
}

#[tokio::test]
async fn a_transaction_whose_commit_was_not_acknowledged_is_retried_as_a_whole() {
    let database = pg::shared().database().await;
    let mut shop = Shop::open(&database).await;
    let pair = shop
        .store
        .transaction()
        .append(&stream("b"), ExpectedVersion::NoStream, Noted::many(2))
        .append(&stream("a"), ExpectedVersion::NoStream, Noted::many(1));
    let commit = pair.into_commit().unwrap();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let mut transaction = shop.connection.begin().await.unwrap();
        sqlx::query("INSERT INTO invoices VALUES (1) ON CONFLICT DO NOTHING")
            .execute(&mut *transaction)
            .await
            .unwrap();
        let answers = shop.adapter.append_in(&mut transaction, &commit).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(answers.iter().map(|a| a.stream_version.get()).collect::<Vec<_>>(), [2, 1]);
        assert!(answers[0].position < answers[1].position, "in the order of the appends");
        outcomes.push(answers[1].outcome);
    }
    assert_eq!(outcomes, [Outcome::Stored, Outcome::AlreadyStored]);
    assert_eq!(shop.invoices().await, 1);
    assert_eq!(after(&shop.adapter, 0).await.len(), 3);
}

#[tokio::test]
async fn events_are_validated_before_anything_is_sent() {
    let database = pg::shared().database().await;
    let shop = Shop::open(&database).await;
    let wrong = [Noted::new("good"), Noted::new("")];
    let error = shop.store.transaction().append(&stream("s"), exact(0), wrong).into_commit();
    let Err(Error::InvalidEventData { index, .. }) = error else { panic!("{error:?}") };
    assert_eq!(index, Some(1));
    let all_tenants = shop.store.all_tenants();
    let error = all_tenants.transaction().append(&stream("s"), exact(0), Noted::many(1));
    assert_eq!(error.into_commit().unwrap_err().code(), "invalid_event_data");
    let again = NewEvent::from(Noted::new("x"));
    let twice = shop.store.transaction().append(&stream("s"), exact(0), [again.clone()]).append(
        &stream("t"),
        exact(0),
        [again],
    );
    assert_eq!(twice.into_commit().unwrap_err().code(), "event_id_conflict");
}

#[tokio::test]
async fn appends_are_refused_in_isolation_levels_with_a_fixed_snapshot() {
    let database = pg::shared().database().await;
    let mut shop = Shop::open(&database).await;
    for (streams, level) in [(1, "REPEATABLE READ"), (2, "SERIALIZABLE")] {
        let begin = format!("BEGIN ISOLATION LEVEL {level}");
        let mut transaction = shop.connection.begin_with(sqlx::AssertSqlSafe(begin)).await.unwrap();
        invoice(&mut transaction, streams).await;
        let mut append = shop.store.transaction().append(&stream("a"), exact(0), Noted::many(1));
        if streams == 2 {
            append = append.append(&stream("b"), exact(0), Noted::many(1));
        }
        let commit = append.into_commit().unwrap();
        let error = shop.adapter.append_in(&mut transaction, &commit).await.unwrap_err();
        assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
        transaction.commit().await.unwrap();
    }
    assert_eq!(shop.invoices().await, 2);
    assert!(after(&shop.adapter, 0).await.is_empty(), "nothing was written");
}

#[tokio::test]
async fn ids_committed_concurrently_abort_the_transaction_with_an_id_conflict() {
    let database = pg::shared().database().await;
    let mut shop = Shop::open(&database).await;
    let mut other = database.connection().await;
    let event = NewEvent::from(Noted::new("x"));
    let ours = shop.store.transaction().append(&stream("a"), exact(0), [event.clone()]);
    let theirs = shop.store.transaction().append(&stream("b"), exact(0), [event]);
    let (ours, theirs) = (ours.into_commit().unwrap(), theirs.into_commit().unwrap());
    let mut first = other.begin().await.unwrap();
    shop.adapter.append_in(&mut first, &theirs).await.unwrap();
    let mut second = shop.connection.begin().await.unwrap();
    let (answer, ()) = tokio::join!(shop.adapter.append_in(&mut second, &ours), async {
        let lock_waits = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut watcher = database.connection().await;
        while pg::number(&mut watcher, lock_waits).await == 0 {
            tokio::task::yield_now().await;
        }
        first.commit().await.unwrap();
    });
    let error = answer.unwrap_err();
    assert!(error.to_string().contains("aborted"), "{error}");
    assert_eq!(error.code(), "event_id_conflict");
    second.rollback().await.unwrap();
}

#[tokio::test]
async fn a_claim_holds_until_the_caller_commits() {
    let database = pg::shared().database().await;
    let Shop { adapter, store, mut connection } = Shop::open(&database).await;
    store.append(&stream("read"), exact(0), Noted::many(1)).await.unwrap();
    for (name, expected) in [("read", exact(1)), ("missing", ExpectedVersion::NoStream)] {
        let mut transaction = connection.begin().await.unwrap();
        let append = store.transaction().append(&stream("s"), ExpectedVersion::Any, Noted::many(1));
        let commit = append.expect(&stream(name), expected).into_commit().unwrap();
        let claim = adapter.append_in(&mut transaction, &commit).await.unwrap();
        assert_eq!(claim.len(), 1);
        let other = tokio::spawn({
            let store = store.clone();
            async move { store.append(&stream(name), expected, Noted::many(1)).await }
        });
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut watch = database.connection().await;
        while pg::number(&mut watch, waiting).await == 0 {
            assert!(!other.is_finished(), "the append to `{name}` did not wait");
            tokio::task::yield_now().await;
        }
        transaction.commit().await.unwrap();
        let other = other.await.unwrap().unwrap();
        assert!(claim[0].position < other.position, "{name}");
    }
    assert_eq!(after(&adapter, 0).await.len(), 5);
}

#[tokio::test]
async fn links_events_and_rows_are_committed_or_rolled_back_together() {
    let database = pg::shared().database().await;
    let mut shop = Shop::open(&database).await;
    let old = NewEvent::from(Noted::new("old"));
    shop.store.append(&stream("s"), ExpectedVersion::NoStream, [old.clone()]).await.unwrap();
    let ids = [old.id(), EventId::new()];
    let link = shop.store.prepare_link(&stream("l"), ExpectedVersion::NoStream, ids).unwrap();
    for (id, commits) in [(1, false), (2, true)] {
        let mut transaction = shop.connection.begin().await.unwrap();
        invoice(&mut transaction, id).await;
        let refused = shop.adapter.link_in(&mut transaction, &link).await.unwrap_err();
        assert_eq!(refused.code(), "events_not_found", "the second one is stored below");
        let new = NewEvent::from(Noted::new("new")).with_id(ids[1]);
        let append = shop.store.transaction().append(&stream("s"), ExpectedVersion::Any, [new]);
        shop.adapter.append_in(&mut transaction, &append.into_commit().unwrap()).await.unwrap();
        let linked = shop.adapter.link_in(&mut transaction, &link).await.unwrap();
        assert_eq!((linked.stream_version.get(), linked.outcome), (2, Outcome::Stored));
        let again = shop.adapter.link_in(&mut transaction, &link).await.unwrap();
        assert_eq!(again.outcome, Outcome::AlreadyStored);
        let before = shop.store.stream_version(&stream("l")).await.unwrap().get();
        assert_eq!(before, 0, "not visible before the commit");
        // Another stream of the category is created meanwhile.
        let beside = stream(&format!("l-{id}"));
        shop.store.append(&beside, ExpectedVersion::Any, Noted::many(1)).await.unwrap();
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    assert_eq!((shop.invoices().await, shop.versions("l").await), (1, vec![1, 2]));
    assert!(shop.store.verify().await.unwrap().is_sound());

    let mut transaction = shop.connection.begin().await.unwrap();
    pg::run(&mut transaction, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await;
    let refused = shop.adapter.link_in(&mut transaction, &link).await.unwrap_err();
    assert!(refused.to_string().contains("link a stream"), "{refused}");
    assert!(with_causes(&refused).contains("READ COMMITTED"), "{refused}");
}
