//! There is no schema in memory: nothing is ever pending.

use crate::adapter::{SchemaMigration, SchemaStore, async_trait};
use crate::error::Result;

/// The schema of a store that has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoSchema;

#[async_trait]
impl SchemaStore for NoSchema {
    async fn pending(&self) -> Result<Vec<SchemaMigration>> {
        Ok(Vec::new())
    }

    async fn script(&self) -> Result<String> {
        Ok(String::new())
    }

    async fn apply(&self) -> Result<Vec<SchemaMigration>> {
        Ok(Vec::new())
    }
}
