//! [`Failures`]: why read models could not be written by this process, for the health check.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, with_causes};

/// The last error of each read model that this process writes, by name, until it is written again.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<BTreeMap<&'static str, String>>);

impl Failures {
    pub(super) fn note(&self, name: &'static str, failed: Option<&Error>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) => drop(all.insert(name, with_causes(error))),
            None => drop(all.remove(name)),
        }
    }

    pub(super) fn all(&self) -> BTreeMap<&'static str, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
