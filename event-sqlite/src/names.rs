//! [`Names`]: the owners and names of streams by their keys. They never change, so rows of events carry the key alone: two
//! texts less to copy for each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use event_core::{Result, StreamId, Tenant};
use event_sql::rows::Owners;

use crate::append::json;
use crate::pool::Pool;
use crate::row::{self, Cells};
use crate::sql;

/// So many are kept; then all are forgotten.
const MOST: usize = 16_384;

/// Whose stream, and its name.
pub(crate) type Name = (Tenant, StreamId);

/// What is known of keys.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<i64, Name>>);

impl Names {
    /// Of a key, if it is known.
    pub(crate) fn get(&self, key: i64) -> Option<Name> {
        self.kept().get(&key).cloned()
    }

    /// Looks keys up in the file, those that are not known; gives back what these are.
    pub(crate) async fn learn(&self, pool: &Pool, keys: &[i64]) -> Result<HashMap<i64, Name>> {
        let query = sql::NAMES_OF_STREAMS.query().bind(json(&keys)?);
        let rows = pool.fetch("look up streams", query).await?;
        let mut owners = Owners::default();
        let found = rows.iter().map(|row| {
            let cells = Cells::new(row);
            Ok((cells.get("stream_key")?, owners.read(&cells, row::NAMED)?))
        });
        let found: HashMap<i64, Name> = found.collect::<Result<_>>()?;
        let mut kept = self.kept();
        if kept.len() + found.len() > MOST {
            kept.clear();
        }
        kept.extend(found.iter().map(|(key, name)| (*key, name.clone())));
        Ok(found)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<i64, Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
