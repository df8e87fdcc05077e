//! [`PgBuild`]: the tables of one build of a projection, and how it begins: its row, its schema, its tables.

use std::fmt;
use std::sync::Arc;

use event_core::{Error, Result};
use event_sql::projector::ProjectionBuild;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};
use tokio::time::Instant;

use super::PgProjection;
use super::attempt::Target;
use super::names::{mark, named};
use crate::row::Cells;
use crate::sql::Schema;
use crate::store::Store;
use crate::{error, grant};

const OPERATION: &str = "begin a projection";

/// The tables of one build of a projection; what a [`PgProjector`](crate::PgProjector) writes.
pub struct PgBuild<P> {
    pub(super) projection: P,
    pub(super) target: Target,
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
        let connection = Some((connection, Instant::now()));
        Ok(Self { projection, target: Target { store, build, schema, connection } })
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
        create_schema(store, &mut transaction, (build.name, build.number), schema).await?;
        projection
            .create(&mut transaction)
            .await
            .map_err(|error| error::application("create the tables of a projection", error))?;
        grant::build(&mut transaction, &store.sql, schema.as_str()).await.map_err(fail)?;
    }
    transaction.commit().await.map_err(fail)
}

/// Creates the schema of a build, and lets statements that name no schema mean it.
pub(super) async fn create_schema(
    store: &Store,
    transaction: &mut PgConnection,
    (name, build): (&str, u32),
    schema: &Schema,
) -> Result<()> {
    let fail = |error| error::error(OPERATION, error);
    let created = schema.create().execute(&mut *transaction).await;
    created.map_err(|error| not_created(error, schema.as_str()))?;
    let mark = schema.mark(&mark(store.sql.schema(), name, build));
    sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *transaction).await.map_err(fail)?;
    let path = store.sql.set_search_path.query().bind(schema.quoted());
    path.execute(&mut *transaction).await.map_err(fail).map(drop)
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

impl<P> fmt::Debug for PgBuild<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgBuild").field("build", &self.target.build).finish_non_exhaustive()
    }
}
