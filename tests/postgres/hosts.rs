//! Addresses: which of several hosts is used, sockets, and keys of a URL.

use std::time::Duration;

use event_core::adapter::Adapter;
use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion, Filter, RetryPolicy, StartFrom};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;

use crate::connections::until;
use crate::{exact, pg, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_takes_writes_is_found_after_a_failover() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let name = database.name();
    let list = format!("{},{}", standby.address(), primary.address());
    for attrs in ["", "&target_session_attrs=read-write", "&target_session_attrs=primary"] {
        let url = format!("postgres://postgres@{list}/{name}?notify=off{attrs}");
        let adapter = PgAdapter::connect(&url).await.unwrap();
        let store = EventStore::new(adapter).unwrap();
        store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    }
    for attrs in ["standby", "prefer-standby", "read-only"] {
        let list = format!("{},{}", primary.address(), standby.address());
        let url =
            format!("postgres://postgres@{list}/{name}?target_session_attrs={attrs}&notify=off");
        let adapter = PgAdapter::connect(&url).await.unwrap();
        assert!(adapter.health().await.unwrap().read_only, "{attrs}");
    }
    let url =
        format!("postgres://postgres@{}/{name}?target_session_attrs=read-write", standby.address());
    let error = with_causes(&PgAdapter::connect(&url).await.unwrap_err());
    assert!(
        error.contains("target_session_attrs=read-write") && error.contains(&standby.address()),
        "{error}"
    );

    let list = format!("{},{}", primary.address(), standby.address());
    let url =
        format!("postgres://postgres@{list}/{name}?target_session_attrs=read-write&notify=off");
    let policy = RetryPolicy::default().retries(40).first_delay(Duration::from_millis(20));
    let adapter = PgAdapter::connect(&url).await.unwrap();
    let store = EventStore::builder(adapter).retry(policy).build().unwrap();
    store.append(&stream("t"), exact(0), Noted::many(1)).await.unwrap();
    let mut admin = primary.admin().await;
    until(
        &mut admin,
        "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()",
        1,
    )
    .await;
    primary.crash();
    standby.promote();
    let answer = store.append(&stream("t"), exact(1), Noted::many(1)).await.unwrap();
    assert_eq!(answer.stream_version.get(), 2);
}

/// Nothing has to fail first: not an append, and not an import, which has connections of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_hosts_the_one_that_takes_writes_is_used_from_the_start() {
    let primary = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let database = primary.database().await;
    database.adapter().await.close().await;
    let standby = primary.standby();
    let list = format!("{},{}", standby.address(), primary.address());
    let through = format!("&pooler_mode=transaction&direct={}", primary.address());
    for pooled in ["", &through] {
        let url = format!("postgres://postgres@{list}/{}?notify=off{pooled}", database.name());
        let adapter = PgAdapter::connect(&url).await.unwrap();
        let store = EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap();
        assert!(!store.health().await.unwrap().read_only, "{url}");
        let source = EventStore::in_memory().unwrap();
        let name = stream(if pooled.is_empty() { "session" } else { "pooled" });
        source.append(&name, ExpectedVersion::Any, Noted::many(2)).await.unwrap();
        let export = crate::travel::exported(&source).await;
        assert_eq!(store.import().read(&*export).await.unwrap().stored, 2, "{url}");
        let appended = store.append(&name, exact(2), Noted::many(1)).await.unwrap();
        assert_eq!(appended.stream_version.get(), 3, "{url}");
        store.close().await;
    }
    // A list of standbys alone still serves readers.
    let url =
        format!("postgres://postgres@{0},{0}/{1}?notify=off", standby.address(), database.name());
    assert!(PgAdapter::connect(&url).await.unwrap().health().await.unwrap().read_only);
}

