//! Reads: hostile names, corrupt rows, pages and filters, views of tenants.

use event_core::adapter::{Adapter, TenantView};
use event_core::serde_json::value::RawValue;
use event_core::{
    AllOptions, BatchSize, Error, EventId, ExpectedVersion, ListOptions, Metadata, Position,
    ReadOptions, StreamInfo, Tenant,
};

use crate::{
    after, append, commit, default_tenant, event, events, exact, ids, one, page, pg, stream,
    versions,
};

const HOSTILE: [&str; 9] = [
    "it's \"quoted\"; DROP TABLE events --",
    "100%_sure",
    "\\x00\\",
    "left \u{202e}right\u{202c} \u{200f}mark",
    "ünï-cödé",
    "🦀-1",
    "{a,\"b\",NULL}",
    "NULL",
    "$1",
];

#[tokio::test]
async fn hostile_names_are_stored_and_read_back_equal() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let names = || HOSTILE.iter().filter(|name| !name.starts_with('$'));
    for name in names() {
        adapter.commit(&one(name, ExpectedVersion::NoStream, events(1))).await.unwrap();
        let stored = page(&adapter, name).await.unwrap();
        assert_eq!(stored[0].stream_id().as_str(), *name);
    }
    // In one commit, as elements of arrays.
    let appends: Vec<_> = names().map(|name| append(name, exact(1), events(1))).collect();
    adapter.commit(&commit(appends)).await.unwrap();

    let mut sorted: Vec<_> = names().copied().collect();
    sorted.sort_unstable();
    let listed = adapter.list_streams(&default_tenant(), &ListOptions::new()).await.unwrap();
    assert_eq!(
        listed.iter().map(|info| info.stream_id.as_str()).collect::<Vec<_>>(),
        sorted,
        "byte order"
    );
    assert!(listed.iter().all(|info| info.version.get() == 2));
    for name in names() {
        // A prefix is taken literally.
        let found = adapter
            .list_streams(&default_tenant(), &ListOptions::new().prefix(*name))
            .await
            .unwrap();
        assert_eq!(found.len(), 1, "{name}");
    }
    for longest in ["a".repeat(255), "é".repeat(127), "\u{10ffff}".repeat(63)] {
        adapter.commit(&one(&longest, ExpectedVersion::NoStream, events(1))).await.unwrap();
        let first: String = longest.chars().take(1).collect();
        let found = adapter
            .list_streams(&default_tenant(), &ListOptions::new().prefix(first))
            .await
            .unwrap();
        assert!(found.iter().any(|info| info.stream_id.as_str() == longest));
    }
}

#[tokio::test]
async fn payloads_come_back_byte_for_byte() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let payloads = [
        "{\"b\" : 1,\n \"a\":[1.10, 1e5, -0.0, 123456789012345678901234567890], \"b\":2}",
        r#""just text with \u0000, \ud83e\udd80 and ☃""#,
        "null",
        "[[],{}]",
    ];
    let metadata = Metadata::from_json(r#"{ "z":1,  "a" : "ü" }"#).unwrap();
    let batch = payloads.map(|text| {
        let mut event = event(EventId::new());
        event.data = RawValue::from_string(text.into()).unwrap();
        event.metadata = metadata.clone();
        event
    });
    adapter.commit(&one("s", exact(0), batch.to_vec())).await.unwrap();
    for (stored, text) in page(&adapter, "s").await.unwrap().iter().zip(payloads) {
        assert_eq!(stored.data().get(), text);
        assert_eq!(stored.metadata().as_json(), metadata.as_json());
    }
}

#[tokio::test]
async fn pages_run_both_ways_and_end() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", exact(0), events(5))).await.unwrap();
    let view = default_tenant();
    let two = BatchSize::new(2).unwrap();
    let at = event_core::StreamVersion::new;
    for (options, expected) in [
        (ReadOptions::forward(), vec![1, 2, 3, 4, 5]),
        (ReadOptions::forward().from(at(4)), vec![4, 5]),
        (ReadOptions::forward().from(at(2)).limit(two), vec![2, 3]),
        (ReadOptions::forward().from(at(6)), vec![]),
        (ReadOptions::forward().from(at(u64::MAX)), vec![]),
        (ReadOptions::backward().limit(two), vec![5, 4]),
        (ReadOptions::backward().from(at(3)), vec![3, 2, 1]),
        (ReadOptions::backward().from(at(99)).limit(two), vec![5, 4]),
        (ReadOptions::backward().from(at(u64::MAX)).limit(two), vec![5, 4]),
    ] {
        let found = adapter.read_stream(&view, &stream("s"), options).await.unwrap();
        assert_eq!(versions(&found), expected, "{options:?}");
    }
}

