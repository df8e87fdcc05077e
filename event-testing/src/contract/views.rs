//! Views: documents that are a fold of the log, whoever runs them.

use std::collections::BTreeMap;
use std::time::Duration;

use event_core::ExpectedVersion::Any;
use event_core::error::{BoxError, with_causes};
use event_core::health::{BuildState, ModelKind};
use event_core::projection::{Document, Documents, ReadModelState, ViewPage};
use event_core::{BatchSize, EventStore, Keys, ReadOptions, RecordedEvent, Scope, Tenant, View};
use serde::{Deserialize, Serialize};

use super::decide::Note;
use super::{Subject, store, stream};

/// The notes of a key: `ann|bob=text` is one of two keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Tally {
    notes: u64,
    last: String,
    #[serde(skip_serializing_if = "Clone::clone")] // left out where it is true, and then missing
    is_unread: bool,
}

/// The keys and the text of a note.
fn parts(note: &Note) -> (&str, &str) {
    note.text().rsplit_once('=').unwrap_or((note.text(), ""))
}

impl View for Tally {
    type Event = Note;
    const NAME: &'static str = "tally";

    fn keys(event: &Note, _: &RecordedEvent) -> Keys {
        match parts(event).0 {
            "none" => Keys::none(),
            keys => keys.split('|').collect(),
        }
    }

    fn check(&self, event: &Note, _: &RecordedEvent) -> Result<(), BoxError> {
        if parts(event).1 == "refuse" { Err("it is refused".into()) } else { Ok(()) }
    }

    fn fold(&mut self, event: &Note, _: &RecordedEvent) {
        let (_, text) = parts(event);
        assert!(text != "panic", "a fold that panics");
        self.notes += 1;
        text.clone_into(&mut self.last);
        if text == "unread" {
            self.is_unread = true;
        }
    }

    fn is_deleted(&self) -> bool {
        self.last == "delete"
    }
}

/// The same view in another version of the program.
macro_rules! other_version {
    ($name:ident, $version:expr, $document:ty) => {
        #[derive(Debug, Default, Serialize, Deserialize)]
        struct $name {
            notes: $document,
        }

        impl View for $name {
            type Event = Note;
            const NAME: &'static str = "tally";
            const VERSION: u32 = $version;

            fn keys(event: &Note, recorded: &RecordedEvent) -> Keys {
                Tally::keys(event, recorded)
            }

            fn fold(&mut self, _: &Note, _: &RecordedEvent) {
                self.notes.extend([1]);
            }
        }
    };
}

other_version!(Newer, 2, Vec<u64>);
other_version!(Changed, 1, Vec<u64>);

async fn note(store: &EventStore, texts: &[&str]) {
    for texts in texts.chunks(100) {
        let notes = texts.iter().map(|text| Note::new(*text));
        store.append(&stream("notes-1"), Any, notes).await.unwrap();
    }
}

fn tally(notes: u64, last: &str) -> Tally {
    Tally { notes, last: last.to_owned(), is_unread: false }
}

/// Every document, by pages of two.
async fn all(view: &Documents<Tally>) -> Vec<(String, Tally)> {
    let two = BatchSize::new(2).unwrap();
    let (mut found, mut page): (Vec<Document<Tally>>, _) = (Vec::new(), ViewPage::first());
    loop {
        let next = view.list(page.limit(two)).await.unwrap();
        let Some(last) = next.last() else { break };
        page = ViewPage::after_document(last);
        found.extend(next);
    }
    found.into_iter().map(|document| (document.key, document.value)).collect()
}