/// A list of which each host is first refused, then down: the store follows the one that takes writes, whichever it is, also
/// where the list says nothing, and its readers go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_living_store_follows_the_writable_host_of_its_list() {
    for attrs in ["", "&target_session_attrs=any", "&target_session_attrs=read-write"] {
        let primary =
            tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
        let database = primary.database().await;
        database.adapter().await.close().await;
        let standby = primary.standby();
        let list = format!("{},{}", standby.address(), primary.address());
        let url =
            format!("postgres://postgres@{list}/{}?connect_timeout=2{attrs}", database.name());
        let policy = RetryPolicy::default().retries(100).first_delay(Duration::from_millis(20));
        let adapter = PgAdapter::connect(&url).await.unwrap();
        let store = EventStore::builder(adapter).retry(policy).build().unwrap();
        let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
        store.append(&stream("t"), exact(0), Noted::many(1)).await.unwrap();
        events.next().await.unwrap().unwrap();
        let mut admin = primary.admin().await;
        let replayed =
            "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()";
        until(&mut admin, replayed, 1).await;
        primary.crash();
        standby.promote();
        let answer = store.append(&stream("t"), exact(1), Noted::many(1)).await.unwrap();
        assert_eq!(answer.stream_version.get(), 2, "{attrs}");
        let next = tokio::time::timeout(Duration::from_mins(1), events.next()).await;
        assert_eq!(next.unwrap().unwrap().unwrap().stream_version().get(), 2, "{attrs}");
        assert!(!store.health().await.unwrap().read_only, "{attrs}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_is_reached_through_a_socket() {
    let folder = tempfile::Builder::new().prefix("event-socket-").tempdir().unwrap();
    pg::chown_to_server(folder.path());
    let path = folder.path().to_str().unwrap().to_owned();
    let settings = format!("-c unix_socket_directories={path}");
    let cluster = pg::Cluster::start_with(pg::Fsync::Off, &settings);
    let database = cluster.database().await;
    let port = cluster.address().rsplit_once(':').unwrap().1.to_owned();
    let name = database.name();
    let encoded = path.replace('/', "%2F");
    for url in [
        format!("postgres://postgres@/{name}?host={path}&port={port}"),
        format!("postgres://postgres@/{name}?host={encoded}&port={port}"),
        format!("postgres://postgres@{encoded}:{port}/{name}"),
        format!("postgresql:///{name}?user=postgres&host=/nowhere,{path}&port={port}"),
    ] {
        let store = EventStore::connect(&url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {}", with_causes(&error)));
        store.append(&stream("s"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
        store.close().await;
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    for (key, nearest) in [
        ("pool_sise=3", "pool_size"),
        ("target_session_attr=any", "target_session_attrs"),
        ("conect_timeout=3", "connect_timeout"),
        ("sslmod=require", "sslmode"),
    ] {
        let error = format!("postgres://u:s3cret@h/db?{key}").parse::<PgOptions>().unwrap_err();
        let message = with_causes(&error);
        assert!(message.contains(&format!("did you mean `{nearest}`?")), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
    for good in [
        "connect_timeout=3&keepalives=0&keepalives_idle=9&keepalives_interval=9&keepalives_count=9",
        "tcp_user_timeout=1000&client_encoding=UTF8&gssencmode=disable&channel_binding=prefer",
        "application_name=a%20b&options=-c%20work_mem%3D8MB&options[work_mem]=8MB",
        "user=u&password=s3cret&dbname=d&hostaddr=127.0.0.1,127.0.0.2&target_session_attrs=any",
    ] {
        let options: PgOptions = format!("postgres://h1,h2:7/db?{good}").parse().unwrap();
        assert!(!format!("{options:?}").contains("s3cret"));
    }
    for (bad, expected) in [
        ("postgres://h/db?target_session_attrs=writer", "read-write"),
        ("postgres://h1,h2/db?port=1,2,3", "3 ports for 2 hosts"),
        ("postgres://h:99999/db", "port"),
        ("postgres://h/db?gssencmode=require", "gssencmode"),
        ("postgres://h/db?keepalives=yes", "keepalives"),
        ("postgres://h/db?host=%zz", "percent-encoding"),
    ] {
        let message = with_causes(&bad.parse::<PgOptions>().unwrap_err());
        assert!(message.contains(expected), "{bad}: {message}");
    }
}
