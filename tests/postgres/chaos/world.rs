//! [`World`]: what all tasks of a run share. What was acknowledged, what was declared lost, and what was found wrong.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use event_core::error::{SubscriptionError, with_causes};
use event_core::{Category, Error, EventId};

/// No wait of a run is longer: generous, since other programs may use the machine.
pub(super) const LONG: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(10);

/// An acknowledged append.
#[derive(Debug)]
pub(super) struct Ack {
    pub(super) ids: Vec<EventId>,
    /// How many losses of commits there had been when it began.
    pub(super) losses: usize,
}

/// What all tasks of a run share.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Writers end.
    pub(super) stop: AtomicBool,
    /// Appends that were acknowledged.
    pub(super) appends: AtomicU64,
    pub(super) acks: Mutex<Vec<Ack>>,
    /// The ids that survived each loss of commits, as read before any client could reach the new server.
    pub(super) survivors: Mutex<Vec<HashSet<EventId>>>,
    /// The sequence of positions was moved back and not repaired yet: the store may refuse everything, in its own words.
    pub(super) is_sequence_behind: AtomicBool,
    /// How often readers ended with an error that says that the log is another one.
    pub(super) diverged: AtomicU64,
    violations: Mutex<BTreeMap<&'static str, Vec<String>>>,
    found: AtomicUsize,
}

impl World {
    /// How often commits were lost up to now.
    pub(super) fn losses(&self) -> usize {
        self.survivors.lock().unwrap().len()
    }

    /// Records an append that was acknowledged.
    pub(super) fn acknowledged(&self, ids: Vec<EventId>, losses: usize) {
        self.acks.lock().unwrap().push(Ack { ids, losses });
        self.appends.fetch_add(1, Ordering::SeqCst);
    }

    /// Records a breach of a promise.
    pub(super) fn violation(&self, kind: &'static str, what: impl Into<String>) {
        let what = what.into();
        eprintln!("chaos: violation: {kind}: {what}");
        self.found.fetch_add(1, Ordering::SeqCst);
        self.violations.lock().unwrap().entry(kind).or_default().push(what);
    }

    /// The breaches by kind.
    pub(super) fn violations(&self) -> BTreeMap<&'static str, Vec<String>> {
        self.violations.lock().unwrap().clone()
    }

    /// An append failed: transient errors and conflicts are part of the deal, anything else is not.
    pub(super) fn refused(&self, writer: &str, error: &Error) {
        let is_tolerated = self.is_sequence_behind.load(Ordering::SeqCst);
        if !error.is_transient() && error.category() != Category::Concurrency && !is_tolerated {
            let what = format!("{writer}: {} ({})", with_causes(error), error.code());
            self.violation("append refused for good", what);
        }
    }

    /// A reader ended, or could not begin: only a log that is another one is a reason to.
    pub(super) fn ended(&self, reader: &str, error: &Error) {
        if matches!(error, Error::LogDiverged { .. }) {
            self.diverged.fetch_add(1, Ordering::SeqCst);
            eprintln!("chaos: {reader}: {}", with_causes(error));
        } else if self.losses() > 0 && is_not_found(error) {
            // The commit that created the subscription was lost with others.
            eprintln!("chaos: {reader}: {}", with_causes(error));
        } else if !self.is_sequence_behind.load(Ordering::SeqCst) {
            self.violation("reader ended", format!("{reader}: {}", with_causes(error)));
        }
    }

    /// Waits until some more appends were acknowledged, which every fault must leave possible.
    pub(super) async fn appends_go_on(&self, more: u64, after: &str) {
        let goal = self.appends.load(Ordering::SeqCst) + more;
        if !until(LONG, || self.appends.load(Ordering::SeqCst) >= goal).await {
            self.violation("appends stand still", format!("after {after}"));
        }
    }
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Subscription(SubscriptionError::NotFound { .. }))
}

/// Waits until a condition holds; whether it did in time.
pub(super) async fn until(at_most: Duration, mut holds: impl FnMut() -> bool) -> bool {
    until_async(at_most, async || holds()).await
}

/// Waits until an asynchronous condition holds; whether it did in time.
pub(super) async fn until_async(at_most: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let start = Instant::now();
    while !holds().await {
        if start.elapsed() > at_most {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}