pub async fn documents_are_a_fold_of_the_log(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    assert_eq!(view.status().await.unwrap().state, ReadModelState::Missing);
    let refused = with_causes(&view.get("ann").await.unwrap_err());
    assert!(refused.contains("`tally` has nothing to read yet"), "{refused}");

    assert_eq!(view.catch_up().await.unwrap(), 0);
    assert_eq!(view.get("ann").await.unwrap(), None);
    note(&store, &["ann=1", "none=2", "ann|bob=3", "bob=4", "ann=5"]).await;
    assert_eq!(view.catch_up().await.unwrap(), 5);
    assert_eq!(view.catch_up().await.unwrap(), 0);
    assert_eq!(view.get("ann").await.unwrap(), Some(tally(3, "5")));
    assert_eq!(view.get(String::from("bob")).await.unwrap(), Some(tally(2, "4")));

    note(&store, &["bob=6"]).await;
    assert_eq!(view.get("bob").await.unwrap(), Some(tally(2, "4")), "nobody runs it");
    assert_eq!(view.status().await.unwrap().lag(), 1);
    view.catch_up().await.unwrap();
    assert_eq!(view.get("bob").await.unwrap(), Some(tally(3, "6")));
    let status = view.status().await.unwrap();
    assert_eq!((status.state, status.events, status.lag()), (ReadModelState::Current, 6, 0));
}

pub async fn documents_are_paged_by_key(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["b/2=", "a=", "b/1=", "B=", "b=", "b/10=", "c=", "b0=", "ü="]).await;
    view.catch_up().await.unwrap();
    let keys = |found: Vec<(String, Tally)>| found.into_iter().map(|(key, _)| key).collect();
    let found: Vec<String> = keys(all(&view).await);
    assert_eq!(found, ["B", "a", "b", "b/1", "b/10", "b/2", "b0", "c", "ü"]);
    let found: Vec<String> = keys(all(&view.clone().where_key_prefix("b/")).await);
    assert_eq!(found, ["b/1", "b/10", "b/2"]);
    let after = view.list(ViewPage::after("b/1")).await.unwrap();
    assert_eq!(after.first().map(|document| document.key.as_str()), Some("b/10"));
    assert!(view.clone().where_key_prefix("x").list(ViewPage::first()).await.unwrap().is_empty());
    let from_before = view.where_key_prefix("b/").list(ViewPage::after("a")).await.unwrap();
    assert_eq!(from_before.len(), 3);
}

pub async fn documents_are_removed(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann=1", "ann=2", "bob=1", "ann=delete"]).await;
    view.catch_up().await.unwrap();
    assert_eq!(view.get("ann").await.unwrap(), None);
    note(&store, &["ann=3", "bob=delete"]).await;
    view.catch_up().await.unwrap();
    assert_eq!(view.get("ann").await.unwrap(), Some(tally(1, "3")));
    assert_eq!(all(&view).await, [("ann".to_owned(), tally(1, "3"))]);
    note(&store, &["bob=delete", "bob=4"]).await;
    view.catch_up().await.unwrap();
    assert_eq!(view.get("bob").await.unwrap(), Some(tally(1, "4")));
}

pub async fn hostile_keys_are_kept_and_others_refused(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    let longest = "k".repeat(1_024);
    let kept = [
        "'; DROP TABLE documents; --",
        "%_\\",
        "{tally}",
        "$1",
        "a\nb\u{202e}",
        "\u{10ffff}",
        &longest,
    ];
    let notes: Vec<String> = kept.iter().map(|key| format!("{key}=1")).collect();
    note(&store, &notes.iter().map(String::as_str).collect::<Vec<_>>()).await;
    view.catch_up().await.unwrap();
    for key in kept {
        assert_eq!(view.get(key).await.unwrap(), Some(tally(1, "1")), "{key:?}");
        let found = all(&view.clone().where_key_prefix(key)).await;
        assert_eq!(found, [(key.to_owned(), tally(1, "1"))]);
    }

    assert_eq!(all(&view.clone().where_key_prefix("\0")).await, []);
    let later = view.list(ViewPage::after("{tally}\0x")).await.unwrap();
    assert!(later.len() == 1 && later[0].key == "\u{10ffff}", "{later:?}");
    let before = store.head().await.unwrap();
    for (key, words) in [("", "is empty"), (&*"x".repeat(10_000), "has 10000 bytes")] {
        let refused = with_causes(&view.get(key).await.unwrap_err());
        assert!(refused.contains(words), "{refused}");
    }
    note(&store, &["ann=1", &format!("{}=1", "x".repeat(10_000))]).await;
    let refused = with_causes(&view.catch_up().await.unwrap_err());
    for words in ["projection `tally`, build 1, at event", "contract.noted", "10000 bytes"] {
        assert!(refused.contains(words), "{refused}");
    }
    assert!(refused.len() < 1_000, "{refused}");
    let status = view.status().await.unwrap();
    assert!(status.position > before, "what is before the faulty event is stored");
    assert_eq!(view.get("ann").await.unwrap(), Some(tally(1, "1")));
}

