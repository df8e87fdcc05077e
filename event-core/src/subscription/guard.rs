//! [`guarded`]: runs user code that may panic, and turns the panic into an error.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::BoxError;

/// Runs a handler; a panic in the call or while its future is polled becomes an error. The handler's own state may be
/// broken afterwards.
pub(crate) async fn guarded<W, E>(call: impl FnOnce() -> W) -> Result<(), BoxError>
where
    W: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let called = catch_unwind(AssertUnwindSafe(call));
    let mut handling = pin!(called.map_err(|panic| panicked("the handler", &*panic))?);
    let result = poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(Into::into)),
            Err(panic) => Poll::Ready(Err(panicked("the handler", &*panic))),
        }
    });
    result.await
}

/// The error of a panic in user code.
pub(crate) fn panicked(what: &str, panic: &(dyn Any + Send)) -> BoxError {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("{what} panicked: {}", message.unwrap_or("without a message")).into()
}
