//! Effects: what follows from an event outside of the store, once it is committed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use event_core::ExpectedVersion::Any;
use event_core::error::BoxError;
use event_core::projection::{TableRunner, Tables};
use event_core::{
    Effects, EventId, EventStore, Keys, RecordedEvent, Result, TableProjection, TablesTx, View,
};
use serde::{Deserialize, Serialize};

use super::decide::Note;
use super::{Subject, store, stream};

/// How long a test waits for effects.
const PATIENCE: Duration = Duration::from_mins(1);

/// The texts whose effects were run, of each run of a test.
static SEEN: Mutex<BTreeMap<String, Vec<String>>> = Mutex::new(BTreeMap::new());

/// One run of a test: its notes are `run=text`.
struct Of(String);

impl Of {
    fn new() -> Self {
        Self(EventId::new().to_string())
    }

    async fn note(&self, store: &EventStore, texts: &[&str]) {
        let notes = texts.iter().map(|text| Note::new(format!("{}={text}", self.0)));
        store.append(&stream("notes-1"), Any, notes).await.unwrap();
    }

    fn seen(&self) -> Vec<String> {
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&self.0).cloned().unwrap_or_default()
    }

    /// What was seen once it is so many, which it has to become.
    async fn seen_at_last(&self, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen();
            if seen.len() >= count || Instant::now() > deadline {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn parts(note: &Note) -> (String, String) {
    let (run, text) = note.text().split_once('=').unwrap_or_default();
    (run.to_owned(), text.to_owned())
}

fn follow(note: &Note, effects: &mut Effects) {
    let (run, text) = parts(note);
    effects.add(async move || -> Result<(), BoxError> {
        match &*text {
            "fails" => return Err("it fails".into()),
            "panics" => panic!("an effect that panics"),
            _ => {}
        }
        tokio::task::yield_now().await;
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).entry(run).or_default().push(text);
        Ok(())
    });
}

/// Counts notes, and tells of each.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Told(u64);

impl View for Told {
    type Event = Note;
    const NAME: &'static str = "told";

    fn keys(event: &Note, _: &RecordedEvent) -> Keys {
        Keys::one(parts(event).0)
    }

    fn check(&self, event: &Note, _: &RecordedEvent) -> Result<(), BoxError> {
        if parts(event).1 == "refuse" { Err("it is refused".into()) } else { Ok(()) }
    }

    fn fold(&mut self, _: &Note, _: &RecordedEvent) {
        self.0 += 1;
    }

    fn effects(&self, event: &Note, _: &RecordedEvent, effects: &mut Effects) {
        follow(event, effects);
    }
}

/// The same in tables.
#[derive(Debug, Default)]
struct ToldTables {
    is_mended: bool,
}

impl TableProjection for ToldTables {
    type Event = Note;
    const NAME: &'static str = "told_tables";

    fn create() -> &'static [&'static str] {
        &["CREATE TABLE {told} (tenant text, position integer, PRIMARY KEY (tenant, position))"]
    }

    async fn apply(
        &self,
        event: Note,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> Result<(), BoxError> {
        follow(&event, tables.effects());
        let row = (recorded.tenant(), recorded.position().get().cast_signed());
        tables.execute("INSERT INTO {told} VALUES ($1, $2)", row).await?;
        if parts(&event).1 == "refuse" && !self.is_mended {
            return Err("it is refused".into());
        }
        Ok(())
    }
}

/// The same promises of both kinds.
macro_rules! cases {
    ($model:ident: $once:ident $failing:ident $racing:ident) => {
        pub async fn $once(adapter: Subject) {
            let Some(model) = $model(&adapter) else { return };
            let (store, of) = (store(&adapter), Of::new());
            of.note(&store, &["1", "2", "3"]).await;
            assert_eq!(model.catch_up().await.unwrap(), 3, "the first build");
            assert_eq!(of.seen(), [""; 0]);
            of.note(&store, &["4", "5"]).await;
            model.catch_up().await.unwrap();
            assert_eq!(of.seen(), ["4", "5"]);
            assert_eq!(model.rebuild().await.unwrap(), 5);
            assert_eq!(of.seen(), ["4", "5"]);
            of.note(&store, &["6"]).await;
            assert_eq!(model.rebuild().await.unwrap(), 6);
            assert_eq!(of.seen(), ["4", "5", "6"], "what nobody had applied yet");
        }

        pub async fn $failing(adapter: Subject) {
            let Some(model) = $model(&adapter) else { return };
            let (store, of) = (store(&adapter), Of::new());
            model.catch_up().await.unwrap();
            of.note(&store, &["1", "fails", "panics", "2"]).await;
            assert_eq!(model.catch_up().await.unwrap(), 4);
            assert_eq!(of.seen(), ["1", "2"]);
            of.note(&store, &["3"]).await;
            model.catch_up().await.unwrap();
            assert_eq!(of.seen(), ["1", "2", "3"], "none is run again");
        }

        pub async fn $racing(adapter: Subject) {
            let Some(model) = $model(&adapter) else { return };
            let (store, of) = (store(&adapter), Of::new());
            model.catch_up().await.unwrap();
            let mut runners = Vec::new();
            for _ in 0..4 {
                let model = model.clone();
                runners.push(tokio::spawn(async move { model.run().await }));
            }
            let mut texts: Vec<String> = (0..120).map(|number| number.to_string()).collect();
            for text in &texts {
                of.note(&store, &[text]).await;
                if ["30", "60", "90"].contains(&text.as_str()) {
                    model.rebuild().await.unwrap();
                }
            }
            let mut seen = of.seen_at_last(texts.len()).await;
            for runner in &runners {
                assert!(!runner.is_finished(), "a runner ended");
                runner.abort();
            }
            seen.sort_unstable();
            texts.sort_unstable();
            assert_eq!(seen, texts);
        }
    };
}

#[allow(clippy::unnecessary_wraps, reason = "the cases take what may be missing")]
fn view(adapter: &Subject) -> Option<event_core::projection::Documents<Told>> {
    Some(store(adapter).view::<Told>())
}

fn tables(adapter: &Subject) -> Option<Tables<ToldTables>> {
    let has_tables = adapter.read_models().is_some_and(|models| models.tables().is_some());
    has_tables.then(|| store(adapter).tables::<ToldTables>())
}

cases!(view: effects_of_a_view_are_run_once_readers_read_it
    an_effect_of_a_view_that_fails_stops_nothing racing_runners_run_each_effect_of_a_view_once);
cases!(tables: effects_of_tables_are_run_once_readers_read_them
    an_effect_of_tables_that_fails_stops_nothing racing_runners_run_each_effect_of_tables_once);

pub async fn an_event_that_a_view_refuses_has_no_effects(adapter: Subject) {
    let (store, of) = (store(&adapter), Of::new());
    let view = store.view::<Told>();
    view.catch_up().await.unwrap();
    of.note(&store, &["1", "refuse", "2"]).await;
    for _ in 0..2 {
        view.catch_up().await.unwrap_err();
        assert_eq!(of.seen(), ["1"], "what is before it is written, and once");
    }
}

pub async fn a_batch_of_tables_that_fails_has_no_effects(adapter: Subject) {
    let Some(tables) = tables(&adapter) else { return };
    let (store, of) = (store(&adapter), Of::new());
    let by = |is_mended| -> TableRunner<ToldTables> { tables.by(ToldTables { is_mended }) };
    tables.catch_up().await.unwrap();
    of.note(&store, &["1", "refuse", "2"]).await;
    for _ in 0..2 {
        by(false).catch_up().await.unwrap_err();
        assert_eq!(of.seen(), [""; 0]);
    }
    by(true).catch_up().await.unwrap();
    assert_eq!(of.seen(), ["1", "refuse", "2"]);
}

pub async fn a_runner_that_is_stopped_has_run_its_effects(adapter: Subject) {
    let (store, of) = (store(&adapter), Of::new());
    let view = store.view::<Told>();
    view.catch_up().await.unwrap();
    for round in 1..=10 {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let run = view.run().until(async { drop(stopped.await) });
        let running = tokio::spawn(run.into_future());
        of.note(&store, &["1", "2", "3"]).await;
        view.wait_for(store.head().await.unwrap()).await.unwrap();
        drop(stop); // its effects may not have begun
        running.await.unwrap().unwrap();
        assert_eq!(of.seen().len(), 3 * round);
    }
}