pub async fn a_tenant_reads_its_own_documents(adapter: Subject) {
    let store = store(&adapter);
    let of = |name: &str| store.with_scope(Scope::tenant(Tenant::new(name).unwrap()));
    let (one, two) = (of("guild-1"), of("guild-2"));
    note(&one, &["ann=1", "ann=2"]).await;
    note(&two, &["ann=1", "bob=1"]).await;
    one.view::<Tally>().catch_up().await.unwrap();
    assert_eq!(one.view::<Tally>().get("ann").await.unwrap(), Some(tally(2, "2")));
    assert_eq!(two.view::<Tally>().get("ann").await.unwrap(), Some(tally(1, "1")));
    assert_eq!(one.view::<Tally>().get("bob").await.unwrap(), None);
    assert_eq!(all(&one.view()).await, [("ann".to_owned(), tally(2, "2"))]);

    let operator = store.all_tenants().view::<Tally>();
    let refused = with_causes(&operator.get("ann").await.unwrap_err());
    assert!(refused.contains("guild-1") && refused.contains("guild-2"), "{refused}");
    assert_eq!(operator.get("bob").await.unwrap(), Some(tally(1, "1")));
    let keys: Vec<_> = all(&operator).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["ann", "ann", "bob"]);
    let keys: Vec<_> =
        all(&operator.where_key_prefix("b")).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["bob"]);
}

pub async fn a_fold_that_fails_names_event_and_key(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann|bob=1", "bob|ann=refuse", "carl=1"]).await;
    let failed = with_causes(&view.catch_up().await.unwrap_err());
    for words in ["`tally`, build", "contract.noted", "\"bob\"", "it is refused"] {
        assert!(failed.contains(words), "{failed}");
    }
    assert!(view.get("ann").await.is_err(), "the first build is not whole");
}

pub async fn a_fold_that_panics_leaves_nothing_half_written(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann=1"]).await;
    view.catch_up().await.unwrap();
    note(&store, &["ann=2", "bob|ann=panic", "ann=3"]).await;
    let events = store.read_stream(&stream("notes-1"), ReadOptions::forward()).await.unwrap();
    for _ in 0..2 {
        let failed = with_causes(&view.catch_up().await.unwrap_err());
        let id = events[2].event_id().to_string();
        for words in ["`tally`, build 1", "contract.noted", &id, "\"bob\"", "a fold that panics"] {
            assert!(failed.contains(words), "{failed}");
        }
        // What is before it is stored, and nothing of it.
        assert_eq!(view.status().await.unwrap().position, events[1].position());
        assert_eq!(all(&view).await, [("ann".to_owned(), tally(2, "2"))]);
    }
}

pub async fn a_document_that_would_not_read_back_is_not_written(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann=1", "bob|ann=unread", "ann=3"]).await;
    for _ in 0..2 {
        let failed = with_causes(&view.catch_up().await.unwrap_err());
        for words in ["`tally`, build 1", "contract.noted", "missing field `is_unread`"] {
            assert!(failed.contains(words), "{failed}");
        }
        assert_eq!(view.status().await.unwrap().events, 1, "what is before it is stored");
    }
}

