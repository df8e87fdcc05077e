//! Exports and imports: lines that come back byte for byte, bad lines, cut files, interrupted imports, choices.

use event_core::adapter::import::Imported;
use event_core::transfer::{CopyOptions, ExportOptions, ImportOptions, copy};
use event_core::{
    BatchSize, Error, EventStore, ExpectedVersion, MemoryAdapter, RetryPolicy, Scope, StreamId,
    Tenant,
};
use event_sqlite::SqliteOptions;
use event_testing::Noted;
use proptest::prelude::*;

use crate::flaky::{Fault, FlakyAdapter};
use crate::travel::{exported, imported, notes, travels};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back_byte_for_byte(notes in notes()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = SqliteOptions::new(folder.path().join("there.db"));
            let through = file.connect().await.unwrap();
            travels(&notes, EventStore::new(through).unwrap()).await;
            travels(&notes, EventStore::in_memory().unwrap()).await;
        });
    }
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// Two streams of three events and of two, and a link.
async fn source() -> EventStore {
    let store = EventStore::in_memory().unwrap();
    for (name, events) in [("game-1", 3), ("player-1", 2)] {
        let notes = Noted::many(events);
        store.append(&stream(name), ExpectedVersion::NoStream, notes).await.unwrap();
    }
    let page = store.read_stream(&stream("game-1"), event_core::ReadOptions::forward()).await;
    let id = page.unwrap()[1].event_id();
    store.link(&stream("links"), ExpectedVersion::NoStream, [id]).await.unwrap();
    store
}

async fn text(store: &EventStore) -> String {
    String::from_utf8(exported(store).await).unwrap()
}

/// What an import says of lines, and how many events it stored.
async fn import(lines: &str) -> (Result<Imported, Error>, usize) {
    let store = EventStore::in_memory().unwrap();
    let options = ImportOptions::new().batch(BatchSize::new(2).unwrap());
    let said = store.import(options).read(lines.as_bytes()).await;
    let stored = store.read_all(event_core::AllOptions::new()).await.unwrap();
    (said, stored.len())
}

