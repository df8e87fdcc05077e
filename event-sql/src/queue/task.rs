//! [`Task`]: a task of the queue that is spawned while the state is locked.

use std::pin::Pin;
use std::task::{Context, Poll};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A runtime that is shutting down drops what it is given at once, on the thread that spawns it: that thread holds the lock
/// of the state, which the guards of lanes and waiters take when they are dropped. So a task that never ran is dropped
/// on a thread of its own.
pub(super) struct Task {
    work: Option<Work>,
    has_run: bool,
}

impl Task {
    pub(super) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), has_run: false }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.has_run = true;
        match &mut self.work {
            Some(work) => work.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(work) = self.work.take().filter(|_| !self.has_run) {
            std::thread::spawn(move || drop(work));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Guard(Arc<Mutex<u32>>);

    impl Drop for Guard {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_task_that_never_ran_may_be_dropped_under_the_lock_that_it_takes() {
        let state = Arc::new(Mutex::new(0));
        let guard = Guard(Arc::clone(&state));
        let held = state.lock().unwrap();
        drop(Task::new(async move { drop(guard) }));
        drop(held);
        while *state.lock().unwrap() == 0 {
            std::thread::yield_now();
        }
    }
}
