//! A primary is replaced, at the same address and under living processes, by a standby that lacks its last commits: every
//! reader handles what the new log holds, or says at which position the log differs. None passes over an event in silence.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use event_core::error::with_causes;
use event_core::{
    AllOptions, BatchSize, EventId, EventStore, EventStream, ExpectedVersion, ReadOptions,
    RetryPolicy,
};
use event_postgres::PgAdapter;
use event_testing::Noted;
use tokio::time::sleep;

pub(crate) use crate::readers::wait_until;
use crate::readers::{Seen, broadcast, durable, pages, plain, projection, reader, report};
use crate::{pg, stream};

/// An address whose server can be replaced.
pub(crate) struct Switch {
    port: u16,
    target: Arc<Mutex<(String, Vec<TcpStream>)>>,
}

impl Switch {
    pub(crate) fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = Arc::new(Mutex::new((server, Vec::new())));
        let state = Arc::clone(&target);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut state = state.lock().unwrap();
                let Ok(server) = TcpStream::connect(&state.0) else { continue };
                let clone = |side: &TcpStream| side.try_clone().unwrap();
                state.1.extend([clone(&client), clone(&server)]);
                let (up, down) = ((clone(&client), clone(&server)), (server, client));
                for (from, to) in [up, down] {
                    from.set_nodelay(true).unwrap();
                    thread::spawn(move || forward(from, to));
                }
            }
        });
        Self { port, target }
    }

    /// Cuts all connections; new ones go to another server.
    pub(crate) fn replace(&self, server: String) {
        let mut target = self.target.lock().unwrap();
        target.0 = server;
        for side in target.1.drain(..) {
            let _ = side.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, database: &pg::Database<'_>) -> String {
        database.url.replace(&database.address(), &format!("127.0.0.1:{}", self.port))
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

pub(crate) async fn append(store: &EventStore, name: &str, count: usize) {
    for _ in 0..count / 10 {
        while let Err(error) =
            store.append(&stream(name), ExpectedVersion::Any, Noted::many(10)).await
        {
            assert!(error.is_transient(), "{}", with_causes(&error));
        }
    }
}

/// The ids of all events on a server, read without the adapter.
pub(crate) async fn log(url: &str) -> Vec<EventId> {
    let mut connection = pg::connect(url).await;
    let ids = sqlx::query_scalar("SELECT event_id FROM event_store.events ORDER BY position");
    let ids: Vec<uuid::Uuid> = ids.fetch_all(&mut connection).await.unwrap();
    ids.into_iter().map(EventId::from_uuid).collect()
}

/// When the new log grows.
#[derive(PartialEq)]
enum Growth {
    /// After the address leads to its server.
    Afterwards,
    /// Before: its positions are those of the lost events, and more.
    Before,
}

/// 100 events that both servers have, `lost` that only the old one has, 300 on the new one.
async fn fail_over(lost: usize, growth: Growth) {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    let switch = Switch::to(database.address());
    let url = switch.url(&database);
    // A page that is read ahead when the server goes away is tried until there is another one.
    let patient = RetryPolicy::default().retries(1_000);
    let open = async || {
        let adapter = PgAdapter::connect(&url).await.unwrap();
        EventStore::builder(adapter).retry(patient.clone()).build().unwrap()
    };
    let store = open().await;
    append(&store, "kept", 100).await;
    let kept = log(&database.url).await;

    let mut readers = vec![
        reader("durable", |seen| durable(store.clone(), seen)),
        reader("plain", |seen| plain(store.clone(), seen)),
        reader("broadcast", |seen| broadcast(store.clone(), seen)),
        reader("projection", |seen| projection(store.clone(), seen)),
        reader("pages", |seen| pages(store.clone(), seen)),
    ];
    // Processes of their own, without a tail.
    let alone = open().await;
    readers.push(reader("pages alone", |seen| pages(alone.clone(), seen)));
    for reader in &readers {
        wait_until(reader.name, async || reader.seen.has(&kept)).await;
    }
    let checkpoint = "SELECT coalesce(max(position), 0) FROM event_store.subscription_partitions";
    let mut on_primary = database.connection().await;
    loop {
        if pg::number(&mut on_primary, checkpoint).await >= 100 {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }

    let standby = primary.standby();
    let standby_url = database.url.replace(&database.address(), &standby.address());
    let mut on_standby = pg::connect(&standby_url).await;
    pg::run(&mut on_standby, "ALTER SYSTEM SET primary_conninfo = ''").await;
    pg::run(&mut on_standby, "SELECT pg_reload_conf()").await;
    let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
    while pg::number(&mut on_standby, receivers).await > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    append(&store, "kept", lost).await;
    let gone = log(&database.url).await;
    let small = AllOptions::new().limit(BatchSize::new(10).unwrap());
    let mut begun: EventStream = store.all_events(small.clone());
    // Some pages are left, and the next one may have been read ahead.
    let small_pages = |options: ReadOptions| options.limit(BatchSize::new(10).unwrap());
    let mut begun_stream =
        store.stream_events(&stream("kept"), small_pages(ReadOptions::forward()));
    for _ in 0..75 + lost {
        begun.next().await.unwrap().unwrap();
        begun_stream.next().await.unwrap().unwrap();
    }
    let mut begun_backward =
        store.stream_events(&stream("kept"), small_pages(ReadOptions::backward()));
    begun_backward.next().await.unwrap().unwrap();
    for reader in &readers {
        wait_until(reader.name, async || reader.seen.has(&gone)).await;
    }

    primary.crash();
    pg::run(&mut on_standby, "SELECT pg_promote()").await;
    if growth == Growth::Before {
        let other = EventStore::new(PgAdapter::connect(&standby_url).await.unwrap()).unwrap();
        append(&other, "kept", 300).await;
        other.close().await;
    }
    switch.replace(standby.address());
    if growth == Growth::Afterwards {
        append(&store, "kept", 300).await;
    }
    let now = log(&standby_url).await;
    assert!(now.len() >= 400 && now[..100] == kept);

    eprintln!("{lost} commits lost:");
    for reader in readers {
        let done = async || reader.seen.ended() || reader.seen.has(&now);
        wait_until(reader.name, done).await;
        reader.task.abort();
        report(reader.name, &reader.seen, &now, lost);
    }
    // Those who had seen nothing that was lost may continue in the new log, if they had not read ahead.
    let kept_of_new = now.get(75 + lost..).filter(|_| 75 + lost <= 100);
    let rest = Rest { left: &now[100..], instead: kept_of_new, now: &now, lost };
    rest.check(begun, "read in progress").await;
    rest.check(begun_stream, "stream in progress").await;
    let rest = Rest { left: &now[..90], instead: None, now: &now, lost };
    rest.check(begun_backward, "stream in progress, backward").await;
    let health = store.health().await.unwrap();
    assert_eq!(health.log_change.is_some(), lost > 0, "{:?}", health.log_change);

    // A follow-up read of the whole log.
    let mut events = store.all_events(small);
    let mut again = Vec::new();
    while let Some(event) = events.next().await {
        again.push(event.unwrap().event_id());
    }
    assert_eq!(again, now);
    store.close().await;
    alone.close().await;
}

/// What is left of a read that began before: it continues in the same log, or ends with an error.
struct Rest<'a> {
    /// What still comes if nothing was lost.
    left: &'a [EventId],
    /// What may come instead of an error if commits were lost.
    instead: Option<&'a [EventId]>,
    now: &'a [EventId],
    lost: usize,
}

impl Rest<'_> {
    async fn check(&self, mut begun: EventStream, name: &str) {
        let rest = Seen::default();
        while let Some(event) = begun.next().await {
            match event {
                Ok(event) => rest.see(&event),
                Err(error) => rest.end(error),
            }
        }
        if self.lost > 0 {
            let continued = self.instead == Some(&**rest.ids.lock().unwrap());
            assert!(rest.ended() || continued, "{name}: the pages mixed two logs");
        } else {
            let (ids, said) = (rest.ids.lock().unwrap().len(), rest.said.lock().unwrap());
            let said = said.as_ref().map(|error| with_causes(error));
            assert!(rest.has(self.left), "{name}: only {ids} more events; said: {said:?}");
        }
        report(name, &rest, self.now, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_goes_on_when_nothing_was_lost() {
    fail_over(0, Growth::Afterwards).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_says_so_when_a_few_commits_are_lost() {
    fail_over(20, Growth::Afterwards).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_says_so_when_more_commits_are_lost_than_follow() {
    fail_over(200, Growth::Afterwards).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_says_so_when_other_events_have_the_positions_of_the_lost_ones() {
    fail_over(0, Growth::Before).await;
    fail_over(20, Growth::Before).await;
    fail_over(200, Growth::Before).await;
}