/// Each corruption, made outside the adapter, is an error that names the bad value.
#[tokio::test]
async fn corrupt_rows_are_typed_errors() {
    for (change, expected) in [
        ("UPDATE event_store.events SET metadata = '[1]'", "object"),
        ("UPDATE event_store.events SET created_at = 'infinity'", "time"),
        ("UPDATE event_store.events SET created_at = '-infinity'", "time"),
        ("UPDATE event_store.events SET created_at = '294000-01-01'", "time"),
        ("UPDATE event_store.events SET position = -position", ""),
        ("UPDATE event_store.streams SET stream_id = E'a\\nb'", ""),
        (
            "ALTER TABLE event_store.streams ALTER state DROP DEFAULT, ALTER state TYPE text USING 'lost'",
            "state",
        ),
        ("UPDATE event_store.streams SET version = 0, first_version = 9223372036854775807", ""),
        (
            "ALTER TABLE event_store.tenants DROP CONSTRAINT tenants_named; UPDATE event_store.tenants SET name = ''",
            "",
        ),
        (
            "ALTER TABLE event_store.events ALTER data DROP NOT NULL; UPDATE event_store.events SET data = NULL",
            "data",
        ),
        (
            "ALTER TABLE event_store.events DROP CONSTRAINT events_schema_version_check; UPDATE event_store.events SET schema_version = -1",
            "-1",
        ),
        (
            "ALTER TABLE event_store.events DROP CONSTRAINT events_schema_version_check, ALTER schema_version TYPE text",
            "schema_version",
        ),
    ] {
        let database = pg::shared().database().await;
        let id = EventId::new();
        database
            .adapter()
            .await
            .commit(&one("s", ExpectedVersion::Any, vec![event(id)]))
            .await
            .unwrap();
        pg::run(&mut database.connection().await, change).await;

        // No call may panic; one that reads the bad value must report it.
        let adapter = database.adapter().await;
        let mut errors = Vec::new();
        errors.extend(page(&adapter, "s").await.err());
        errors.extend(adapter.read_all(&TenantView::All, &AllOptions::new()).await.err());
        // An event that cannot be read is marked, and says so to whoever needs it.
        let event = adapter.read_event(&TenantView::All, id).await.ok().flatten();
        let damaged = event.filter(|event| event.damage().is_some());
        errors.extend(damaged.and_then(|event| event.decode_any().err()));
        errors.extend(adapter.read_event(&TenantView::All, id).await.err());
        errors.extend(adapter.stream_info(&TenantView::All, &stream("s")).await.err());
        errors.extend(adapter.list_streams(&TenantView::All, &ListOptions::new()).await.err());
        errors.extend(adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.err());
        assert!(
            expected.is_empty() || errors.iter().any(|error| error.to_string().contains(expected)),
            "{change}: {errors:?}"
        );
        assert!(errors.iter().all(|error| !error.is_transient()), "{change}: {errors:?}");
    }
}

#[tokio::test]
async fn json_of_the_wrong_shape_is_read_and_does_not_decode() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", exact(0), events(3))).await.unwrap();
    let mut connection = database.connection().await;
    pg::run(&mut connection, "UPDATE event_store.events SET data = '[1, 2]', event_type = 'contract.noted' WHERE version = 2").await;
    let stored = page(&adapter, "s").await.unwrap();
    assert_eq!(stored.len(), 3, "the page is returned");
    let error = stored[1].decode::<event_testing::Noted>().unwrap_err();
    assert_eq!(error.code(), "deserialization_failed");
    let text = error.to_string();
    assert!(
        text.contains("version 2") && text.contains("\"s\"") && text.contains("position 2"),
        "{text}"
    );
}

