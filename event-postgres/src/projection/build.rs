//! How a build begins, or goes on: its row, its schema, its tables, and whether the log is still the one it was folded from.

use event_core::{Adapter as _, AllOptions, BatchSize, Error, EventStore, Position, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::adapter::PgAdapter;
use crate::error;
use crate::projection::{PgProjection, ProjectionStatus, told};
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
        let text = build.schema.render(include_str!("../sql/create_projection_schema.sql"));
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *transaction).await.map_err(fail)?;
        let path = sql.set_search_path.query().bind(build.search_path());
        path.execute(&mut *transaction).await.map_err(fail)?;
        projection
            .create(&mut transaction)
            .await
            .map_err(|error| told("make the tables of a projection", error))?;
    }
    transaction.commit().await.map_err(fail)
}

/// The place of the build; an error if it was made from another filter.
pub(super) async fn status<P: PgProjection>(
    adapter: &PgAdapter,
    build: &Build,
) -> Result<ProjectionStatus> {
    match adapter.projection_status(P::NAME, Some(P::BUILD)).await? {
        None => Err(Error::adapter(
            OPERATION,
            format!("build {} of `{}` is gone from the list of projections", P::BUILD, P::NAME),
        )),
        Some(status) if status.filter != build.filter => Err(Error::adapter(
            OPERATION,
            format!(
                "build {} of `{}` was begun with the filter {}, not {}; raise its number to make it anew",
                P::BUILD,
                P::NAME,
                status.filter,
                build.filter
            ),
        )),
        Some(status) => Ok(status),
    }
}

/// Refuses to go on where the log is another one than the build was folded from: after a restore to an earlier state
/// everything that was undone is still in the tables.
pub(super) async fn check_log(
    adapter: &PgAdapter,
    store: &EventStore,
    name: &str,
    status: &ProjectionStatus,
) -> Result<()> {
    let diverged = |reason: String| {
        Err(Error::LogDiverged {
            name: format!("projection {name}, build {}", status.build),
            position: status.position,
            reason,
        })
    };
    let head = adapter.live().head().await?;
    if head < status.position {
        return diverged(format!("the log ends at position {head}"));
    }
    let Some((event_id, at)) = status.last else { return Ok(()) };
    match store.read_event(event_id).await? {
        Some(event) if event.position() == at => Ok(()),
        Some(event) => diverged(format!("its last event stands at position {}", event.position())),
        // It may have been removed with its stream; then nothing else stands there.
        None => {
            let before = Position::new(at.get().saturating_sub(1));
            let one = AllOptions::new().after(before).limit(BatchSize::new(1)?);
            match store.read_all(one).await?.first() {
                Some(other) if other.position() == at => diverged(format!(
                    "another event stands at position {at}, where its last event was"
                )),
                _ => Ok(()),
            }
        }
    }
}

/// A statement about one build: its name and its number come first.
pub(super) fn named<P: PgProjection>(query: PgQuery<'_>) -> PgQuery<'_> {
    // Checked to fit when the build begins.
    query.bind(P::NAME).bind(i32::try_from(P::BUILD).unwrap_or(i32::MAX))
}
