//! Imports that fail, and exports beside a truncation.

use std::time::Duration;

use event_core::error::with_causes;
use event_core::{
    AllOptions, BatchSize, Error, EventStore, ExpectedVersion, ReadOptions, StreamId, StreamVersion,
};
use event_sqlite::SqliteOptions;
use event_testing::Noted;

use crate::travel::exported;

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// Each line is stored by itself.
fn alone() -> BatchSize {
    BatchSize::new(1).unwrap()
}

async fn append(store: &EventStore, name: &str, count: usize) {
    store.append(&stream(name), ExpectedVersion::Any, Noted::many(count)).await.unwrap();
}

#[tokio::test]
async fn an_import_that_failed_stays_failed() {
    let source = EventStore::in_memory().unwrap();
    append(&source, "a", 2).await;
    append(&source, "b", 2).await;
    let text = String::from_utf8(exported(&source).await).unwrap();
    let lines: Vec<&str> = text.lines().collect();

    // A line that is broken, and one that is missing; what follows would be accepted by itself.
    for (at, broken, code, kept) in
        [(4, Some("{\"event\":{}}"), "invalid_line", 1), (3, None, "invalid_import", 0)]
    {
        let store = EventStore::in_memory().unwrap();
        let mut import = store.import().limit(alone());
        let mut failures = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let line = if number == at { broken } else { Some(*line) };
            let Some(line) = line else { continue };
            failures.extend(import.push(line).await.err().map(|error| error.to_string()));
        }
        assert!(failures.len() > 1, "every later line is refused: {failures:?}");
        assert!(failures.iter().all(|it| *it == failures[0]), "{failures:?}");
        let error = import.finish().await.unwrap_err();
        assert_eq!((error.to_string(), error.code()), (failures[0].clone(), code));
        let stored = store.read_all(AllOptions::new()).await.unwrap().len();
        assert_eq!(stored, kept, "what came before");
    }
}

#[tokio::test]
async fn an_import_with_a_call_that_was_given_up_stays_failed() {
    let source = EventStore::in_memory().unwrap();
    append(&source, "a", 1).await;
    append(&source, "b", 1).await;
    let text = String::from_utf8(exported(&source).await).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteOptions::new(folder.path().join("target.db"));
    let store = EventStore::new(file.connect().await.unwrap()).unwrap();
    let mut import = store.import().limit(alone());
    let mut given_up = 0;
    for line in text.lines() {
        // The thread of the file takes longer than one poll.
        match tokio::time::timeout(Duration::ZERO, import.push(line)).await {
            Err(_) => given_up += 1,
            Ok(pushed) => assert_eq!(pushed.is_err(), given_up > 0, "{pushed:?}"),
        }
    }
    assert_eq!(given_up, 1, "the first one, and every later call is refused");
    let error = with_causes(&import.finish().await.unwrap_err());
    assert!(error.contains("given up"), "{error}");
    let whole = store.import().read(text.as_bytes()).await.unwrap();
    assert_eq!(whole.stored + whole.skipped, 2);
    store.close().await;
}