#[tokio::test]
async fn the_view_of_all_tenants_reports_ambiguous_streams() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let tenants = ["b", "a", "é"].map(|name| Tenant::new(name).unwrap());
    let id = EventId::new();
    for tenant in &tenants {
        for name in ["s-1", "s-2", "t-1"] {
            let mut commit = one(name, exact(0), events(1));
            commit.tenant = tenant.clone();
            if name == "s-1" {
                commit.appends[0].events = vec![event(id)];
            }
            adapter.commit(&commit).await.unwrap();
        }
    }
    let mut alone = one("alone", exact(0), events(1));
    alone.tenant = tenants[2].clone();
    adapter.commit(&alone).await.unwrap();

    assert_eq!(
        adapter.stream_info(&TenantView::All, &stream("alone")).await.unwrap().unwrap().tenant,
        tenants[2]
    );
    let found = adapter
        .read_stream(&TenantView::All, &stream("alone"), ReadOptions::forward())
        .await
        .unwrap();
    assert_eq!(found[0].tenant(), &tenants[2]);
    match adapter
        .read_stream(&TenantView::All, &stream("s-1"), ReadOptions::forward())
        .await
        .unwrap_err()
    {
        Error::AmbiguousStream { tenants, .. } => assert_eq!(tenants.len(), 3),
        other => panic!("{other:?}"),
    }
    let one_tenant = TenantView::One(tenants[0].clone());
    assert_eq!(adapter.read_all(&one_tenant, &AllOptions::new()).await.unwrap().len(), 3);
    assert_eq!(after(&adapter, 0).await.len(), 10);
    assert_eq!(adapter.read_event(&one_tenant, id).await.unwrap().unwrap().tenant(), &tenants[0]);

    // Pages of two, by tenant and name in byte order, with and without filters.
    for options in
        [ListOptions::new(), ListOptions::new().category("s"), ListOptions::new().prefix("s-")]
    {
        let mut pages: Vec<StreamInfo> = Vec::new();
        loop {
            let options = options.clone().limit(BatchSize::new(2).unwrap());
            let options = match pages.last() {
                Some(last) => options.after(last),
                None => options,
            };
            let page = adapter.list_streams(&TenantView::All, &options).await.unwrap();
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        let whole = adapter.list_streams(&TenantView::All, &options).await.unwrap();
        assert_eq!(pages, whole);
        let key = |info: &StreamInfo| {
            (info.tenant.as_str().to_owned(), info.stream_id.as_str().to_owned())
        };
        assert!(pages.is_sorted_by_key(key));
        let all = options.get_category().is_none() && options.get_prefix().is_none();
        assert_eq!(pages.len(), if all { 10 } else { 6 });
    }
}

#[tokio::test]
async fn filters_without_matches_give_empty_pages() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s-1", exact(0), events(2))).await.unwrap();
    let stored = after(&adapter, 0).await;
    let no = AllOptions::new;
    for (options, expected) in [
        (no().category("s\0"), 0),
        (no().category("other"), 0),
        (no().event_types(["no\0ted"]), 0),
        (no().event_types(Vec::<String>::new()), 0),
        (no().event_types(["noted", "x"]), 2),
        (no().recorded_from(chrono::DateTime::<chrono::Utc>::MIN_UTC), 2),
        (no().recorded_from(chrono::DateTime::<chrono::Utc>::MAX_UTC), 0),
        (no().recorded_before(chrono::DateTime::<chrono::Utc>::MIN_UTC), 0),
        (no().recorded_before(chrono::DateTime::<chrono::Utc>::MAX_UTC), 2),
        (no().recorded_from(stored[1].recorded_at()), 1),
        (no().recorded_before(stored[1].recorded_at()), 1),
        (no().after(Position::new(u64::MAX)), 0),
    ] {
        let found = adapter.read_all(&default_tenant(), &options).await.unwrap();
        assert_eq!(found.len(), expected, "{options:?}: {:?}", ids(&found));
    }
    for options in [ListOptions::new().prefix("s\0"), ListOptions::new().category("s\0")] {
        assert!(adapter.list_streams(&default_tenant(), &options).await.unwrap().is_empty());
    }
}

/// Entries of an index read so far. Waits until all other connections have closed and reported their statistics.
pub(crate) async fn index_entries_read(database: &pg::Database<'_>, index: &str) -> i64 {
    let mut connection = database.connection().await;
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    while pg::number(&mut connection, others).await > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let entries = "SELECT idx_tup_read FROM pg_stat_all_indexes WHERE indexrelname = $1";
    sqlx::query_scalar(entries).bind(index).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_page_of_all_events_reads_few_index_entries_beyond_it() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    for stream in 0..20 {
        let name = format!("s-{stream}");
        adapter.commit(&one(&name, ExpectedVersion::Any, events(1_000))).await.unwrap();
    }
    // Up to a known frontier, as for every page after the first.
    let all =
        |after| AllOptions::new().after(Position::new(after)).limit(BatchSize::new(100).unwrap());
    let tail = adapter.read_all(&TenantView::All, &all(19_950)).await.unwrap();
    assert_eq!(tail.len(), 50);
    adapter.close().await;
    let before = index_entries_read(&database, "events_pkey").await;

    let adapter = database.adapter().await;
    adapter.read_all(&TenantView::All, &all(19_950)).await.unwrap();
    for after in [0, 100, 10_000] {
        assert_eq!(adapter.read_all(&TenantView::All, &all(after)).await.unwrap().len(), 100);
    }
    adapter.close().await;
    let read = index_entries_read(&database, "events_pkey").await - before;
    assert!(
        read < 2_000,
        "{read} entries for 350 events: a page must not read the rest of the log"
    );
}