pub async fn a_rebuild_is_made_beside_and_switched(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann=1", "bob=2"]).await;
    assert_eq!(view.rebuild().await.unwrap(), 2, "the first build");
    note(&store, &["ann=3"]).await;
    assert_eq!(view.rebuild().await.unwrap(), 3);
    let status = view.status().await.unwrap();
    assert_eq!((status.build, status.events, status.next), (Some(2), 3, None));
    assert_eq!(view.get("ann").await.unwrap(), Some(tally(2, "3")));
    assert_eq!(all(&view).await.len(), 2);
    note(&store, &["ann=4"]).await;
    view.catch_up().await.unwrap();
    assert_eq!(view.get("ann").await.unwrap(), Some(tally(3, "4")));
}

pub async fn a_build_is_switched_and_dropped_by_its_name(adapter: Subject) {
    let models = adapter.read_models().unwrap();
    let store = store(&adapter);
    store.view::<Tally>().catch_up().await.unwrap();
    let first = models.builds("tally").await.unwrap().remove(0);
    models.begin("tally", 2, &first.definition).await.unwrap();
    assert!(store.switch_projection("tally", 7).await.is_err(), "there is no such build");
    assert!(store.switch_projection("nobody", 1).await.is_err(), "there is no such projection");
    store.switch_projection("tally", 2).await.unwrap();
    store.switch_projection("tally", 2).await.unwrap();
    let current = async || -> Vec<(u32, bool)> {
        let builds = store.projections().await.unwrap();
        builds.iter().map(|it| (it.build, it.is_current)).collect()
    };
    assert_eq!(current().await, [(1, false), (2, true)]);

    // What readers read is not dropped, and nothing that is behind it becomes current.
    let refused = store.drop_projection("tally", 2).await.unwrap_err();
    assert!(with_causes(&refused).contains("readers read it"), "{refused:?}");
    store.append(&stream("notes"), Any, [Note::new("ann=one")]).await.unwrap();
    store.view::<Tally>().catch_up().await.unwrap();
    let behind = store.switch_projection("tally", 1).await.unwrap_err();
    assert!(with_causes(&behind).contains("behind"), "{behind:?}");
    assert!(store.drop_projection("tally", 1).await.unwrap());
    assert!(!store.drop_projection("tally", 1).await.unwrap());
    assert_eq!(current().await, [(2, true)]);
    assert_eq!(store.view::<Tally>().get("ann").await.unwrap().map(|it| it.notes), Some(1));
}

pub async fn other_definitions_are_refused(adapter: Subject) {
    let store = store(&adapter);
    note(&store, &["ann=1", "ann=2"]).await;
    store.view::<Tally>().catch_up().await.unwrap();
    let newer = store.view::<Newer>();
    for refused in [
        newer.get("ann").await.map(drop),
        newer.catch_up().await.map(drop),
        newer.run().await,
        newer.wait_for(store.head().await.unwrap()).await,
    ] {
        let refused = with_causes(&refused.unwrap_err());
        assert!(refused.contains("from version 1") && refused.contains("rebuild()"), "{refused}");
    }
    assert_eq!(newer.status().await.unwrap().state, ReadModelState::Outdated);
    let changed = with_causes(&store.view::<Changed>().get("ann").await.unwrap_err());
    assert!(changed.contains("does not read") && changed.contains("\"ann\""), "{changed}");
    note(&store, &["ann=3"]).await;
    let changed = with_causes(&store.view::<Changed>().catch_up().await.unwrap_err());
    assert!(changed.contains("raise `VERSION`") && changed.contains("\"ann\""), "{changed}");

    assert_eq!(newer.rebuild().await.unwrap(), 3);
    assert_eq!(newer.get("ann").await.unwrap().unwrap().notes.len(), 3);
    let older = store.view::<Tally>();
    for refused in
        [older.get("ann").await.map(drop), older.run().await, older.rebuild().await.map(drop)]
    {
        let refused = with_causes(&refused.unwrap_err());
        assert!(refused.contains("made by a newer program"), "{refused}");
    }
}

