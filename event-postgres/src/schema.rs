//! [`PgSchema`]: the schema migrations of a store, asked for and applied on purpose.

use std::sync::Arc;

use event_core::adapter::{SchemaMigration, SchemaStore, async_trait};
use event_core::{Error, Result};
use event_sql::migrations;
use sqlx::postgres::PgConnection;

use crate::migrate;
use crate::options::PgOptions;
use crate::store::Store;

const OPERATION: &str = "migrate the schema";

/// The schema of a store, which need not exist.
pub(crate) struct PgSchema {
    store: Arc<Store>,
    options: PgOptions,
}

impl PgSchema {
    pub(crate) const fn new(store: Arc<Store>, options: PgOptions) -> Self {
        Self { store, options }
    }

    /// Runs some work on a connection to the server itself; `None` behind a pooler, where it is not named.
    async fn session<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(servers) = self.options.direct_servers() else { return Ok(None) };
        let pool = &self.store.pool;
        let mut connection = pool.open_at(OPERATION, &servers).await?;
        let process = connection.process();
        let answer = match pool.watched(process, work(&mut connection)).await {
            Some(answer) => answer?,
            None => return Err(pool.no_answer(OPERATION)),
        };
        connection.close().await;
        Ok(Some(answer))
    }
}

#[async_trait]
impl SchemaStore for PgSchema {
    async fn pending(&self) -> Result<Vec<SchemaMigration>> {
        let sql = &self.store.sql;
        let pending = self.session(async |connection| migrate::pending(connection, sql).await);
        let pending = match pending.await? {
            Some(pending) => pending,
            None => migrate::pending_behind(&self.store).await?,
        };
        Ok(pending.into_iter().map(|(migration, _)| migration).collect())
    }

    async fn script(&self) -> Result<String> {
        let sql = &self.store.sql;
        let script = self.session(async |connection| {
            let pending = migrate::pending(connection, sql).await?;
            let begin = migrate::preamble(connection, sql, &pending).await?;
            let record = |it: &SchemaMigration, sum: &str| sql.record(it.version, &it.name, sum);
            Ok(migrations::script(&begin, &pending, record))
        });
        script.await?.ok_or_else(behind_pooler)
    }

    async fn apply(&self) -> Result<Vec<SchemaMigration>> {
        let sql = &self.store.sql;
        let applied = self.session(async |connection| migrate::apply_all(connection, sql).await);
        applied.await?.ok_or_else(behind_pooler)
    }
}

fn behind_pooler() -> Error {
    Error::adapter(OPERATION, "a pooler is in between: name the server itself, `direct=host:port`")
}
