//! Inline views and table projections: written in the transaction of the append.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use event_core::ExpectedVersion::{Any, Exact, NoStream};
use event_core::adapter::{Inline, IntoInline};
use event_core::error::{BoxError, with_causes};
use event_core::projection::ViewPage;
use event_core::{
    Effects, EventStore, Keys, NewEvent, Outcome, ReadOptions, RecordedEvent, Result,
    StreamVersion, TableProjection, TablesTx, View,
};
use serde::{Deserialize, Serialize};

use super::decide::Note;
use super::stream;

type Opened = Pin<Box<dyn Future<Output = Result<EventStore>> + Send>>;

/// Opens a store again and again, each time as another program would, with these read models inline.
pub struct Shared(Box<dyn Fn(Vec<Inline>) -> Opened + Send + Sync>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Shared {
    /// By a function that opens it.
    pub fn new<F>(open: impl Fn(Vec<Inline>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<EventStore>> + Send + 'static,
    {
        Self(Box::new(move |inline| Box::pin(open(inline))))
    }

    async fn plain(&self) -> EventStore {
        (self.0)(Vec::new()).await.unwrap()
    }

    async fn inline<K>(&self, model: impl IntoInline<K>) -> Result<EventStore> {
        (self.0)(vec![model.into_inline()]).await
    }

    async fn tables(&self) -> Option<EventStore> {
        match self.inline(Booked).await {
            Err(error) => {
                assert_eq!(error.code(), "unsupported", "{error}");
                None
            }
            store => Some(store.unwrap()),
        }
    }
}

fn parts(note: &Note) -> (&str, &str) {
    note.text().split_once('=').unwrap_or_default()
}

/// The notes of a key, and where the last one is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fresh {
    notes: u64,
    position: u64,
    version: u64,
    id: String,
    at: String,
    #[serde(skip_serializing_if = "Clone::clone")] // left out where it is true, and then missing
    is_unread: bool,
}

/// The texts of events whose effects were run.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl View for Fresh {
    type Event = Note;
    const NAME: &'static str = "fresh";

    fn keys(event: &Note, _: &RecordedEvent) -> Keys {
        parts(event).0.split('|').collect()
    }

    fn check(&self, event: &Note, _: &RecordedEvent) -> Result<(), BoxError> {
        if parts(event).1 == "refuse" { Err("it is refused".into()) } else { Ok(()) }
    }

    fn fold(&mut self, event: &Note, recorded: &RecordedEvent) {
        if parts(event).1 == "unread" {
            self.is_unread = true;
        }
        self.notes += 1;
        self.position = recorded.position().get();
        self.version = recorded.stream_version().get();
        self.id = recorded.event_id().to_string();
        self.at = recorded.recorded_at().to_rfc3339();
    }

    fn effects(&self, event: &Note, recorded: &RecordedEvent, effects: &mut Effects) {
        let told = format!("{} {}", parts(event).1, recorded.event_id());
        effects.add(async move || {
            TOLD.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            Ok(())
        });
    }
}

/// The same view in a later version of the program.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Fresher(u64);

impl View for Fresher {
    type Event = Note;
    const NAME: &'static str = "fresh";
    const VERSION: u32 = 2;

    fn keys(event: &Note, recorded: &RecordedEvent) -> Keys {
        Fresh::keys(event, recorded)
    }

    fn fold(&mut self, _: &Note, _: &RecordedEvent) {
        self.0 += 1;
    }
}

/// A row for each note; a text may be taken once.
struct Booked;

impl TableProjection for Booked {
    type Event = Note;
    const NAME: &'static str = "booked";

    fn create() -> &'static [&'static str] {
        &[
            "CREATE TABLE {booked} (tenant text, text text, position integer NOT NULL, PRIMARY KEY (tenant, text))",
        ]
    }

    async fn apply(
        &self,
        event: Note,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> Result<(), BoxError> {
        let row = (recorded.tenant(), event.text(), recorded.position().get().cast_signed());
        tables.execute("INSERT INTO {booked} VALUES ($1, $2, $3)", row).await?;
        Ok(())
    }
}

fn notes(texts: &[&str]) -> Vec<NewEvent> {
    texts.iter().map(|text| Note::new(*text).into()).collect()
}

async fn note(store: &EventStore, texts: &[&str]) -> event_core::Appended {
    store.append(&stream("notes-1"), Any, notes(texts)).await.unwrap()
}

async fn counted(store: &EventStore, key: &str) -> u64 {
    store.view::<Fresh>().get(key).await.unwrap().map_or(0, |found| found.notes)
}

async fn booked(store: &EventStore) -> Vec<String> {
    let sql = "SELECT text FROM {booked} ORDER BY position";
    let rows = store.tables::<Booked>().query(sql, ()).await.unwrap();
    rows.iter().map(|row| row.get("text").unwrap()).collect()
}

/// What is folded inline is what a rebuild folds.
async fn is_a_fold_of_the_log(store: &EventStore) {
    let all = async || -> Vec<(String, Fresh)> {
        let found = store.view::<Fresh>().list(ViewPage::first()).await.unwrap();
        found.into_iter().map(|it| (it.key, it.value)).collect()
    };
    let before = all().await;
    store.view::<Fresh>().rebuild().await.unwrap();
    assert_eq!(all().await, before);
}

pub async fn an_append_is_in_the_view_at_once(shared: Shared) {
    let plain = shared.plain().await;
    note(&plain, &["ann=before"]).await;
    let store = shared.inline(Fresh::default()).await.unwrap();
    assert_eq!(counted(&store, "ann").await, 1, "the past, made when the store is opened");
    for number in 2..=5 {
        let appended = note(&store, &["ann=x", "bob=x"]).await;
        let ann = store.view::<Fresh>().get("ann").await.unwrap().unwrap();
        assert_eq!((ann.notes, ann.position), (number, appended.position.get() - 1));
        store.view::<Fresh>().wait_for(appended.position).await.unwrap();
    }
    let both = store
        .transaction()
        .append(&stream("notes-2"), NoStream, notes(&["ann=x", "ann|cid=x"]))
        .append(&stream("notes-3"), NoStream, notes(&["cid=x"]))
        .expect(&stream("notes-1"), Exact(StreamVersion::new(9)));
    both.commit().await.unwrap();
    assert_eq!((counted(&plain, "ann").await, counted(&plain, "cid").await), (7, 2));
    assert_eq!(store.view::<Fresh>().status().await.unwrap().lag(), 0);

    let again = notes(&["ann=once"]);
    let append = async || store.append(&stream("notes-1"), Any, again.clone()).await.unwrap();
    assert_eq!(append().await.outcome, Outcome::Stored);
    assert_eq!(append().await.outcome, Outcome::AlreadyStored);
    assert_eq!(counted(&store, "ann").await, 8, "a repeat is not folded again");
    is_a_fold_of_the_log(&plain).await;
}

pub async fn a_refused_fold_refuses_the_append(shared: Shared) {
    let store = shared.inline(Fresh::default()).await.unwrap();
    note(&store, &["ann=1"]).await;
    let refused = store.append(&stream("notes-1"), Any, notes(&["ann=2", "bob=refuse"])).await;
    let refused = with_causes(&refused.unwrap_err());
    for words in ["`fresh`", "\"bob\"", "it is refused", "notes-1"] {
        assert!(refused.contains(words), "{words} in {refused}");
    }
    let unread = store.append(&stream("notes-1"), Any, notes(&["bob=unread"])).await.unwrap_err();
    let unread = with_causes(&unread);
    assert!(unread.contains("\"bob\"") && unread.contains("missing field `is_unread`"), "{unread}");
    assert_eq!(counted(&store, "ann").await, 1);
    let stored = store.read_stream(&stream("notes-1"), ReadOptions::forward()).await.unwrap();
    assert_eq!(stored.len(), 1);
    let both = store.transaction().append(&stream("notes-2"), NoStream, notes(&["ann=3"])).append(
        &stream("notes-3"),
        NoStream,
        notes(&["ann=refuse"]),
    );
    both.commit().await.unwrap_err();
    assert_eq!(counted(&store, "ann").await, 1);
    let wrong = store.append(&stream("notes-1"), NoStream, notes(&["ann=4"])).await.unwrap_err();
    assert_eq!(wrong.code(), "wrong_expected_version");
    note(&store, &["ann=5"]).await;
    assert_eq!(counted(&store, "ann").await, 2);
    is_a_fold_of_the_log(&store).await;
}

pub async fn several_programs_write_one_view(shared: Shared) {
    let plain = shared.plain().await;
    let mut writing = Vec::new();
    for program in 0..3 {
        let store = shared.inline(Fresh::default()).await.unwrap();
        writing.push(tokio::spawn(async move {
            for number in 0..30 {
                let name = stream(&format!("notes-{}", (program + number) % 4));
                let text = format!("ann|key-{}={program}", number % 3);
                let before = counted(&store, "ann").await;
                store.append(&name, Any, [Note::new(&text)]).await.unwrap();
                assert!(counted(&store, "ann").await > before);
            }
        }));
    }
    for writer in writing {
        writer.await.unwrap();
    }
    assert_eq!(counted(&plain, "ann").await, 90);
    // A program without the view: the next one with it catches up.
    note(&plain, &["ann=unseen", "ann=unseen"]).await;
    assert_eq!(counted(&plain, "ann").await, 90);
    let store = shared.inline(Fresh::default()).await.unwrap();
    assert_eq!(counted(&plain, "ann").await, 92);
    note(&plain, &["ann=unseen"]).await;
    note(&store, &["ann=seen"]).await;
    assert_eq!(counted(&plain, "ann").await, 94);
    is_a_fold_of_the_log(&plain).await;
}

pub async fn a_rebuild_is_made_beside_inline_appends(shared: Shared) {
    let (plain, store) = (shared.plain().await, shared.inline(Fresh::default()).await.unwrap());
    let writing = tokio::spawn(async move {
        for number in 1..=100 {
            note(&store, &["ann=x"]).await;
            assert_eq!(counted(&store, "ann").await, number, "the own write is read");
        }
    });
    let mut rebuilds = 0;
    while !writing.is_finished() || rebuilds < 3 {
        plain.view::<Fresh>().rebuild().await.unwrap();
        rebuilds += 1;
    }
    writing.await.unwrap();
    assert_eq!(counted(&plain, "ann").await, 100);
    is_a_fold_of_the_log(&plain).await;
}

pub async fn a_rebuild_overtakes_writers_that_never_pause(shared: Shared) {
    let plain = shared.plain().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writing = Vec::new();
    for program in 0..4 {
        let (store, stop) = (shared.inline(Fresh::default()).await.unwrap(), Arc::clone(&stop));
        writing.push(tokio::spawn(async move {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                let name = stream(&format!("notes-{program}-{}", written / 500));
                store.append(&name, Any, [Note::new("ann=x")]).await.unwrap();
                written += 1;
            }
            written
        }));
    }
    for _ in 0..3 {
        plain.view::<Fresh>().rebuild().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writing {
        written += writer.await.unwrap();
    }
    assert_eq!(counted(&plain, "ann").await, written);
    is_a_fold_of_the_log(&plain).await;
}

pub async fn an_inline_view_of_another_definition_is_refused(shared: Shared) {
    let old = shared.inline(Fresh::default()).await.unwrap();
    note(&old, &["ann=1"]).await;
    let refused = with_causes(&shared.inline(Fresher::default()).await.unwrap_err());
    assert!(refused.contains("rebuild()"), "{refused}");
    let plain = shared.plain().await;
    assert_eq!(plain.view::<Fresher>().rebuild().await.unwrap(), 1);
    let refused = old.append(&stream("notes-1"), Any, notes(&["ann=2"])).await.unwrap_err();
    assert!(with_causes(&refused).contains("made by a newer program"), "{refused}");
    let new = shared.inline(Fresher::default()).await.unwrap();
    note(&new, &["ann=3"]).await;
    assert_eq!(new.view::<Fresher>().get("ann").await.unwrap().unwrap().0, 2);
}

pub async fn the_effects_of_an_inline_view_follow_the_append(shared: Shared) {
    let store = shared.inline(Fresh::default()).await.unwrap();
    let told = |id: String| {
        let told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|it| it.ends_with(&id)).count()
    };
    let [kept, refused] =
        ["kept", "refuse"].map(|text| NewEvent::from(Note::new(format!("ann={text}"))));
    let ids = [kept.id().to_string(), refused.id().to_string()];
    store.append(&stream("notes-1"), Any, [kept]).await.unwrap();
    store.append(&stream("notes-1"), Any, [refused]).await.unwrap_err();
    store.view::<Fresh>().rebuild().await.unwrap();
    assert_eq!(ids.map(told), [1, 0]);
}

