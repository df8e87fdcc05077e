//! Appends inside a transaction of the caller: the caller's rows and the events are committed together or not at all.

use std::sync::Arc;

use event_core::ExpectedVersion::{Any, Exact, NoStream};
use event_core::{EventId, EventStore, NewEvent, Outcome, ReadOptions, StreamVersion};
use event_sqlite::SqliteAdapter;
use event_testing::Noted;
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};

use super::{new_file, open, plain_connection, stream};

struct Shop {
    adapter: Arc<SqliteAdapter>,
    store: EventStore,
    connection: SqliteConnection,
}

impl Shop {
    async fn open() -> Self {
        let path = new_file();
        let adapter = Arc::new(open(&path).await);
        let store = EventStore::new(Arc::clone(&adapter)).unwrap();
        let mut connection = plain_connection(&path).await;
        sqlx::query("CREATE TABLE invoices (id INTEGER PRIMARY KEY)")
            .execute(&mut connection)
            .await
            .unwrap();
        Self { adapter, store, connection }
    }

    async fn invoices(&mut self) -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM invoices");
        count.fetch_one(&mut self.connection).await.unwrap()
    }

    async fn version(&self) -> u64 {
        self.store.stream_version(&stream("s")).await.unwrap().get()
    }
}

async fn invoice(transaction: &mut Transaction<'_, Sqlite>, id: i64) {
    let insert = sqlx::query("INSERT INTO invoices VALUES (?1)").bind(id);
    insert.execute(&mut **transaction).await.unwrap();
}

#[tokio::test]
async fn rows_of_the_caller_and_events_are_committed_or_rolled_back_together() {
    let mut shop = Shop::open().await;
    for (id, commits, begin) in
        [(1, false, "BEGIN IMMEDIATE"), (2, true, "BEGIN"), (3, true, "BEGIN IMMEDIATE")]
    {
        let before = shop.version().await;
        let mut transaction = shop.connection.begin_with(begin).await.unwrap();
        invoice(&mut transaction, id).await;
        let append = shop.store.transaction().append(&stream("s"), Any, Noted::many(2));
        let commit = append.append(&stream("t"), Any, Noted::many(1)).into_commit().unwrap();
        let answers = shop.adapter.append_in(&mut transaction, &commit).await.unwrap();
        assert_eq!(answers[0].stream_version.get(), before + 2);
        let seen = shop.store.stream_version(&stream("s")).await.unwrap().get();
        assert_eq!(seen, before, "not visible before the commit");
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    assert_eq!((shop.invoices().await, shop.version().await), (2, 4));
    shop.store.append(&stream("s"), Exact(StreamVersion::new(4)), Noted::many(1)).await.unwrap();
    assert!(shop.store.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_refused_append_leaves_the_transaction_usable() {
    let mut shop = Shop::open().await;
    let taken = EventId::new();
    let first = NewEvent::from(Noted::new("first")).with_id(taken);
    shop.store.append(&stream("s"), NoStream, [first.clone()]).await.unwrap();
    let mut transaction = shop.connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    invoice(&mut transaction, 1).await;
    let commit = |name: &str, expected, events: Vec<NewEvent>| {
        shop.store.transaction().append(&stream(name), expected, events).into_commit().unwrap()
    };
    let conflict = commit("s", NoStream, vec![Noted::new("x").into()]);
    let refused = shop.adapter.append_in(&mut transaction, &conflict).await.unwrap_err();
    assert_eq!(refused.code(), "wrong_expected_version");
    let elsewhere = commit("t", Any, vec![NewEvent::from(Noted::new("x")).with_id(taken)]);
    let refused = shop.adapter.append_in(&mut transaction, &elsewhere).await.unwrap_err();
    assert_eq!(refused.code(), "event_id_conflict");
    let again = commit("s", Any, vec![first]);
    let answers = shop.adapter.append_in(&mut transaction, &again).await.unwrap();
    assert_eq!(answers[0].outcome, Outcome::AlreadyStored);
    let good = commit("t", NoStream, vec![Noted::new("x").into()]);
    shop.adapter.append_in(&mut transaction, &good).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((shop.invoices().await, shop.version().await), (1, 1));
}

#[tokio::test]
async fn a_claim_in_a_transaction_of_the_caller_holds_until_its_end() {
    let mut shop = Shop::open().await;
    let mut transaction = shop.connection.begin().await.unwrap();
    let claim = shop.store.transaction().expect(&stream("s"), NoStream).into_commit().unwrap();
    shop.adapter.append_in(&mut transaction, &claim).await.unwrap();
    let (store, appended) = (shop.store.clone(), stream("s"));
    let appending =
        tokio::spawn(async move { store.append(&appended, NoStream, Noted::many(1)).await });
    invoice(&mut transaction, 1).await;
    assert_eq!(shop.store.stream_version(&stream("s")).await.unwrap().get(), 0);
    transaction.commit().await.unwrap();
    appending.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_transaction_on_another_file_is_refused() {
    let (shop, mut other) = (Shop::open().await, Shop::open().await);
    let mut transaction = other.connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let commit = shop.store.transaction().append(&stream("s"), Any, Noted::many(1));
    let refused = shop.adapter.append_in(&mut transaction, &commit.into_commit().unwrap()).await;
    refused.unwrap_err();
    drop(transaction);
    assert_eq!((shop.version().await, other.version().await), (0, 0));
}

#[tokio::test]
async fn links_events_and_rows_are_committed_or_rolled_back_together() {
    let mut shop = Shop::open().await;
    let old = NewEvent::from(Noted::new("old")).with_id(EventId::new());
    shop.store.append(&stream("s"), NoStream, [old.clone()]).await.unwrap();
    let ids = [old.id(), EventId::new()];
    for (invoices, commits) in [(1, false), (2, true)] {
        let mut transaction = shop.connection.begin().await.unwrap();
        invoice(&mut transaction, invoices).await;
        let new = NewEvent::from(Noted::new("new")).with_id(ids[1]);
        let append = shop.store.transaction().append(&stream("s"), Any, [new]);
        shop.adapter.append_in(&mut transaction, &append.into_commit().unwrap()).await.unwrap();
        let missing = shop.store.prepare_link(&stream("l"), Any, [EventId::new()]).unwrap();
        let refused = shop.adapter.link_in(&mut transaction, &missing).await.unwrap_err();
        assert_eq!(refused.code(), "events_not_found");
        let link = shop.store.prepare_link(&stream("l"), NoStream, ids).unwrap();
        let linked = shop.adapter.link_in(&mut transaction, &link).await.unwrap();
        assert_eq!((linked.stream_version.get(), linked.outcome), (2, Outcome::Stored));
        let again = shop.adapter.link_in(&mut transaction, &link).await.unwrap();
        assert_eq!(again.outcome, Outcome::AlreadyStored);
        assert_eq!(shop.store.stream_version(&stream("l")).await.unwrap().get(), 0);
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
    }
    assert_eq!((shop.invoices().await, shop.version().await), (1, 2));
    let linked = shop.store.read_stream(&stream("l"), ReadOptions::forward()).await.unwrap();
    assert_eq!(linked.iter().map(event_core::RecordedEvent::event_id).collect::<Vec<_>>(), ids);
    assert!(shop.store.verify().await.unwrap().is_sound());
}
