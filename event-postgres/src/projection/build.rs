//! [`PgBuild`]: the tables of one build of a projection, and how it begins: its row, its schema, its tables.

use std::fmt;
use std::sync::Arc;

use event_core::{Error, Result};
use event_sql::projector::ProjectionBuild;
use event_sql::rows::to_i32;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::time::Instant;

use super::PgProjection;
use crate::row::Cells;
use crate::sql::{PgQuery, Schema, Statement};
use crate::store::Store;
use crate::{error, grant};

const OPERATION: &str = "begin a projection";

/// The tables of one build of a projection; what a [`PgProjector`](crate::PgProjector) writes.
pub struct PgBuild<P> {
    pub(super) store: Arc<Store>,
    pub(super) projection: P,
    pub(super) build: ProjectionBuild,
    pub(super) schema: Schema,
    /// Put back only after a complete transaction; since when it is idle.
    pub(super) connection: Option<(PgConnection, Instant)>,
}

impl<P: PgProjection> PgBuild<P> {
    /// Registers the build and creates its tables, unless that is done, in one transaction.
    pub(super) async fn begin(store: Arc<Store>, projection: P) -> Result<Self> {
        let filter = projection.filter();
        let build = ProjectionBuild::new(OPERATION, (P::NAME, P::BUILD), filter, |own| own)?;
        let refused = |reason: String| Error::adapter(OPERATION, reason);
        let schema = Schema::new(&build.schema).map_err(refused)?;
        let mut connection = store.pool.open_patient_session(OPERATION).await?;
        create(&store, &mut connection, &projection, &build, &schema).await?;
        Ok(Self {
            store,
            projection,
            build,
            schema,
            connection: Some((connection, Instant::now())),
        })
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
        let created = schema.create().execute(&mut *transaction).await;
        created.map_err(|error| not_created(error, &build.schema))?;
        let mark = schema.mark(&mark(store.sql.schema(), build.name, build.number));
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *transaction).await.map_err(fail)?;
        let path = store.sql.set_search_path.query().bind(schema.quoted());
        path.execute(&mut *transaction).await.map_err(fail)?;
        projection
            .create(&mut transaction)
            .await
            .map_err(|error| error::application("create the tables of a projection", error))?;
        grant::build(&mut transaction, &store.sql, schema.as_str()).await.map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)
}

/// What the schema of a build says of itself. Nobody but its owner can make it say so.
pub(super) fn mark(store: &Schema, name: &str, build: u32) -> String {
    format!("{}: projection {name}, build {build}", store.as_str())
}

/// Why a schema was not created.
fn not_created(error: sqlx::Error, schema: &str) -> Error {
    let code = error.as_database_error().and_then(DatabaseError::code);
    if code.as_deref() != Some("42501") {
        return error::error(OPERATION, error);
    }
    let remedy = "a new build needs the right to create schemas: `GRANT CREATE ON DATABASE … TO …`, or a role that has it \
                  begins the build";
    Error::adapter(OPERATION, format!("{error}; `{schema}` is not there yet, and {remedy}"))
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
