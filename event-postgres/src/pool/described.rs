//! [`Described`]: the types that the server expects for the parameters of statements, by their texts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::postgres::PgTypeInfo;

/// So many statements are remembered.
const MOST: usize = 1_000;

/// The types of statements that were described. They may have changed since, where tables were made anew.
#[derive(Default)]
pub(super) struct Described(Mutex<HashMap<String, Types>>);

/// The types of the parameters of a statement.
pub(crate) type Types = Arc<[PgTypeInfo]>;

impl Described {
    pub(super) fn find(&self, text: &str) -> Option<Types> {
        self.all().get(text).cloned()
    }

    pub(super) fn keep(&self, text: &str, types: &Types) {
        let mut all = self.all();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(text.to_owned(), Arc::clone(types));
    }

    pub(super) fn forget(&self, text: &str) {
        self.all().remove(text);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Types>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
