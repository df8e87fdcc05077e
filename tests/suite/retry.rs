//! Retries and telemetry: only transient errors are retried, and each call is measured once around its retries.

use std::sync::Arc;
use std::time::Duration;

use event_core::{
    Delete, Error, EventId, EventStore, ExpectedVersion, Filter, Outcome, Position, ReadOptions,
    RetryPolicy, Scope, StartFrom, StreamId, StreamVersion, Tenant,
};
use event_testing::Noted;
use game_events::GameSession;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::flaky::Fault::{self, AnswerLost, Lost, Permanent, Sound};
use crate::flaky::FlakyAdapter;

fn quick() -> RetryPolicy {
    RetryPolicy::default().first_delay(Duration::from_millis(1)).without_jitter()
}

fn flaky(faults: &[Fault]) -> (Arc<FlakyAdapter>, EventStore) {
    let adapter = Arc::new(FlakyAdapter::new(faults));
    let store = EventStore::builder(Arc::clone(&adapter)).retry(quick()).build().unwrap();
    (adapter, store)
}

fn game() -> StreamId {
    StreamId::new("game-1").unwrap()
}

#[tokio::test]
async fn two_lost_calls_then_success_are_exactly_three_attempts() {
    let (adapter, store) = flaky(&[Lost, Lost]);
    let answer = store.append(&game(), ExpectedVersion::NoStream, Noted::many(1)).await.unwrap();
    assert_eq!((answer.outcome, adapter.calls()), (Outcome::Stored, 3));
    assert_eq!(store.stream_version(&game()).await.unwrap().get(), 1);
}

