//! Decisions and faults: what a transport repeats keeps its ids, and each decision is measured once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use event_core::{
    Aggregate, CommandId, DecideError, Error, Event, EventStore, ExpectedVersion, Outcome,
    ReadOptions, RetryPolicy, StreamId,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde::{Deserialize, Serialize};

use crate::flaky::Fault::{AnswerLost, Lost, Permanent, Sound};
use crate::flaky::{Fault, FlakyAdapter};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "decide.paid", version = 1)]
struct Paid {
    amount: u64,
}

#[derive(Debug, Event)]
enum BillEvent {
    Paid(Paid),
}

#[derive(Debug, Default, PartialEq)]
struct Bill {
    paid: u64,
}

impl Aggregate for Bill {
    type Event = BillEvent;

    fn apply(&mut self, BillEvent::Paid(paid): BillEvent) {
        self.paid += paid.amount;
    }
}

fn flaky(faults: &[Fault]) -> (Arc<FlakyAdapter>, EventStore) {
    let adapter = Arc::new(FlakyAdapter::new(faults));
    let quick = RetryPolicy::default().first_delay(Duration::from_millis(1)).without_jitter();
    let store = EventStore::builder(Arc::clone(&adapter)).retry(quick).build().unwrap();
    (adapter, store)
}

fn bill() -> StreamId {
    StreamId::new("bill-1").unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "a decision may refuse")]
fn pay(bill: &Bill) -> Result<Vec<BillEvent>, Infallible> {
    Ok(vec![BillEvent::Paid(Paid { amount: bill.paid + 1 }), BillEvent::Paid(Paid { amount: 10 })])
}

#[tokio::test]
async fn an_append_that_is_sent_again_is_not_decided_again() {
    // A decision reads the stream, looks for its command if it has one, and appends.
    for (command, reads) in [(None, 1), (Some(CommandId::new()), 2)] {
        for fault in [Lost, AnswerLost] {
            let mut faults = vec![Sound; reads];
            faults.push(fault);
            let (adapter, store) = flaky(&faults);
            let (name, mut ran) = (bill(), 0);
            let decision = store.decide::<Bill>(&name);
            let decision = match command {
                Some(command) => decision.command(command),
                None => decision,
            };
            let decided = decision.run(|bill| {
                ran += 1;
                pay(bill)
            });
            let decided = decided.await.unwrap();
            assert_eq!((ran, decided.tries, decided.events), (1, 1, 2), "{fault:?}");
            assert_eq!((decided.state, decided.stream_version.get()), (Bill { paid: 11 }, 2));
            let is_known = decided.outcome == Outcome::AlreadyStored;
            assert_eq!(
                is_known,
                fault == AnswerLost,
                "the store knows the ids of the first attempt"
            );
            // What a repeat has stored is read back: it may be another process's.
            let read_back = if command.is_some() && is_known { 3 } else { 0 };
            assert_eq!(adapter.calls(), reads + 2 + read_back);
            let page = store.read_stream(&name, ReadOptions::forward()).await.unwrap();
            assert_eq!(page.len(), 2, "stored once");
            if let Some(command) = command {
                let ids: Vec<_> = page.iter().map(event_core::RecordedEvent::event_id).collect();
                assert_eq!(ids, [command.event_id(0), command.event_id(1)]);
            }
        }
    }
}

#[tokio::test]
async fn a_failure_of_the_store_is_not_decided_again() {
    let name = bill();
    for faults in [[Permanent, Sound], [Sound, Permanent]] {
        let (_, store) = flaky(&faults);
        let failed = store.decide::<Bill>(&name).run(pay).await.unwrap_err();
        assert!(matches!(failed, DecideError::Store(Error::Adapter { .. })), "{failed:?}");
    }
    let (_, store) = flaky(&[Sound, Lost, Lost, Lost, Lost]);
    let lost = store.decide::<Bill>(&name).run(pay).await.unwrap_err();
    assert!(matches!(lost, DecideError::Store(Error::Connection { retries: 3, .. })), "{lost:?}");
    // The same command again: as if nothing had happened.
    let (_, store) = flaky(&[Sound, Sound, AnswerLost, Lost, Lost, Lost]);
    let command = CommandId::new();
    let lost = store.decide::<Bill>(&name).command(command).run(pay).await.unwrap_err();
    assert!(matches!(lost, DecideError::Store(Error::Connection { .. })), "{lost:?}");
    let again = store.decide::<Bill>(&name).command(command).run(pay).await.unwrap();
    assert_eq!((again.state.paid, again.tries, again.outcome), (11, 0, Outcome::AlreadyStored));
}

#[tokio::test]
async fn a_decision_is_a_future_that_tasks_can_run() {
    let store = EventStore::in_memory().unwrap();
    let (name, limit) = (bill(), 5);
    let task = tokio::spawn(async move {
        let decided = store.decide::<Bill>(&name).command(CommandId::named("a")).run(|bill| {
            if bill.paid > limit {
                Err("paid".to_owned())
            } else {
                pay(bill).map_err(|e| match e {})
            }
        });
        decided.await.map(|decided| decided.state.paid).map_err(|error| error.to_string())
    });
    assert_eq!(task.await.unwrap(), Ok(11));
}

#[test]
fn a_decision_is_measured_once() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let (store, name) = (EventStore::in_memory().unwrap(), bill());
            // Each state is outdated when it is decided on, twice.
            let other = store.clone();
            let mut tries = 0;
            let decided = store.decide::<Bill>(&name).run(|bill| {
                tries += 1;
                if tries < 3 {
                    let append = other.append(&name, ExpectedVersion::Any, [Paid { amount: 1 }]);
                    futures_now(append).unwrap();
                }
                pay(bill)
            });
            assert_eq!(decided.await.unwrap().tries, 3);
            store.decide::<Bill>(&name).run(|_| Err("no")).await.unwrap_err();
        });
    });
    let (mut decisions, mut conflicts, mut calls) = (Vec::new(), 0, 0);
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let is_decide = key.key().labels().any(|label| label.value() == "decide");
        match (key.key().name(), value) {
            ("event_store_decision_tries", DebugValue::Histogram(values)) => {
                decisions.extend(values.iter().map(|tries| tries.into_inner()));
            }
            ("event_store_decision_conflicts_total", DebugValue::Counter(count)) => {
                conflicts = count;
            }
            ("event_store_operation_seconds", DebugValue::Histogram(values)) if is_decide => {
                calls += values.len();
            }
            _ => {}
        }
    }
    assert_eq!((decisions, conflicts, calls), (vec![3.0, 1.0], 2, 2));
}

/// The answer of a call on the store in memory, which never waits for long.
fn futures_now<T>(call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(answer) = call.as_mut().poll(&mut context) {
            return answer;
        }
    }
}