pub async fn racing_runners_fold_each_event_once(adapter: Subject) {
    let store = store(&adapter);
    let keys = ["ann", "bob", "carl", "none"];
    let mut expected = BTreeMap::new();
    let mut runners = Vec::new();
    store.view::<Tally>().catch_up().await.unwrap();
    for _ in 0..4 {
        let view = store.view::<Tally>();
        runners.push(tokio::spawn(async move { view.run().await }));
    }
    let mut last = None;
    for number in 0..300_usize {
        let key = keys[number % keys.len()];
        let text = format!("{key}={number}");
        let appended = store.append(&stream("notes-1"), Any, [Note::new(&text)]).await.unwrap();
        last = Some(appended.position);
        let known: &mut Tally = expected.entry(key).or_default();
        *known = tally(known.notes + 1, &number.to_string());
    }
    store.view::<Tally>().wait_for(last.unwrap()).await.unwrap();
    for runner in runners {
        assert!(!runner.is_finished());
        runner.abort();
    }
    expected.remove("none");
    let found = all(&store.view()).await;
    assert_eq!(
        found,
        expected.into_iter().map(|(key, it)| (key.to_owned(), it)).collect::<Vec<_>>()
    );
}

pub async fn a_killed_runner_resumes(adapter: Subject) {
    let store = store(&adapter);
    let texts: Vec<String> =
        (0..2_000).map(|number| format!("key-{}={number}", number % 7)).collect();
    note(&store, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let view = store.view::<Tally>();
    let mut within = Duration::from_micros(500);
    // Each try is given up somewhere else, until one succeeds.
    while tokio::time::timeout(within, view.catch_up()).await.is_err() {
        within = within * 5 / 4;
    }
    let found = all(&view).await;
    let notes: u64 = found.iter().map(|(_, tally)| tally.notes).sum();
    assert_eq!((found.len(), notes), (7, 2_000));
    let status = view.status().await.unwrap();
    assert_eq!((status.build, status.events), (Some(1), 2_000));
}

pub async fn a_view_is_run_and_waited_for(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    let soon = Duration::from_millis(20);
    let waited = view.wait_for(store.head().await.unwrap()).at_most(soon).await;
    let refused = with_causes(&waited.unwrap_err());
    assert!(refused.contains("never run"), "{refused}");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let view = view.clone();
        async move { view.run().until(async { drop(stopped.await) }).await }
    });
    for number in 1..=3 {
        let text = format!("ann={number}");
        let appended = store.append(&stream("notes-1"), Any, [Note::new(&text)]).await.unwrap();
        view.wait_for(appended.position).await.unwrap();
        assert_eq!(view.get("ann").await.unwrap(), Some(tally(number, &number.to_string())));
        if number == 2 {
            // The runner continues with the new build.
            view.rebuild().await.unwrap();
        }
    }
    drop(stop);
    running.await.unwrap().unwrap();
}

pub async fn a_view_is_in_the_health_check(adapter: Subject) {
    let store = store(&adapter);
    let view = store.view::<Tally>();
    note(&store, &["ann=1"]).await;
    view.catch_up().await.unwrap();
    let own = async || {
        let health = store.health().await.unwrap();
        let mut own = health.read_models.into_iter().filter(|it| it.name == "tally");
        let found = own.next().unwrap();
        assert_eq!((own.next(), found.kind), (None, ModelKind::View));
        found
    };
    let found = own().await;
    assert_eq!((found.build, found.state, found.lag), (1, BuildState::Current, 0));
    assert!(found.last_event_at.is_some() && found.last_error.is_none(), "{found:?}");

    note(&store, &["ann=refuse", "ann=2"]).await;
    assert_eq!(own().await.lag, 2);
    view.catch_up().await.unwrap_err();
    let found = own().await;
    let error = found.last_error.unwrap();
    assert!(error.contains("it is refused") && error.contains("\"ann\""), "{error}");
    assert_eq!(found.position.get(), 1);
}