#[tokio::test]
async fn a_retried_append_whose_answer_was_lost_is_already_stored() {
    for claim in [
        ExpectedVersion::NoStream,
        ExpectedVersion::Any,
        ExpectedVersion::Exact(StreamVersion::NONE),
    ] {
        let (adapter, store) = flaky(&[AnswerLost]);
        let answer = store.append(&game(), claim, Noted::many(2)).await.unwrap();
        assert_eq!((answer.outcome, adapter.calls()), (Outcome::AlreadyStored, 2));
        assert_eq!(answer.stream_version.get(), 2);
        assert_eq!(store.stream_version(&game()).await.unwrap().get(), 2, "stored once");
    }
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_not_refused_for_what_it_did() {
    let name = game();
    for delete in [Delete::Soft, Delete::Hard] {
        for claim in [ExpectedVersion::Any, ExpectedVersion::Exact(StreamVersion::new(2))] {
            let (adapter, store) = flaky(&[Sound, AnswerLost, AnswerLost]);
            store.append(&name, ExpectedVersion::NoStream, Noted::many(2)).await.unwrap();
            store.delete_stream(&name, claim, delete).await.unwrap();
            assert_eq!(adapter.calls(), 4);
            let again = store.delete_stream(&name, claim, delete).await.unwrap_err();
            assert!(matches!(again, Error::StreamDeleted { .. }), "another call: {again}");
        }
    }
    // A call that did not reach the store did nothing: somebody else deleted the stream.
    let (adapter, store) = flaky(&[Sound, Sound, Lost]);
    store.append(&name, ExpectedVersion::NoStream, Noted::many(2)).await.unwrap();
    store.delete_stream(&name, ExpectedVersion::Any, Delete::Soft).await.unwrap();
    let refused = store.delete_stream(&name, ExpectedVersion::Any, Delete::Soft).await;
    assert!(matches!(refused.unwrap_err(), Error::StreamDeleted { .. }));
    assert_eq!(adapter.calls(), 4);
}

#[tokio::test]
async fn the_error_after_the_last_retry_reports_their_number() {
    let (adapter, store) = flaky(&[Lost; 5]);
    let error = store.append(&game(), ExpectedVersion::Any, Noted::many(1)).await.unwrap_err();
    assert!(matches!(error, Error::Connection { retries: 3, .. }), "{error}");
    assert_eq!(error.to_string(), "could not reach the store (after 3 retries) [tenant default]");
    assert_eq!((error.code(), adapter.calls()), ("connection_error", 4));
}

#[tokio::test]
async fn an_error_that_is_not_transient_is_not_retried() {
    let (adapter, store) = flaky(&[Permanent]);
    let error = store.read_stream(&game(), ReadOptions::forward()).await.unwrap_err();
    assert_eq!((error.is_transient(), adapter.calls()), (false, 1));

    let (adapter, store) = flaky(&[]);
    let claim = ExpectedVersion::StreamExists;
    store.append(&game(), claim, Noted::many(1)).await.unwrap_err();
    assert_eq!(adapter.calls(), 1, "a conflict is the caller's to resolve");
    store.append(&game(), claim, [Noted::new("")]).await.unwrap_err();
    assert_eq!(adapter.calls(), 1, "an invalid event never reaches the adapter");
}

#[tokio::test]
async fn reads_are_retried() {
    let (adapter, store) = flaky(&[]);
    store.append(&game(), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    drop(adapter);
    let (adapter, store) = flaky(&[Lost, Lost]);
    assert_eq!(store.stream_version(&game()).await.unwrap().get(), 0);
    assert_eq!(adapter.calls(), 3);
    let (adapter, store) = flaky(&[Lost]);
    let mut events = store.all_events(event_core::AllOptions::new());
    assert!(events.next().await.is_none());
    assert_eq!(adapter.calls(), 2);
}

#[tokio::test]
async fn a_deadline_ends_retries_early() {
    let adapter = Arc::new(FlakyAdapter::new(&[Lost; 9]));
    let policy = quick().retries(100).first_delay(Duration::from_millis(20));
    let policy = policy.deadline(Duration::from_millis(50));
    let store = EventStore::builder(Arc::clone(&adapter)).retry(policy).build().unwrap();
    store.stream_version(&game()).await.unwrap_err();
    assert!(adapter.calls() <= 3, "{}", adapter.calls());
}

#[test]
fn a_delay_that_no_clock_can_add_is_capped_at_a_day() {
    let policy = RetryPolicy::default().first_delay(Duration::MAX);
    assert!(policy.delay(31) <= Duration::from_hours(29));
    assert_eq!(policy.without_jitter().delay(u32::MAX), Duration::from_hours(24));
}

#[test]
fn jitter_changes_a_delay_by_at_most_a_fifth() {
    let policy = RetryPolicy::default();
    for retry in 0..3 {
        let exact = RetryPolicy::default().without_jitter().delay(retry);
        assert_eq!(exact, Duration::from_millis(50 << retry));
        for _ in 0..200 {
            let delay = policy.delay(retry);
            assert!(delay >= exact.mul_f64(0.8) && delay <= exact.mul_f64(1.2), "{delay:?}");
        }
    }
}

#[test]
fn each_call_is_measured_once_around_its_retries() {
    let recorder = DebuggingRecorder::new();
    let snapshot = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let (_, store) = flaky(&[Lost, Lost]);
            store.append(&game(), ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
            store.append(&game(), ExpectedVersion::NoStream, Noted::many(1)).await.unwrap_err();
        });
    });
    let mut seen = recorded(&snapshot);
    seen.sort();
    assert_eq!(
        seen,
        [
            "event_store_events_appended_total{} 3",
            "event_store_operation_seconds{operation=append,adapter=flaky,result=error,code=wrong_expected_version} 1 values",
            "event_store_operation_seconds{operation=append,adapter=flaky,result=ok} 1 values",
            "event_store_retries_total{operation=append} 2",
        ]
    );
}

#[test]
fn calls_that_are_refused_before_anything_is_sent_are_measured_too() {
    let recorder = DebuggingRecorder::new();
    let snapshot = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let (_, store) = flaky(&[]);
            let game = game();
            store.append(&game, ExpectedVersion::Any, Noted::many(0)).await.unwrap_err();
            store.transaction().commit().await.unwrap_err();
            let operator = store.all_tenants();
            operator.append(&game, ExpectedVersion::Any, Noted::many(1)).await.unwrap_err();
            operator.archive_stream(&game, ExpectedVersion::Any).await.unwrap_err();
            operator.link(&game, ExpectedVersion::Any, [EventId::new()]).await.unwrap_err();
            store.recover::<GameSession>(&game).await.unwrap_err();
            let past_the_end = StartFrom::After(Position::new(7));
            store.subscribe(past_the_end, Filter::all()).await.unwrap_err();
            store.copy_to(&store).await.unwrap();
        });
    });
    let seen = recorded(&snapshot);
    for wanted in [
        "operation=append,adapter=flaky,result=error,code=invalid_event_data} 2 values",
        "operation=transaction,adapter=flaky,result=error,code=invalid_event_data} 1 values",
        "operation=archive_stream,adapter=flaky,result=error,code=invalid_event_data} 1 values",
        "operation=link,adapter=flaky,result=error,code=invalid_event_data} 1 values",
        "operation=recover,adapter=flaky,result=error,code=stream_not_found} 1 values",
        "operation=subscribe,adapter=flaky,result=error,code=log_diverged} 1 values",
        "operation=copy,adapter=flaky,result=ok} 1 values",
    ] {
        let wanted = format!("event_store_operation_seconds{{{wanted}");
        assert!(seen.contains(&wanted), "{wanted} is not in {seen:#?}");
    }
}

