//! How a durable subscription handles events: its window, its checkpoints, and what becomes of what cannot be handled.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::Error;
use crate::store::RetryPolicy;

/// What becomes of an event that cannot be handled. Nothing is left out unless it is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// The subscription stops before it, and says why; opened again, it starts with it.
    #[default]
    Stop,
    /// It is put aside with its error, to be looked at and handled again, and the subscription goes on.
    Park,
    /// It is left out, and counted.
    Skip,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) partitions: u32,
    pub(super) window: usize,
    pub(super) checkpoint_every: u64,
    pub(super) checkpoint_interval: Duration,
    pub(super) lease: Duration,
    pub(super) handle_within: Duration,
    pub(super) retry: RetryPolicy,
    pub(super) on_failing: OnFailure,
    pub(super) on_undecodable: OnFailure,
    pub(super) on_future: OnFailure,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            partitions: 1,
            window: 1_000,
            checkpoint_every: 100,
            checkpoint_interval: Duration::from_millis(200),
            lease: Duration::from_secs(10),
            handle_within: Duration::from_mins(5),
            retry: RetryPolicy::default(),
            on_failing: OnFailure::Stop,
            on_undecodable: OnFailure::Stop,
            on_future: OnFailure::Stop,
        }
    }
}

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Again(Duration),
    Finally(OnFailure),
}

impl Settings {
    /// Judges the failure of a try, counted from 1. What this binary cannot read is not tried again: it stays so.
    pub(super) fn judge(&self, error: &(dyn StdError + 'static), attempt: u32) -> Verdict {
        match unreadable(error) {
            Some(Error::FromTheFuture { .. }) => Verdict::Finally(self.on_future),
            Some(_) => Verdict::Finally(self.on_undecodable),
            None if attempt > self.retry.get_retries() => Verdict::Finally(self.on_failing),
            None => Verdict::Again(self.retry.delay(attempt.saturating_sub(1))),
        }
    }
}

/// The error of decoding a stored event, if that is the cause of a failure.
fn unreadable<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
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
