//! Which streams hold links: a subscription to one would wait for ever.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{StreamId, Tenant};

/// How long an answer of the backend is trusted, so that many subscriptions that start together cost few questions.
const TRUSTED: Duration = Duration::from_millis(500);
/// Answers kept at most.
const MAX_ANSWERS: usize = 1_000;

/// The streams asked about lately.
#[derive(Debug, Default)]
pub(super) struct LinkStreams(Mutex<HashMap<(Option<Tenant>, StreamId), Answer>>);

/// Whether a stream holds links, and when that was asked.
#[derive(Debug, Clone, Copy)]
struct Answer {
    asked: Instant,
    holds_links: bool,
}

impl EventStore {
    /// Whether a stream holds links now. A stream that does not exist holds none, and neither does one of several tenants,
    /// whose events are all wanted.
    pub(crate) async fn holds_links(&self, stream_id: &StreamId) -> Result<bool> {
        let cache = &self.shared.link_streams.0;
        let key = (self.view.tenant().cloned(), stream_id.clone());
        let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if let Some(answer) = known.filter(|answer| answer.asked.elapsed() < TRUSTED) {
            return Ok(answer.holds_links);
        }
        let asked = Instant::now();
        let holds_links = match self.stream_info(stream_id).await {
            Ok(info) => info.holds_links,
            Err(Error::StreamNotFound { .. } | Error::AmbiguousStream { .. }) => false,
            Err(error) => return Err(error),
        };
        let mut answers = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_ANSWERS {
            answers.clear();
        }
        answers.insert(key, Answer { asked, holds_links });
        Ok(holds_links)
    }
}