#[tokio::test]
async fn an_import_takes_no_event_that_some_backend_cannot_store() {
    let source = EventStore::in_memory().unwrap();
    append(&source, "a", 1).await;
    let text = String::from_utf8(exported(&source).await).unwrap();
    let store = EventStore::in_memory().unwrap();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (note, data) = (r#""contract.noted""#, r#"{"text":"note 0"}"#);
    assert!(text.contains(note) && text.contains(data), "{text}");
    let long = format!("{:?}", "t".repeat(256));
    for (from, to, words) in [
        (note, r#""""#, "1 to 255 bytes"),
        (note, r#""a\u0000b""#, "no control characters"),
        (note, r#""a\u001bb""#, "no control characters"),
        (note, &long, "1 to 255 bytes"),
        (data, &deep, "nested deeper than 127"),
        (r#""recorded_at":"20"#, r#""recorded_at":"-60"#, "recorded before"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from} in {text}");
        let refused = store.import().read(changed.as_bytes()).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_import", "{refused}");
        assert!(refused.to_string().contains(words), "{words}: {refused}");
        assert!(store.read_all(AllOptions::new()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_import_that_the_store_refuses_stays_failed() {
    let source = EventStore::in_memory().unwrap();
    append(&source, "a", 1).await;
    append(&source, "b", 2).await;
    let text = String::from_utf8(exported(&source).await).unwrap();
    let target = EventStore::in_memory().unwrap();
    // Another event has the version.
    append(&target, "a", 1).await;
    let mut import = target.import().limit(alone());
    let mut failures = Vec::new();
    for line in text.lines() {
        failures.extend(import.push(line).await.err());
    }
    let error = import.finish().await.unwrap_err();
    assert!(matches!(error, Error::EventIdConflict { .. }), "{error}");
    assert!(failures.iter().all(|it| it.to_string() == error.to_string()), "{failures:?}");
    assert_eq!(target.read_all(AllOptions::new()).await.unwrap().len(), 1);
}

/// Exports page by page, and truncates a stream after so many of them. Whether that was before the end.
async fn beside_truncation(source: &EventStore, pages: usize, before: u64) -> (String, bool) {
    let mut export = source.export().limit(BatchSize::new(2).unwrap());
    let (mut text, mut seen) = (String::new(), 0);
    while let Some(lines) = export.next().await {
        text += &lines.unwrap();
        if seen == pages {
            source.truncate_before(&stream("a"), StreamVersion::new(before)).await.unwrap();
        }
        seen += 1;
    }
    (text, seen > pages)
}

#[tokio::test]
async fn an_export_beside_a_truncation_can_be_imported() {
    let folder = tempfile::tempdir().unwrap();
    for before in [4, 6, 7] {
        for pages in 0.. {
            let source = EventStore::in_memory().unwrap();
            for _ in 0..3 {
                append(&source, "a", 2).await;
                append(&source, "b", 1).await;
            }
            let (text, is_within) = beside_truncation(&source, pages, before).await;
            if !is_within {
                assert!(pages > 4, "{pages} pages");
                break;
            }
            let file = folder.path().join(format!("{before}-{pages}.db"));
            let sqlite = EventStore::new(SqliteOptions::new(file).connect().await.unwrap());
            for target in [EventStore::in_memory().unwrap(), sqlite.unwrap()] {
                let imported = target.import().read(text.as_bytes()).await;
                assert!(imported.is_ok(), "{pages} before {before}: {imported:?}\n{text}");
                let info = target.stream_info(&stream("a")).await.unwrap();
                let events =
                    target.read_stream(&stream("a"), ReadOptions::forward()).await.unwrap();
                let versions: Vec<u64> =
                    events.iter().map(|event| event.stream_version().get()).collect();
                let whole: Vec<u64> = (info.first_version.get()..=info.version.get()).collect();
                assert_eq!((versions, info.version.get()), (whole, 6), "{pages}, {before}\n{text}");
                assert!([1, before].contains(&info.first_version.get()), "{info:?}");
                let others = target.read_stream(&stream("b"), ReadOptions::forward()).await;
                assert_eq!(others.unwrap().len(), 3);
                // It goes on where the source does.
                append(&target, "a", 1).await;
                assert_eq!(target.stream_version(&stream("a")).await.unwrap().get(), 7);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_beside_a_truncation_ends() {
    for before in [4, 7] {
        for pages in 0..8 {
            let (source, target) =
                (EventStore::in_memory().unwrap(), EventStore::in_memory().unwrap());
            for _ in 0..3 {
                append(&source, "a", 2).await;
                append(&source, "b", 1).await;
            }
            let (mut seen, truncated) = (0, source.clone());
            let copy = source.copy_to(&target).limit(BatchSize::new(2).unwrap());
            copy.progress(|_| {
                if seen == pages {
                    tokio::task::block_in_place(|| {
                        let first = StreamVersion::new(before);
                        let name = stream("a");
                        let truncate = truncated.truncate_before(&name, first);
                        tokio::runtime::Handle::current().block_on(truncate).unwrap();
                    });
                }
                seen += 1;
            })
            .await
            .unwrap();
            assert_eq!(target.stream_version(&stream("a")).await.unwrap().get(), 6, "{pages}");
        }
    }
}