#[tokio::test]
async fn an_export_reads_as_it_is_documented() {
    let text = text(&source().await).await;
    let kinds: Vec<_> = text.lines().map(|line| &line[..line.find(':').unwrap()]).collect();
    let expected = [
        "export", "stream", "stream", "event", "event", "event", "event", "event", "stream",
        "link", "end",
    ];
    assert_eq!(kinds, expected.map(|kind| format!("{{\"{kind}\"")));
    assert_eq!(text.lines().next_back().unwrap(), r#"{"end":{"streams":3,"events":5,"links":1}}"#);
    let event: serde_json::Value = serde_json::from_str(text.lines().nth(3).unwrap()).unwrap();
    let event = &event["event"];
    assert_eq!(event["tenant"], "default");
    assert_eq!(event["stream_id"], "game-1");
    assert_eq!((&event["stream_version"], &event["position"]), (&1.into(), &1.into()));
    assert_eq!(
        (&event["event_type"], &event["event_version"]),
        (&"contract.noted".into(), &1.into())
    );
    assert_eq!(event["data"]["text"], "note 0");
}

#[tokio::test]
async fn a_bad_line_is_named_and_nothing_of_its_batch_is_stored() {
    let good = text(&source().await).await;
    let lines: Vec<&str> = good.lines().collect();
    // The fifth line is the second event; batches of two: the first batch of events would be lines 4 and 5.
    for (line, bad, said) in [
        (5, lines[4].replace("event_id", "id"), "unknown field `id`"),
        (
            5,
            lines[4].replacen("\"stream_version\":2", "\"stream_version\":0", 1),
            "`stream_version` 0 is out of range",
        ),
        (5, lines[4].replacen("\"game-1\"", "\"$game\"", 1), "must not start with `$`"),
        (5, lines[4].replacen("\"event_version\":1", "\"event_version\":-1", 1), "invalid value"),
        (5, lines[4][..40].to_owned(), "EOF"),
        (
            5,
            lines[4].replacen("\"data\":{\"text\":\"note 1\"}", "\"data_text\":\"{\"", 1),
            "`data_text` is no JSON",
        ),
        (
            5,
            lines[4].replacen(
                "\"data\":{\"text\":\"note 1\"}",
                "\"data_text\":\"1\",\"data\":1",
                1,
            ),
            "either `data` or `data_text`",
        ),
        (5, String::new(), "EOF"),
        (5, "{\"something\":1}".into(), "unknown variant"),
        (5, lines[0].to_owned(), "an export begins within another"),
        (1, lines[0].replace('1', "2"), "has format 2"),
        (1, lines[1].to_owned(), "the first line names the format"),
    ] {
        let mut lines: Vec<&str> = lines.clone();
        lines[line - 1] = &bad;
        let (error, stored) = import(&(lines.join("\n") + "\n")).await;
        let error = error.unwrap_err();
        let Error::InvalidLine { line: found, column, .. } = &error else { panic!("{error}") };
        assert_eq!((*found, stored), (line as u64, 0), "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert!(*column <= bad.len(), "{error}");
        assert_eq!(error.code(), "invalid_line");
    }
    let broken = lines[4].replacen("\"event_version\":1", "\"event_version\":x", 1);
    let at = broken.find(":x").unwrap() + 2;
    let mut lines = lines.clone();
    lines[4] = &broken;
    let error = import(&lines.join("\n")).await.0.unwrap_err();
    assert!(matches!(error, Error::InvalidLine { line: 5, column, .. } if column == at), "{error}");
    let (error, _) = import(&format!("{good}{}\n", lines[1])).await;
    assert!(error.unwrap_err().to_string().contains("nothing follows"));
    let others: Vec<&str> = good.lines().filter(|it| !it.contains("\"position\":5")).collect();
    let without_one = others.join("\n");
    let error = import(&without_one).await.0.unwrap_err();
    assert!(error.to_string().contains("counts 3 streams, 5 events"), "{error}");
    let store = EventStore::in_memory().unwrap();
    let error = store.import(ImportOptions::new()).read(&b"{\"\xff\"}\n"[..]).await.unwrap_err();
    assert!(matches!(error, Error::InvalidLine { line: 1, column: 3, .. }), "{error}");
}

#[tokio::test]
async fn a_cut_file_is_told_and_the_whole_one_adds_the_rest() {
    let good = exported(&source().await).await;
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    for length in 0..lines.len() {
        let store = EventStore::in_memory().unwrap();
        let cut = lines[..length].concat();
        let options = ImportOptions::new().keep_positions().batch(BatchSize::new(2).unwrap());
        let error = store.import(options).read(&cut[..]).await.unwrap_err();
        let Error::InvalidLine { line, .. } = &error else { panic!("{error}") };
        assert_eq!(*line, length as u64);
        assert!(error.to_string().contains("it was cut"), "{error}");
        imported(&store, &good).await;
        assert_eq!(exported(&store).await, good, "after {length} lines");
    }
}

#[tokio::test]
async fn an_interrupted_import_is_done_again() {
    let good = exported(&source().await).await;
    let lines = std::str::from_utf8(&good).unwrap();
    let options = ImportOptions::new().keep_positions().batch(BatchSize::new(2).unwrap());
    let store = EventStore::in_memory().unwrap();
    // Each try gets one line further, and goes away with what it holds.
    for taken in 0..lines.lines().count() {
        let mut import = store.import(options);
        for line in lines.lines().take(taken) {
            import.push(line).await.unwrap();
        }
    }
    store.import(options).read(&good[..]).await.unwrap();
    assert_eq!(exported(&store).await, good);
    // A batch that may have been stored is sent again.
    for faults in [[Fault::AnswerLost, Fault::Lost], [Fault::Lost, Fault::AnswerLost]] {
        let retry = RetryPolicy::default().with_first_delay(std::time::Duration::ZERO);
        let store = EventStore::builder(FlakyAdapter::new(&faults)).retry(retry).build().unwrap();
        store.import(options).read(&good[..]).await.unwrap();
        assert_eq!(exported(&store).await, good);
    }
}

#[tokio::test]
async fn a_part_is_exported_by_choice() {
    let source = source().await;
    for (options, streams, events, links) in [
        (ExportOptions::new(), 3, 5, 1),
        (ExportOptions::new().category("game"), 1, 3, 0),
        (ExportOptions::new().prefix("player-"), 1, 2, 0),
        (ExportOptions::new().prefix("p"), 1, 2, 0),
        (ExportOptions::new().prefix("%"), 0, 0, 0),
        (ExportOptions::new().stream(stream("player-1")), 1, 2, 0),
        (ExportOptions::new().stream(stream("links")), 1, 0, 1),
    ] {
        for page in [1, 2, 1_000] {
            let options = options.clone().page(BatchSize::new(page).unwrap());
            let said = format!("{options:?}");
            let mut lines = Vec::new();
            let done = source.export(options).write_to(&mut lines).await.unwrap();
            assert_eq!((done.streams, done.events, done.links), (streams, events, links), "{said}");
        }
    }
    let missing = ExportOptions::new().stream(stream("missing"));
    let error = source.export(missing).write_to(Vec::new()).await.unwrap_err();
    assert_eq!(error.code(), "stream_not_found");
    // A link needs its event.
    let target = EventStore::in_memory().unwrap();
    let links = ExportOptions::new().stream(stream("links"));
    let error = copy(&source, &target, CopyOptions::new().new_positions().streams(links.clone()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::EventsNotFound { .. }), "{error}");
    copy(
        &source,
        &target,
        CopyOptions::new().new_positions().streams(ExportOptions::new().category("game")),
    )
    .await
    .unwrap();
    let done =
        copy(&source, &target, CopyOptions::new().new_positions().streams(links)).await.unwrap();
    assert_eq!((done.stored, done.skipped), (1, 0));
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let source = source().await;
    let other = Tenant::new("other").unwrap();
    let own = source.with_scope(Scope::tenant(other.clone()));
    own.append(&stream("game-1"), ExpectedVersion::NoStream, Noted::many(4)).await.unwrap();
    let mut lines = Vec::new();
    let done = own.export(ExportOptions::new()).write_to(&mut lines).await.unwrap();
    assert_eq!((done.streams, done.events), (1, 4));
    let store = EventStore::in_memory().unwrap();
    let error = store.import(ImportOptions::new()).read(&lines[..]).await.unwrap_err();
    assert!(error.to_string().contains("all_tenants()"), "{error}");
    let error = copy(&own, &store, CopyOptions::new().new_positions()).await.unwrap_err();
    assert_eq!(error.code(), "invalid_import");
    let bound = store.with_scope(Scope::tenant(other));
    assert_eq!(bound.import(ImportOptions::new()).read(&lines[..]).await.unwrap().stored, 4);
    assert!(store.stream_info(&stream("game-1")).await.is_err(), "the default tenant has nothing");
}

#[tokio::test]
async fn an_export_in_parts_holds_a_page() {
    let store = EventStore::new(MemoryAdapter::new()).unwrap();
    let name = stream("long-1");
    store.append(&name, ExpectedVersion::NoStream, Noted::many(1_000)).await.unwrap();
    let options = ExportOptions::new().page(BatchSize::new(10).unwrap());
    let (mut export, mut parts) = (store.export(options), 0);
    while let Some(lines) = export.next().await {
        assert!(lines.unwrap().lines().count() <= 10);
        parts += 1;
    }
    assert_eq!(parts, 1 + 1 + 100 + 1);
}
