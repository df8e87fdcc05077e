//! [`Worker`]: the tasks that are on their way.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use event_core::error::with_causes;
use event_core::{Error, EventStore};
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::task::AbortHandle;

use super::{act, follow, read};
use crate::browse::request::{Answer, Effect, Message, Problem, Ticket};

/// The pause between two looks at whether the store can be reached.
const LOOK: Duration = Duration::from_secs(2);
/// A store that has not answered a look after this time cannot be reached.
const PATIENCE: Duration = Duration::from_secs(5);

/// Begins tasks on the runtime of the store, and ends those that nobody waits for any more.
pub(in crate::browse) struct Worker {
    store: EventStore,
    runtime: Handle,
    messages: Sender<Message>,
    running: HashMap<Ticket, AbortHandle>,
}

impl Worker {
    /// Begins to look whether the store can be reached.
    pub(in crate::browse) fn new(
        store: EventStore,
        runtime: Handle,
        messages: Sender<Message>,
    ) -> Self {
        let look = runtime.spawn(look(store.clone(), messages.clone()));
        // No other task has this ticket.
        let running = HashMap::from([(Ticket::default(), look.abort_handle())]);
        Self { store, runtime, messages, running }
    }

    /// Begins what an effect asks for.
    pub(in crate::browse) fn carry_out(&mut self, effect: Effect) {
        self.running.retain(|_, task| !task.is_finished());
        let (store, messages) = (self.store.clone(), self.messages.clone());
        let (ticket, task) = match effect {
            Effect::Load(ticket, request) => {
                let load = async move { read::read(&store, request).await };
                (ticket, self.runtime.spawn(answer(ticket, load, messages)))
            }
            Effect::Act(ticket, action) => {
                let act = async move { act::act(&store, action).await.map(Answer::Done) };
                (ticket, self.runtime.spawn(answer(ticket, act, messages)))
            }
            Effect::Follow(ticket, filter) => {
                let follow = follow::follow(store, filter, ticket, messages.clone());
                (
                    ticket,
                    self.runtime.spawn(async move {
                        if let Err(error) = follow.await {
                            let _ =
                                messages.send(Message::Answer(ticket, Err(problem(&error)))).await;
                        }
                    }),
                )
            }
            Effect::Cancel(ticket) => {
                if let Some(task) = self.running.remove(&ticket) {
                    task.abort();
                }
                return;
            }
            Effect::Quit => return,
        };
        self.running.insert(ticket, task.abort_handle());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}

/// Sends what comes of a task, also if it panics.
async fn answer(
    ticket: Ticket,
    task: impl Future<Output = event_core::Result<Answer>> + Send + 'static,
    messages: Sender<Message>,
) {
    let answer = match AssertUnwindSafe(task).catch_unwind().await {
        Ok(answer) => answer.map_err(|error| problem(&error)),
        Err(_) => Err(Problem { text: "the program panicked".to_owned(), is_transient: false }),
    };
    let _ = messages.send(Message::Answer(ticket, answer)).await;
}

async fn look(store: EventStore, messages: Sender<Message>) {
    loop {
        let health = tokio::time::timeout(PATIENCE, store.health()).await;
        let reached = match health {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(problem(&error)),
            Err(_) => {
                let text = format!("no answer within {} s", PATIENCE.as_secs());
                Err(Problem { text, is_transient: true })
            }
        };
        if messages.send(Message::Reached(reached)).await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What may pass is asked again as soon as the store answers: also what the backend does not call so, such as a file that was
/// not in its place.
fn problem(error: &Error) -> Problem {
    let is_transient = error.is_transient() || matches!(error, Error::Adapter { .. });
    Problem { text: with_causes(error), is_transient }
}
