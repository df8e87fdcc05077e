//! [`Rebuilds`]: projections that are made anew in the background: nobody waits on a page for a million events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use event_core::EventStore;
use event_core::error::with_causes;

use crate::settings::Rebuild;

/// The last rebuild of each projection.
#[derive(Default)]
pub(crate) struct Rebuilds(Mutex<BTreeMap<String, State>>);

/// How far a rebuild is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs since.
    Runs(DateTime<Utc>),
    /// It is done, from so many events.
    Done(u64),
    /// It failed.
    Failed(String),
}

impl Rebuilds {
    pub(crate) fn of(&self, name: &str) -> Option<State> {
        self.states().get(name).cloned()
    }

    /// Begins one; false if it runs already.
    pub(crate) fn begin(self: &Arc<Self>, name: &str, store: EventStore, run: &Rebuild) -> bool {
        let mut states = self.states();
        if let Some(State::Runs(_)) = states.get(name) {
            return false;
        }
        states.insert(name.to_owned(), State::Runs(Utc::now()));
        drop(states);
        let running = Running { rebuilds: Arc::clone(self), name: name.to_owned() };
        let run = run(store);
        tokio::spawn(async move {
            let done = run.await;
            running.end(match done {
                Ok(events) => State::Done(events),
                Err(error) => State::Failed(with_causes(&error)),
            });
        });
        true
    }

    fn states(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rebuild that runs; one that panics has failed.
struct Running {
    rebuilds: Arc<Rebuilds>,
    name: String,
}

impl Running {
    fn end(&self, state: State) {
        let projection = self.name.escape_debug();
        match &state {
            State::Done(events) => {
                tracing::info!(target: "event_console", %projection, events, "rebuilt");
            }
            State::Failed(_) => {
                tracing::warn!(target: "event_console", %projection, "a rebuild failed");
            }
            State::Runs(_) => {}
        }
        self.rebuilds.states().insert(self.name.clone(), state);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(State::Runs(_)) = self.rebuilds.of(&self.name) {
            self.end(State::Failed("the program panicked".to_owned()));
        }
    }
}
