//! [`Sampler`]: asks the store for its state every few seconds, so that the overview shows a history and no page waits for
//! a store that does not answer. What it asks for costs the same whatever the store holds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use event_core::health::Health;
use event_core::subscription::SubscriptionInfo;
use event_core::{AllOptions, BatchSize, Error, EventStore, RecordedEvent, Result};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The points of a history.
const POINTS: usize = 360;
/// How long the store has for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The latest events that the history begins with.
const LOOK_BACK: u32 = 2_000;

/// Asks the store for its state.
pub(crate) struct Sampler {
    store: EventStore,
    every: Duration,
    kept: Mutex<Kept>,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    history: VecDeque<Point>,
    latest: Option<Arc<Sample>>,
    /// The last one that the store answered.
    answered: Option<Arc<Sample>>,
    is_running: bool,
}

/// The store at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) at: DateTime<Utc>,
    /// The last position; `None` if the store did not answer.
    pub(crate) head: Option<u64>,
    /// The lag of the subscription that is furthest behind.
    pub(crate) lag: Option<u64>,
}

/// What the store answered.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: DateTime<Utc>,
    pub(crate) head: u64,
    pub(crate) health: Option<Health>,
    pub(crate) subscriptions: Vec<SubscriptionInfo>,
    /// Why the store did not answer: the error's code.
    pub(crate) away: Option<&'static str>,
}

impl Sampler {
    pub(crate) fn new(store: EventStore, every: Duration) -> Arc<Self> {
        let (kept, asking) = (Mutex::default(), tokio::sync::Mutex::new(()));
        Arc::new(Self { store, every, kept, asking })
    }

    /// The state of now: at most one interval old.
    pub(crate) async fn latest(self: &Arc<Self>) -> Arc<Sample> {
        self.start();
        if let Some(sample) = self.recent() {
            return sample;
        }
        let _one = self.asking.lock().await;
        match self.recent() {
            Some(sample) => sample,
            None => self.ask().await,
        }
    }

    /// The last state that the store answered, which may be old.
    pub(crate) fn answered(&self) -> Option<Arc<Sample>> {
        self.kept().answered.clone()
    }

    pub(crate) fn history(&self) -> Vec<Point> {
        self.kept().history.iter().copied().collect()
    }

    /// What is known of the store without asking it.
    pub(crate) fn away(&self) -> Option<(&'static str, DateTime<Utc>)> {
        let kept = self.kept();
        let latest = kept.latest.as_ref()?;
        let since = kept.answered.as_ref().map_or(latest.at, |answered| answered.at);
        latest.away.map(|code| (code, since))
    }

    /// Starts the task, which ends with the console.
    fn start(self: &Arc<Self>) {
        let mut kept = self.kept();
        if !kept.is_running {
            kept.is_running = true;
            tokio::spawn(run(Arc::downgrade(self), self.every));
        }
    }

    fn recent(&self) -> Option<Arc<Sample>> {
        let latest = self.kept().latest.clone()?;
        // A store that did not answer is asked again sooner.
        let most = if latest.away.is_some() {
            self.every.min(Duration::from_secs(1))
        } else {
            self.every.saturating_mul(2)
        };
        let age = (Utc::now() - latest.at).to_std().unwrap_or_default();
        (age < most).then_some(latest)
    }

    async fn ask(&self) -> Arc<Sample> {
        let is_first = self.kept().history.is_empty();
        let answer = timeout(PATIENCE, self.question()).await;
        let sample = match answer {
            Ok(Ok(sample)) => sample,
            Ok(Err(error)) => without_answer(error.code()),
            Err(_) => without_answer("timeout"),
        };
        let past = match (is_first, sample.away) {
            (true, None) => self.look_back(sample.head).await,
            _ => Vec::new(),
        };
        self.keep(sample, past)
    }

    async fn question(&self) -> Result<Sample> {
        let head = self.store.head().await?.get();
        let health = self.store.health().await?;
        let subscriptions = supported(self.store.subscriptions().await)?.unwrap_or_default();
        let at = Utc::now();
        Ok(Sample { at, head, health: Some(health), subscriptions, away: None })
    }

    /// The history before the console was started, as far as the latest events tell.
    async fn look_back(&self, head: u64) -> Vec<Point> {
        let Ok(limit) = BatchSize::new(LOOK_BACK) else { return Vec::new() };
        let options = AllOptions::new().last(limit).limit_bytes(4 << 20);
        let Ok(Ok(events)) = timeout(PATIENCE, self.store.read_all(options)).await else {
            return Vec::new();
        };
        let now = Utc::now();
        let step = TimeDelta::from_std(self.every).unwrap_or_else(|_| TimeDelta::seconds(5));
        let Some(oldest) = events.last().map(RecordedEvent::recorded_at) else {
            return Vec::new();
        };
        let mut points = Vec::new();
        let (mut next, mut newest_first) = (now.checked_sub_signed(step), events.iter().peekable());
        while points.len() < POINTS / 2
            && let Some(at) = next.filter(|at| *at >= oldest)
        {
            while newest_first.peek().is_some_and(|event| event.recorded_at() > at) {
                newest_first.next();
            }
            let position = newest_first.peek().map(|event| event.position().get().min(head));
            points.push(Point { at, head: position, lag: None });
            next = at.checked_sub_signed(step);
        }
        points.reverse();
        points
    }

    fn keep(&self, sample: Sample, past: Vec<Point>) -> Arc<Sample> {
        let sample = Arc::new(sample);
        let is_away = sample.away.is_some();
        let lag = sample.subscriptions.iter().map(|it| it.lag).max();
        let point = Point {
            at: sample.at,
            head: (!is_away).then_some(sample.head),
            lag: lag.filter(|_| !is_away),
        };
        let mut kept = self.kept();
        let was_away = kept.latest.as_ref().is_some_and(|latest| latest.away.is_some());
        match sample.away {
            Some(code) if !was_away => {
                tracing::warn!(target: "event_console", code, "the store does not answer");
            }
            None if was_away => tracing::info!(target: "event_console", "the store answers again"),
            _ => {}
        }
        kept.history.extend(past);
        kept.history.push_back(point);
        while kept.history.len() > POINTS {
            kept.history.pop_front();
        }
        if !is_away {
            kept.answered = Some(Arc::clone(&sample));
        }
        kept.latest = Some(Arc::clone(&sample));
        sample
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run(sampler: Weak<Sampler>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(sampler) = sampler.upgrade() else { return };
        let _one = sampler.asking.lock().await;
        sampler.ask().await;
    }
}

fn without_answer(code: &'static str) -> Sample {
    Sample { at: Utc::now(), head: 0, health: None, subscriptions: Vec::new(), away: Some(code) }
}

/// `None` from a backend that does not have it.
fn supported<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Unsupported { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
