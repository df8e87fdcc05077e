//! [`Operation`]: runs one public call of a store with its span, its metrics and its retries.
//!
//! The names of the metrics are stable: `event_store_operation_seconds{operation,adapter,result}`,
//! `event_store_retries_total{operation}`, `event_store_events_appended_total`.

use std::time::Instant;

use tracing::{Instrument, Span};

use crate::adapter::BoxFuture;
use crate::error::Result;
use crate::store::RetryPolicy;
use crate::value::{Escaped, Scope, StreamId};

/// A call: its name, the scope it runs in, and the stream it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    pub(crate) adapter: &'static str,
    pub(crate) scope: &'a Scope,
    pub(crate) stream_id: Option<&'a StreamId>,
    pub(crate) policy: &'a RetryPolicy,
}

impl Operation<'_> {
    /// Runs `attempt`, with the number of earlier attempts, until it succeeds, fails permanently, or the policy ends the
    /// retries.
    pub(crate) async fn run<'f, T>(
        self,
        mut attempt: impl FnMut(u32) -> BoxFuture<'f, Result<T>> + Send,
    ) -> Result<T> {
        let started = Instant::now();
        let result = self.run_attempts(started, &mut attempt).instrument(self.span()).await;
        let outcome = if result.is_ok() { "ok" } else { "error" };
        metrics::histogram!(
            "event_store_operation_seconds",
            "operation" => self.name, "adapter" => self.adapter, "result" => outcome
        )
        .record(started.elapsed());
        result
    }

    async fn run_attempts<'f, T>(
        &self,
        started: Instant,
        attempt: &mut (impl FnMut(u32) -> BoxFuture<'f, Result<T>> + Send),
    ) -> Result<T> {
        let mut retries = 0;
        loop {
            let error = match attempt(retries).await {
                Ok(value) => {
                    tracing::debug!(retries, "completed successfully");
                    return Ok(value);
                }
                Err(error) => error,
            };
            let pause = error.is_transient().then(|| self.policy.next(retries, started)).flatten();
            let Some(pause) = pause else {
                tracing::warn!(retries, error = %error, code = error.code(), "failed");
                return Err(error.retries(retries).in_scope(self.scope));
            };
            retries += 1;
            tracing::warn!(retries, left = self.policy.get_retries() - retries, error = %error, "trying again");
            metrics::counter!("event_store_retries_total", "operation" => self.name).increment(1);
            tokio::time::sleep(pause).await;
        }
    }

    fn span(&self) -> Span {
        let Scope { tenant, correlation_id, causation_id, actor_id } = self.scope;
        tracing::info_span!(
            "event_store",
            operation = self.name,
            adapter = self.adapter,
            tenant = tenant.as_str(),
            stream_id = self.stream_id.map(|id| tracing::field::display(Escaped(id.as_str()))),
            correlation_id,
            causation_id,
            actor_id,
        )
    }
}
