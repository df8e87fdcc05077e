//! [`guarded`]: user code that may panic, run so that its panic is an error and nobody else's end.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::BoxError;

/// Runs a handler; a panic, while it begins or later, is an error. What it was called on may be broken afterwards.
pub(crate) async fn guarded<W, E>(call: impl FnOnce() -> W) -> Result<(), BoxError>
where
    W: Future<Output = Result<(), E>>,
    E: Into<BoxError>,
{
    let begun = catch_unwind(AssertUnwindSafe(call));
    let mut handling = pin!(begun.map_err(|panic| panicked(&*panic))?);
    let answer = poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(answer)) => Poll::Ready(answer.map_err(Into::into)),
            Err(panic) => Poll::Ready(Err(panicked(&*panic))),
        }
    });
    answer.await
}

fn panicked(panic: &(dyn Any + Send)) -> BoxError {
    let words = panic.downcast_ref::<&str>().copied();
    let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", words.unwrap_or("without words")).into()
}
