//! [`Names`]: the owners and names of streams by their keys. They never change, so rows of events have the key alone:
//! two texts less to copy for each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_core::{Result, StreamId, Tenant};
use event_sql::rows::Owners;

use crate::pool::Pool;
use crate::row::Cells;
use crate::sql::{self, json};

/// How many are kept; beyond that all are forgotten.
const MOST: usize = 16_384;
/// Where owner and name come after the key.
const OWNER: usize = 1;

/// The owner and the name of a stream.
pub(crate) type Name = (Tenant, StreamId);

/// The names that are known.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<i64, Name>>);

impl Names {
    /// The name of a key, if it is known.
    pub(crate) fn get(&self, key: i64) -> Option<Name> {
        self.known().get(&key).cloned()
    }

    /// Forgets all: the file holds another log.
    pub(crate) fn clear(&self) {
        self.known().clear();
    }

    /// Looks up unknown keys in the file, and returns their names.
    pub(crate) async fn learn(&self, pool: &Pool, keys: &[i64]) -> Result<HashMap<i64, Name>> {
        let query = sql::NAMES_OF_STREAMS.query().bind(json(&keys)?);
        let rows = pool.fetch("look up streams", query).await?;
        let mut owners = Owners::default();
        // A name that is not valid is as good as none.
        let found = rows.iter().filter_map(|row| {
            let cells = Cells::new(row);
            Some((cells.get("stream_key").ok()?, owners.read(&cells, OWNER).ok()?))
        });
        let found: HashMap<i64, Name> = found.collect();
        let mut known = self.known();
        if known.len() + found.len() > MOST {
            known.clear();
        }
        known.extend(found.iter().map(|(key, name)| (*key, name.clone())));
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<i64, Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
