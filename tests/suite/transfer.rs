//! Exports and imports: byte-exact round trips, invalid lines, truncated files, interrupted imports, selections.

use event_core::adapter::import::Imported;
use event_core::transfer::{Import, Selection};
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
    fn exports_and_imports_keep_everything_byte_for_byte(notes in notes()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let file = SqliteOptions::new(folder.path().join("through.db"));
            let through = file.connect().await.unwrap();
            travels(&notes, EventStore::new(through).unwrap()).await;
            travels(&notes, EventStore::in_memory().unwrap()).await;
        });
    }
}

fn stream(name: &str) -> StreamId {
    StreamId::new(name).unwrap()
}

/// A store with streams of three and two events, and a stream with one link.
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

/// An import that stores two lines at a time.
fn in_pairs(store: &EventStore) -> Import {
    store.import().keep_positions().limit(BatchSize::new(2).unwrap())
}

/// Imports lines into an empty store. Returns the result, and how many events are stored.
async fn import(lines: &str) -> (Result<Imported, Error>, usize) {
    let store = EventStore::in_memory().unwrap();
    let result = store.import().limit(BatchSize::new(2).unwrap()).read(lines.as_bytes()).await;
    let stored = store.read_all(event_core::AllOptions::new()).await.unwrap();
    (result, stored.len())
}

