//! Import: a batch from another store, judged by the core and written under the write lock.

mod batch;

use event_core::Result;
use event_core::adapter::import::{ImportBatch, Imported};
use event_sql::import::OPERATION;

use self::batch::Batch;
use crate::sql;
use crate::store::Store;

/// Stores a batch.
pub(crate) async fn import(store: &Store, batch: &ImportBatch) -> Result<Imported> {
    let (transaction, _) = store.begin(OPERATION, sql::BEGIN.query()).await?;
    Batch { transaction }.store(batch).await
}
