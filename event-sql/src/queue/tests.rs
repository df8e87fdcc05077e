//! The queue against a store that records the batches.

use std::time::Duration;

use event_core::adapter::append::StreamAppend;
use event_core::{ExpectedVersion, Outcome, Position, StreamVersion};
use tokio::time::{Instant, sleep};

use super::*;

const LIMITS: Limits = Limits {
    lanes: 2,
    batch: 4,
    batch_bytes: 100,
    waiting: 8,
    streams: Streams::Distinct,
    detached: 1,
    bottleneck: "the test",
};

/// Records the batches, each of which takes a second. The stream `wrong` fails its batch, `panic` its lane,
/// `broken` is a transient failure. `locked` is skipped by its batch, and takes a minute alone.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<Vec<String>>>);

impl Recorder {
    async fn record(&self, commits: &[&Commit]) -> Result<()> {
        let names: Vec<_> =
            commits.iter().map(|it| it.appends[0].stream_id.as_str().to_owned()).collect();
        self.0.lock().unwrap().push(names.clone());
        sleep(Duration::from_secs(1)).await;
        let has = |name: &str| names.iter().any(|it| it == name);
        assert!(!has("panic"), "on purpose");
        match () {
            () if has("wrong") => Err(Error::adapter(APPEND, "wrong")),
            () if has("broken") => Err(Error::overloaded(APPEND, "broken")),
            () => Ok(()),
        }
    }
}

fn stored() -> Vec<Appended> {
    let (stream_version, position) = (StreamVersion::new(1), Position::new(1));
    vec![Appended { stream_version, position, outcome: Outcome::Stored }]
}

impl BatchStore for Recorder {
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Option<Answer>>, Failure> {
        self.record(commits).await?;
        let is_locked = |commit: &Commit| commit.appends[0].stream_id.as_str() == "locked";
        Ok(commits.iter().map(|it| (!is_locked(it)).then(|| Ok(stored()))).collect())
    }

    async fn store_one(&self, commit: &Commit) -> Answer {
        self.record(&[commit]).await?;
        if commit.appends[0].stream_id.as_str() == "locked" {
            sleep(Duration::from_mins(1)).await;
        }
        Ok(stored())
    }
}

fn commit(stream: &str) -> Commit {
    let append = StreamAppend {
        stream_id: StreamId::new(stream).unwrap(),
        expected: ExpectedVersion::Any,
        events: Vec::new(),
    };
    let tenant = Tenant::new("t").unwrap();
    Commit { tenant, appends: vec![append], stream_limit: None, retry: false }
}

/// Sends commits at the same moment; the codes of the answers, in order.
async fn send(queue: &Arc<Queue<Recorder>>, streams: &[(&str, usize)]) -> Vec<&'static str> {
    let mut tasks = Vec::new();
    for (stream, bytes) in streams {
        let (queue, commit, bytes) = (Arc::clone(queue), commit(stream), *bytes);
        tasks.push(tokio::spawn(async move { queue.commit(&commit, bytes).await }));
    }
    let mut codes = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        codes.push(answer.as_ref().map_or_else(Error::code, |_| "stored"));
    }
    codes
}

fn queue(limits: Limits) -> Arc<Queue<Recorder>> {
    Arc::new(Queue::new(Recorder::default(), limits))
}

fn batches(queue: &Queue<Recorder>) -> Vec<String> {
    queue.store().0.lock().unwrap().iter().map(|batch| batch.join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_flight_once() {
    let queue = queue(LIMITS);
    let began = Instant::now();
    let codes = send(&queue, &[("a", 1), ("a", 1), ("b", 1), ("c", 1)]).await;
    assert_eq!(codes, ["stored"; 4]);
    assert_eq!(batches(&queue), ["a b c", "a"]);
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shared_stream_may_be_in_a_batch_several_times() {
    let queue = queue(Limits { streams: Streams::Shared, lanes: 1, ..LIMITS });
    send(&queue, &[("a", 1), ("a", 1), ("b", 1)]).await;
    assert_eq!(batches(&queue), ["a a b"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_limited_by_count_and_by_bytes() {
    let queue = queue(Limits { lanes: 1, ..LIMITS });
    send(&queue, &[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]).await;
    send(&queue, &[("a", 60), ("b", 60), ("c", 1), ("d", 500)]).await;
    assert_eq!(batches(&queue), ["a b c d", "e", "a", "b c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_stored_one_by_one_unless_the_failure_is_transient() {
    let queue = queue(LIMITS);
    let codes = send(&queue, &[("a", 1), ("wrong", 1)]).await;
    assert_eq!(codes, ["stored", "adapter_error"]);
    assert_eq!(batches(&queue), ["a wrong", "a", "wrong"]);
    let codes = send(&queue, &[("b", 1), ("broken", 1)]).await;
    assert_eq!(codes, ["overloaded", "overloaded"]);
    assert_eq!(batches(&queue).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_the_limit_are_refused() {
    let queue = queue(Limits { waiting: 2, ..LIMITS });
    let codes = send(&queue, &[("a", 1), ("a", 1), ("a", 1)]).await;
    assert_eq!(codes, ["stored", "stored", "overloaded"]);
}

#[tokio::test(start_paused = true)]
async fn the_outcome_is_unknown_when_the_last_lane_ends() {
    let queue = queue(Limits { lanes: 1, ..LIMITS });
    let codes = send(&queue, &[("panic", 1), ("panic", 1), ("a", 1)]).await;
    assert_eq!(codes, ["connection_error"; 3]);
    assert_eq!(send(&queue, &[("a", 1)]).await, ["stored"], "the next request opens a lane");
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_is_queued_and_refuses_the_rest() {
    let queue = queue(LIMITS);
    let early = send(&queue, &[("a", 1), ("a", 1)]);
    let close = async {
        tokio::task::yield_now().await;
        queue.drain().await;
        assert_eq!(batches(&queue), ["a", "a"]);
    };
    let (codes, ()) = tokio::join!(early, close);
    assert_eq!(codes, ["stored", "stored"]);
    assert_eq!(send(&queue, &[("a", 1)]).await, ["adapter_error"]);
}

#[tokio::test(start_paused = true)]
async fn a_locked_stream_delays_only_its_own_requests() {
    for first in [&[("locked", 1)][..], &[("locked", 1), ("a", 1)]] {
        let queue = queue(Limits { lanes: 1, ..LIMITS });
        let began = Instant::now();
        let locked = tokio::spawn({
            let (queue, first) = (Arc::clone(&queue), first.to_vec());
            async move { send(&queue, &first).await }
        });
        tokio::task::yield_now().await;
        let behind = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { send(&queue, &[("locked", 1)]).await }
        });
        sleep(Duration::from_millis(100)).await;
        assert_eq!(send(&queue, &[("b", 1), ("c", 1)]).await, ["stored"; 2]);
        // Also to a stream that was in the batch of the locked one.
        assert_eq!(send(&queue, &[("a", 1)]).await, ["stored"]);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(!locked.is_finished());
        assert_eq!(locked.await.unwrap(), vec!["stored"; first.len()]);
        assert_eq!(behind.await.unwrap(), ["stored"]);
        queue.drain().await;
        assert!(began.elapsed() >= Duration::from_mins(2), "one after the other");
    }
}
