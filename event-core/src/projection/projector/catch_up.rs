//! [`CatchUp`]: the options of [`Projector::catch_up`].

use std::fmt;
use std::future::IntoFuture;

use super::{Progress, ProjectionTables, Projector};
use crate::adapter::BoxFuture;
use crate::error::Result;

/// A projector that is about to write everything up to now; await it.
#[must_use = "nothing is written before it is awaited"]
pub struct CatchUp<'p, T> {
    projector: &'p mut Projector<T>,
    report: Box<dyn FnMut(Progress) + Send + 'p>,
}

impl<'p, T> CatchUp<'p, T> {
    pub(super) fn new(projector: &'p mut Projector<T>) -> Self {
        Self { projector, report: Box::new(|_| {}) }
    }

    /// Sets what is called with the progress after each transaction.
    pub fn progress(mut self, report: impl FnMut(Progress) + Send + 'p) -> Self {
        self.report = Box::new(report);
        self
    }
}

impl<'p, T: ProjectionTables> IntoFuture for CatchUp<'p, T> {
    type Output = Result<u64>;
    type IntoFuture = BoxFuture<'p, Result<u64>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move { self.projector.write_all(&mut *self.report).await })
    }
}

impl<T> fmt::Debug for CatchUp<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchUp").finish_non_exhaustive()
    }
}
