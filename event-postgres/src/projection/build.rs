//! How a build begins: its row, its schema, its tables.

use event_core::{Error, Result};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::adapter::PgAdapter;
use crate::error;
use crate::projection::{PgProjection, told};
use crate::row::Cells;
use crate::sql::{PgQuery, Schema};

const OPERATION: &str = "begin a projection";

/// What stays of a build for as long as it is run.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) schema: Schema,
    pub(super) filter: String,
}

impl Build {
    /// Checks the name and the number.
    pub(super) fn of<P: PgProjection>(projection: &P) -> Result<Self> {
        let refused = |reason: String| Error::adapter(OPERATION, reason);
        if P::NAME.len() > 50 || P::BUILD == 0 || i32::try_from(P::BUILD).is_err() {
            let reason =
                "a projection's name has at most 50 letters, its builds are numbered from 1";
            return Err(refused(format!("{reason}; found `{}`, build {}", P::NAME, P::BUILD)));
        }
        let schema = Schema::new(&format!("{}_{}", P::NAME, P::BUILD)).map_err(refused)?;
        Ok(Self { schema, filter: projection.filter().to_string() })
    }

    /// The schema as a search path.
    pub(super) fn search_path(&self) -> String {
        self.schema.render(crate::sql::DEFAULT_SCHEMA)
    }
}

/// Enters the build and makes its tables, if that is not done, in one transaction.
pub(super) async fn begin<P: PgProjection>(
    adapter: &PgAdapter,
    connection: &mut PgConnection,
    projection: &P,
    build: &Build,
) -> Result<()> {
    let fail = |error| error::error(OPERATION, error);
    let (_, sql) = adapter.parts();
    let mut transaction = connection.begin().await.map_err(fail)?;
    let query = named::<P>(sql.begin_projection.query())
        .bind(build.schema.as_str().to_owned())
        .bind(build.filter.clone());
    let row = query.fetch_one(&mut *transaction).await.map_err(fail)?;
    if Cells::new(&row).get("is_new")? {
        build.schema.create().execute(&mut *transaction).await.map_err(fail)?;
        let path = sql.set_search_path.query().bind(build.search_path());
        path.execute(&mut *transaction).await.map_err(fail)?;
        projection
            .create(&mut transaction)
            .await
            .map_err(|error| told("make the tables of a projection", error))?;
    }
    transaction.commit().await.map_err(fail)
}

/// A statement about one build: its name and its number come first.
pub(super) fn named<P: PgProjection>(query: PgQuery<'_>) -> PgQuery<'_> {
    // Checked to fit when the build begins.
    query.bind(P::NAME).bind(i32::try_from(P::BUILD).unwrap_or(i32::MAX))
}