pub async fn an_append_is_in_the_tables_at_once(shared: Shared) {
    let Some(store) = shared.tables().await else { return };
    note(&store, &["ann=1"]).await;
    note(&store, &["ann=2", "bob=1"]).await;
    assert_eq!(booked(&store).await, ["ann=1", "ann=2", "bob=1"]);
    let taken =
        store.append(&stream("notes-2"), Any, notes(&["cid=1", "ann=1"])).await.unwrap_err();
    let taken = with_causes(&taken);
    for words in ["`booked`", "notes-2", "INSERT INTO {booked}"] {
        assert!(taken.contains(words), "{words} in {taken}");
    }
    assert_eq!(store.stream_version(&stream("notes-2")).await.unwrap().get(), 0);
    note(&store, &["cid=1"]).await;
    store.tables::<Booked>().by(Booked).rebuild().await.unwrap();
    note(&store, &["cid=2"]).await;
    assert_eq!(booked(&store).await, ["ann=1", "ann=2", "bob=1", "cid=1", "cid=2"]);
}

pub async fn of_racing_programs_one_takes_what_is_unique(shared: Shared) {
    let Some(store) = shared.tables().await else { return };
    for round in 0..10 {
        let mut racing = Vec::new();
        for program in 0..4 {
            let store = shared.tables().await.unwrap();
            racing.push(tokio::spawn(async move {
                let name = stream(&format!("notes-{round}-{program}"));
                store.append(&name, NoStream, notes(&[&format!("seat={round}")])).await.is_ok()
            }));
        }
        let mut taken = 0;
        for one in racing {
            taken += usize::from(one.await.unwrap());
        }
        assert_eq!(taken, 1);
    }
    assert_eq!(booked(&store).await.len(), 10);
}
