//! [`SqliteSchema`]: the schema migrations of a file, asked for and applied on purpose.

use std::sync::Arc;

use event_core::adapter::{SchemaMigration, SchemaStore, async_trait};
use event_core::{Migrate, Result};
use event_sql::migrations;
use sqlx::Connection;

use crate::store::Store;
use crate::{migrate, sql};

const OPERATION: &str = "migrate the schema";

/// The schema of a file, which need not exist.
pub(crate) struct SqliteSchema(pub(crate) Arc<Store>);

impl SqliteSchema {
    async fn find(&self) -> Result<Vec<(SchemaMigration, Vec<u8>)>> {
        let pool = &self.0.pool;
        // A connection would create the file.
        if !pool.path().exists() {
            return Ok(migrate::all());
        }
        let mut connection = pool.open_writer(OPERATION).await?;
        let pending = migrate::pending(pool, &mut connection).await;
        let _ = connection.close().await;
        pending
    }
}

#[async_trait]
impl SchemaStore for SqliteSchema {
    async fn pending(&self) -> Result<Vec<SchemaMigration>> {
        Ok(self.find().await?.into_iter().map(|(migration, _)| migration).collect())
    }

    async fn script(&self) -> Result<String> {
        Ok(migrations::script(&sql::begin_script(), &self.find().await?, |it, checksum| {
            sql::record_migration(it.version, &it.name, checksum)
        }))
    }

    async fn apply(&self) -> Result<Vec<SchemaMigration>> {
        let store = Arc::clone(&self.0);
        let work = async move {
            let mut connection = store.pool.open_writer(OPERATION).await?;
            let applied = migrate::run(&store.pool, &mut connection, Migrate::OnConnect).await;
            let _ = connection.close().await;
            applied
        };
        self.0.thread.run(OPERATION, work).await?
    }
}
