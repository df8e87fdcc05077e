//! [`StoreThread`]: a thread of the store's own, where everything runs that holds the write lock or that others wait for.
//!
//! A future that holds the write lock goes on only when it is polled. On the caller's runtime that is when the caller
//! lets it: one that sleeps on its only thread would keep every other thread's appends waiting, and one that ends would
//! take the tasks of all others with it.

use std::future::Future;
use std::panic::resume_unwind;

use event_core::{Error, Result};
use event_sql::error::closed;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Instrument;
use tracing::instrument::WithSubscriber;

/// The thread, and the runtime on it. It ends once the store is dropped.
pub(crate) struct StoreThread {
    runtime: Handle,
    _end: oneshot::Sender<()>,
}

impl StoreThread {
    pub(crate) fn start() -> Result<Self> {
        let failed = |error| Error::adapter("start the thread of the store", error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let work = move || {
            // It is never sent, only dropped.
            let _ = runtime.block_on(ended);
        };
        std::thread::Builder::new().name("event-sqlite".into()).spawn(work).map_err(failed)?;
        Ok(Self { runtime: handle, _end: end })
    }

    /// The runtime, for tasks that belong to no caller.
    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Runs a future of a caller's. If the caller drops this one, it is dropped as well.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let work = work.in_current_span().with_current_subscriber();
        let mut task = Task(self.runtime.spawn(work));
        match (&mut task.0).await {
            Ok(answer) => Ok(answer),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => Err(closed(operation)),
        }
    }
}

/// A task that ends with its caller.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
