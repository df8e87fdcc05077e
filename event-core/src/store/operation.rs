//! [`Operation`]: runs one public call of a store with its span, its metrics and its retries.
//!
//! The names of the metrics are stable: `event_store_operation_seconds{operation,adapter,result}`, with the label `code` where
//! the result is `error`, `event_store_retries_total{operation}`, `event_store_events_appended_total`.

use std::future::Future;
use std::time::Instant;

use tracing::{Instrument, Span};

use crate::adapter::BoxFuture;
use crate::error::{Category, Error, Result};
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
        self.record(self.run_attempts(Instant::now(), &mut attempt)).await
    }

    /// Runs a call that consists of other operations, which have retries of their own.
    pub(crate) async fn observe<T>(self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let logged = async { call.await.inspect_err(|error| log(error, 0)) };
        self.record(logged).await
    }

    /// Reports a call that is refused before anything is sent, like one that the backend refuses.
    pub(crate) fn refuse(self, error: Error) -> Error {
        let error = error.in_scope(self.scope);
        self.span().in_scope(|| log(&error, 0));
        self.measure(Instant::now(), Some(&error));
        error
    }

    /// Passes on what a check before the call returned, and reports its refusal.
    pub(crate) fn check<T, E: Into<Error>>(self, checked: Result<T, E>) -> Result<T> {
        checked.map_err(|error| self.refuse(error.into()))
    }

    async fn record<T>(self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let result = call.instrument(self.span()).await;
        self.measure(started, result.as_ref().err());
        result
    }

    fn measure(self, started: Instant, error: Option<&Error>) {
        let Self { name, adapter, .. } = self;
        match error {
            None => {
                metrics::histogram!("event_store_operation_seconds", "operation" => name, "adapter" => adapter, "result" => "ok")
            }
            Some(error) => metrics::histogram!(
                "event_store_operation_seconds",
                "operation" => name, "adapter" => adapter, "result" => "error", "code" => error.code()
            ),
        }
        .record(started.elapsed());
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
                log(&error, retries);
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

/// Logs why a call failed. Lost races and missing streams are the ordinary business of an application: it handles them.
fn log(error: &Error, retries: u32) {
    let code = error.code();
    if error.category() == Category::Concurrency {
        tracing::debug!(retries, error = %error, code, "refused");
    } else {
        tracing::warn!(retries, error = %error, code, "failed");
    }
}
