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
    waiters: 1,
    patience: Duration::from_secs(30),
    bottleneck: "the test",
};

/// Records the batches, each of which takes a second. The stream `wrong` fails its batch, `panic` its lane,
/// `broken` is a transient failure. What starts with `locked` is locked for the first minute.
#[derive(Debug)]
struct Recorder(Mutex<Vec<Vec<String>>>, Instant);

fn is_locked(commit: &Commit, since: Instant) -> bool {
    let name = commit.appends[0].stream_id.as_str();
    name.starts_with("locked") && since.elapsed() < Duration::from_mins(1)
}

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
    async fn store_batch(&self, commits: &[&Commit]) -> Result<Vec<Reply>, Failure> {
        self.record(commits).await?;
        let reply = |commit| {
            if is_locked(commit, self.1) { Reply::Locked } else { Reply::Done(Ok(stored())) }
        };
        Ok(commits.iter().map(|commit| reply(commit)).collect())
    }

    async fn store_one(&self, commit: &Commit, wait: Duration) -> Option<Answer> {
        if is_locked(commit, self.1) {
            sleep(wait).await;
            return None;
        }
        let recorded = self.record(&[commit]).await;
        Some(recorded.map(|()| stored()))
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
    Arc::new(Queue::new(Recorder(Mutex::default(), Instant::now()), limits))
}

fn batches(queue: &Queue<Recorder>) -> Vec<String> {
    queue.store().0.lock().unwrap().iter().map(|batch| batch.join(" ")).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_stream_travel_together_in_one_batch_at_a_time() {
    let queue = queue(LIMITS);
    let began = Instant::now();
    let first = [("a", 1), ("a", 1), ("b", 1), ("c", 1), ("a", 1), ("d", 1), ("a", 1)];
    assert_eq!(send(&queue, &first).await, ["stored"; 7]);
    assert_eq!(batches(&queue), ["a a b c", "d", "a a"]);
    assert_eq!(began.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_third_lane_is_opened_only_when_enough_requests_wait() {
    let queue = queue(Limits { lanes: 4, batch: 16, waiting: 64, ..LIMITS });
    let began = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..10 {
        let (shared, commit) = (Arc::clone(&queue), commit(&format!("s{n}")));
        tasks.push(tokio::spawn(async move { shared.commit(&commit, 1).await }));
        sleep(Duration::from_millis(10)).await;
        let stored = batches(&queue).len();
        assert_eq!(stored, (n + 1).min(if n < 9 { 2 } else { 3 }), "after request {n}");
    }
    for task in tasks {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(batches(&queue), ["s0", "s1", "s2 s3 s4 s5 s6 s7 s8 s9"]);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn many_locked_streams_delay_only_their_own_requests() {
    let queue = queue(Limits { waiting: 16, patience: Duration::from_secs(20), ..LIMITS });
    let began = Instant::now();
    let locked: Vec<_> = (0..7)
        .map(|n| {
            let (queue, commit) = (Arc::clone(&queue), commit(&format!("locked-{n}")));
            tokio::spawn(async move { queue.commit(&commit, 1).await })
        })
        .collect();
    sleep(Duration::from_secs(2)).await;
    for _ in 0..5 {
        assert_eq!(send(&queue, &[("a", 1), ("b", 1), ("a", 1)]).await, ["stored"; 3]);
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    for task in locked {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.code(), "overloaded", "the lock outlasts the patience");
    }
    assert_eq!(send(&queue, &[("locked-1", 1)]).await, ["overloaded"]);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(send(&queue, &[("locked-1", 1)]).await, ["stored"]);
    queue.drain().await;
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
        assert_eq!(batches(&queue), ["a a"]);
    };
    let (codes, ()) = tokio::join!(early, close);
    assert_eq!(codes, ["stored", "stored"]);
    assert_eq!(send(&queue, &[("a", 1)]).await, ["adapter_error"]);
}