#[tokio::test]
async fn an_export_has_the_documented_format() {
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
async fn an_invalid_line_is_reported_and_nothing_of_its_batch_is_stored() {
    let good = text(&source().await).await;
    let lines: Vec<&str> = good.lines().collect();
    // The fifth line is the second event; batches of two: the first batch of events would be lines 4 and 5.
    for (line, bad, reason) in [
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
        assert!(error.to_string().contains(reason), "{reason}: {error}");
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
    let error = store.import().read(&b"{\"\xff\"}\n"[..]).await.unwrap_err();
    assert!(matches!(error, Error::InvalidLine { line: 1, column: 3, .. }), "{error}");
}

#[tokio::test]
async fn a_truncated_file_is_reported_and_the_whole_file_adds_the_rest() {
    let good = exported(&source().await).await;
    let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    for length in 0..lines.len() {
        let store = EventStore::in_memory().unwrap();
        let cut = lines[..length].concat();
        let error = in_pairs(&store).read(&cut[..]).await.unwrap_err();
        let Error::InvalidLine { line, .. } = &error else { panic!("{error}") };
        assert_eq!(*line, length as u64);
        assert!(error.to_string().contains("it was cut"), "{error}");
        imported(&store, &good).await;
        assert_eq!(exported(&store).await, good, "after {length} lines");
    }
}

#[tokio::test]
async fn an_interrupted_import_can_be_repeated() {
    let good = exported(&source().await).await;
    let lines = std::str::from_utf8(&good).unwrap();
    let store = EventStore::in_memory().unwrap();
    // Each attempt reads one line more than the one before, and is dropped with its pending batch.
    for count in 0..lines.lines().count() {
        let mut import = in_pairs(&store);
        for line in lines.lines().take(count) {
            import.push(line).await.unwrap();
        }
    }
    in_pairs(&store).read(&good[..]).await.unwrap();
    assert_eq!(exported(&store).await, good);
    // A batch of unknown outcome is sent again.
    for faults in [[Fault::AnswerLost, Fault::Lost], [Fault::Lost, Fault::AnswerLost]] {
        let retry = RetryPolicy::default().first_delay(std::time::Duration::ZERO);
        let store = EventStore::builder(FlakyAdapter::new(&faults)).retry(retry).build().unwrap();
        in_pairs(&store).read(&good[..]).await.unwrap();
        assert_eq!(exported(&store).await, good);
    }
}

#[tokio::test]
async fn only_selected_streams_are_exported() {
    let source = source().await;
    for (selection, streams, events, links) in [
        (Selection::all(), 3, 5, 1),
        (Selection::category("game"), 1, 3, 0),
        (Selection::prefix("player-"), 1, 2, 0),
        (Selection::prefix("p"), 1, 2, 0),
        (Selection::prefix("%"), 0, 0, 0),
        (Selection::stream(stream("player-1")), 1, 2, 0),
        (Selection::stream(stream("links")), 1, 0, 1),
    ] {
        for page in [1, 2, 1_000] {
            let context = format!("{selection:?}");
            let mut lines = Vec::new();
            let limit = BatchSize::new(page).unwrap();
            let export = source.export().select(selection.clone()).limit(limit);
            let done = export.write_to(&mut lines).await.unwrap();
            assert_eq!(
                (done.streams, done.events, done.links),
                (streams, events, links),
                "{context}"
            );
        }
    }
    let missing = Selection::stream(stream("missing"));
    let error = source.export().select(missing).write_to(Vec::new()).await.unwrap_err();
    assert_eq!(error.code(), "stream_not_found");
    // A link can only be imported after its event.
    let target = EventStore::in_memory().unwrap();
    let links = Selection::stream(stream("links"));
    let error = source.copy_to(&target).new_positions().select(links.clone()).await.unwrap_err();
    assert!(matches!(error, Error::EventsNotFound { .. }), "{error}");
    let games = Selection::category("game");
    source.copy_to(&target).new_positions().select(games).await.unwrap();
    let done = source.copy_to(&target).new_positions().select(links).await.unwrap();
    assert_eq!((done.stored, done.skipped), (1, 0));
}

#[tokio::test]
async fn a_handle_imports_only_its_own_tenant() {
    let source = source().await;
    let other = Tenant::new("other").unwrap();
    let own = source.with_scope(Scope::tenant(other.clone()));
    own.append(&stream("game-1"), ExpectedVersion::NoStream, Noted::many(4)).await.unwrap();
    let mut lines = Vec::new();
    let done = own.export().write_to(&mut lines).await.unwrap();
    assert_eq!((done.streams, done.events), (1, 4));
    let store = EventStore::in_memory().unwrap();
    let error = store.import().read(&lines[..]).await.unwrap_err();
    assert!(error.to_string().contains("all_tenants()"), "{error}");
    let error = own.copy_to(&store).new_positions().await.unwrap_err();
    assert_eq!(error.code(), "invalid_import");
    let bound = store.with_scope(Scope::tenant(other));
    assert_eq!(bound.import().read(&lines[..]).await.unwrap().stored, 4);
    assert!(store.stream_info(&stream("game-1")).await.is_err(), "the default tenant has nothing");
}

#[tokio::test]
async fn an_export_returns_one_page_at_a_time() {
    let store = EventStore::new(MemoryAdapter::new()).unwrap();
    let name = stream("long-1");
    store.append(&name, ExpectedVersion::NoStream, Noted::many(1_000)).await.unwrap();
    let limit = BatchSize::new(10).unwrap();
    let (mut export, mut pages) = (store.export().limit(limit), 0);
    while let Some(lines) = export.next().await {
        assert!(lines.unwrap().lines().count() <= 10);
        pages += 1;
    }
    assert_eq!(pages, 1 + 1 + 100 + 1); // header, streams, events, end
}

#[tokio::test]
async fn what_editors_add_to_an_export_changes_nothing() {
    let text = text(&source().await).await;
    for edited in [
        format!("\u{feff}{text}"),
        format!("{text}\n"),
        format!("{text}\n \t\r\n\n"),
        format!("\u{feff}{}\r\n", text.trim_end().replace('\n', "\r\n")),
    ] {
        let (result, stored) = import(&edited).await;
        assert_eq!(result.unwrap().stored, 6);
        assert_eq!(stored, 5);
    }
    let (result, _) = import(&format!("{text}x")).await;
    assert!(matches!(result, Err(Error::InvalidLine { .. })), "{result:?}");
    // Not at the start it is a mistake.
    let (result, _) = import(&text.replacen('\n', "\n\u{feff}", 1)).await;
    assert!(matches!(result, Err(Error::InvalidLine { line: 2, .. })), "{result:?}");
}
