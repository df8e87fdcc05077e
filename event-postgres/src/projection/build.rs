//! [`PgBuild`]: the tables of one build of a projection, and how it begins: its row, its schema, its tables.

use std::fmt;
use std::sync::Arc;

use event_core::{Error, Result};
use event_sql::projector::ProjectionBuild;
use event_sql::rows::to_i32;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::PgProjection;
use crate::error;
use crate::row::Cells;
use crate::sql::{PgQuery, Schema, Statement};
use crate::store::Store;

const OPERATION: &str = "begin a projection";

/// The tables of one build of a projection; what a [`PgProjector`](crate::PgProjector) writes.
pub struct PgBuild<P> {
    pub(super) store: Arc<Store>,
    pub(super) projection: P,
    pub(super) build: ProjectionBuild,
    pub(super) schema: Schema,
    /// Put back only after a complete transaction.
    pub(super) connection: Option<PgConnection>,
}

impl<P: PgProjection> PgBuild<P> {
    /// Registers the build and creates its tables, unless that is done, in one transaction.
    pub(super) async fn begin(store: Arc<Store>, projection: P) -> Result<Self> {
        let filter = projection.filter();
        let build = ProjectionBuild::new(OPERATION, (P::NAME, P::BUILD), filter, |own| own)?;
        let refused = |reason: String| Error::adapter(OPERATION, reason);
        let schema = Schema::new(&build.schema).map_err(refused)?;
        let mut connection = store.pool.open_session(OPERATION).await?;
        create(&store, &mut connection, &projection, &build, &schema).await?;
        Ok(Self { store, projection, build, schema, connection: Some(connection) })
    }
}

async fn create<P: PgProjection>(
    store: &Store,
    connection: &mut PgConnection,
    projection: &P,
    build: &ProjectionBuild,
    schema: &Schema,
) -> Result<()> {
    let fail = |error| error::error(OPERATION, error);
    let mut transaction = connection.begin().await.map_err(fail)?;
    let query = named(&store.sql.begin_projection, build)
        .bind(schema.as_str().to_owned())
        .bind(build.filter.to_string());
    let row = query.fetch_one(&mut *transaction).await.map_err(fail)?;
    if Cells::new(&row).get("is_new")? {
        schema.create().execute(&mut *transaction).await.map_err(fail)?;
        let path = store.sql.set_search_path.query().bind(schema.quoted());
        path.execute(&mut *transaction).await.map_err(fail)?;
        projection
            .create(&mut transaction)
            .await
            .map_err(|error| error::application("create the tables of a projection", error))?;
    }
    transaction.commit().await.map_err(fail)
}

/// A statement about one build: its name and its number come first.
pub(super) fn named<'q>(statement: &Statement, build: &ProjectionBuild) -> PgQuery<'q> {
    statement.query().bind(build.name).bind(to_i32(build.number))
}

impl<P> fmt::Debug for PgBuild<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBuild").field("build", &self.build).finish_non_exhaustive()
    }
}
