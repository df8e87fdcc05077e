//! The settings of a durable subscription: window, checkpoints, leases, and the policies for events that cannot be
//! handled.

use std::error::Error as StdError;
use std::time::Duration;

use super::partitioning::Partitioning;
use crate::error::Error;
use crate::store::RetryPolicy;

/// The policy for an event that cannot be handled. No event is skipped unless a policy says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// The subscription stops before the event and returns the error; opened again, it starts with that event.
    #[default]
    Stop,
    /// The event is parked with its error, to be inspected and replayed, and the subscription continues.
    Park,
    /// The event is skipped and counted.
    Skip,
}

/// The settings of a subscription; documented on the methods of
/// [`DurableSubscription`](super::DurableSubscription) that set them.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) partitioning: Partitioning,
    pub(super) window: usize,
    pub(super) checkpoint_every: u64,
    pub(super) checkpoint_interval: Duration,
    pub(super) lease: Duration,
    pub(super) handle_within: Duration,
    pub(super) retry: RetryPolicy,
    /// A failed event holds up its stream only, not its partition.
    pub(super) retry_by_stream: bool,
    pub(super) on_failing: OnFailure,
    pub(super) on_undecodable: OnFailure,
    pub(super) on_future: OnFailure,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partitioning: Partitioning { count: 1, key: None },
            window: 1_000,
            checkpoint_every: 100,
            checkpoint_interval: Duration::from_millis(200),
            lease: Duration::from_secs(10),
            handle_within: Duration::from_mins(5),
            retry: RetryPolicy::default(),
            retry_by_stream: false,
            on_failing: OnFailure::Stop,
            on_undecodable: OnFailure::Stop,
            on_future: OnFailure::Stop,
        }
    }
}

/// What is done about a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The event is redelivered after a pause.
    Retry(Duration),
    Apply(OnFailure),
}

impl Settings {
    /// Judges the failure of an attempt, counted from 1. An event that this binary cannot decode is not retried: every
    /// attempt would fail.
    pub(super) fn judge(&self, error: &(dyn StdError + 'static), attempt: u32) -> Verdict {
        match decoding_error(error) {
            Some(Error::FromTheFuture { .. }) => Verdict::Apply(self.on_future),
            Some(_) => Verdict::Apply(self.on_undecodable),
            None if attempt > self.retry.get_retries() => Verdict::Apply(self.on_failing),
            None => Verdict::Retry(self.retry.delay(attempt.saturating_sub(1))),
        }
    }
}

/// Finds the error of decoding a stored event among the causes of a failure.
fn decoding_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    let mut causes = std::iter::successors(Some(error), |error: &&'e (dyn StdError + 'static)| {
        StdError::source(*error)
    });
    let ours = |error: &'e (dyn StdError + 'static)| error.downcast_ref::<Error>();
    causes.find_map(|error| {
        ours(error).filter(|error| {
            matches!(
                error,
                Error::FromTheFuture { .. }
                    | Error::Deserialization { .. }
                    | Error::UnknownEventType { .. }
                    | Error::Migration(_)
                    | Error::Corrupt { .. }
            )
        })
    })
}