#[test]
fn refusals_of_durable_subscriptions_are_measured_under_the_name_of_the_call() {
    let recorder = DebuggingRecorder::new();
    let snapshot = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let store = EventStore::in_memory().unwrap();
            store.subscription("").open().await.unwrap_err();
            store.subscription("a").partitions(0).open().await.unwrap_err();
            let past_the_end = StartFrom::After(Position::new(7));
            store.subscription("a").start_from(past_the_end).open().await.unwrap_err();
            store.subscription("a").open().await.unwrap().close().await.unwrap();
            store.subscription("a").partitions(2).open().await.unwrap_err();
            store.subscription("a").reset(past_the_end).await.unwrap_err();
            let unnamed = store.subscription("");
            unnamed.pause().await.unwrap_err();
            unnamed.resume().await.unwrap_err();
            unnamed.delete().await.unwrap_err();
            unnamed.parked().await.unwrap_err();
            unnamed.replay(None).await.unwrap_err();
        });
    });
    let seen = recorded(&snapshot);
    let of = |operation: &str, code: &str, count: u32| {
        let labels = format!("operation={operation},adapter=memory,result=error,code={code}");
        let wanted = format!("event_store_operation_seconds{{{labels}}} {count} values");
        assert!(seen.contains(&wanted), "{wanted} is not in {seen:#?}");
    };
    of("open_subscription", "log_diverged", 1);
    of("reset_subscription", "log_diverged", 1);
    let (invalid, conflict) = ("invalid_subscription", "subscription_conflict");
    of("open_subscription", invalid, 2);
    of("open_subscription", conflict, 1);
    for call in ["pause", "resume", "delete"] {
        of(&format!("{call}_subscription"), invalid, 1);
    }
    of("list_parked", invalid, 1);
    of("replay_parked", invalid, 1);
}

fn recorded(snapshot: &Snapshotter) -> Vec<String> {
    let entries = snapshot.snapshot().into_vec().into_iter();
    let lines = entries.map(|(key, _, _, value)| {
        let labels: Vec<_> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(values) => format!("{} values", values.len()),
        };
        format!("{}{{{}}} {value}", key.key().name(), labels.join(","))
    });
    lines.collect()
}

#[test]
fn logs_name_the_tenant_and_the_rest_of_the_scope() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // Global: a subscriber of one thread misses call sites that another thread registered first.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (_, store) = flaky(&[Lost]);
        let guild = Scope::tenant(Tenant::new("98").unwrap()).correlation("c-1").actor("ann");
        let guild = store.with_scope(guild);
        guild.append(&game(), ExpectedVersion::NoStream, Noted::many(1)).await.unwrap();
        guild.append(&game(), ExpectedVersion::NoStream, Noted::many(1)).await.unwrap_err();
        store.stream_version(&game()).await.unwrap();
    });
    let log = log.text();
    for text in [
        r#"tenant="98""#,
        r#"correlation_id="c-1""#,
        r#"actor_id="ann""#,
        "stream_id=game-1",
        "trying again",
        "completed successfully",
        r#"code="wrong_expected_version""#,
        r#"tenant="default""#,
    ] {
        assert!(log.contains(text), "`{text}` is not in:\n{log}");
    }
    // A lost race is the ordinary business of an application, a lost connection is not.
    let level_of = |text: &str| {
        let line = log.lines().find(|line| line.contains(text)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(level_of(r#"code="wrong_expected_version""#), "DEBUG");
    assert_eq!(level_of("trying again"), "WARN");
}

/// Captures the log of a test.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
