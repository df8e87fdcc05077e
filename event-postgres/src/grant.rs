//! The rights of a role that uses a store without owning its schema.
//!
//! Grants change rows of the server's catalogue, and the server refuses two changes of one row at a time: grants take
//! turns, under the lock that schema migrations hold.

use event_core::{Error, Result};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::error;
use crate::row::Cells;
use crate::sql::{PgQuery, Statements};
use crate::store::Store;

const OPERATION: &str = "grant the use of the store";
/// How often a grant is made again that another change of the catalogue, not one of ours, came in between of.
const TRIES: u32 = 5;

/// What a role may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// What an application does.
    Use,
    /// The calls of an operator as well.
    Administer,
}

/// Lets a role use the store; see [`PgAdapter::grant_to`](crate::PgAdapter::grant_to).
pub(crate) async fn to(store: &Store, role: &str, rights: Rights) -> Result<()> {
    let mut connection = store.pool.open(OPERATION).await?;
    let process = connection.process();
    let work = async {
        let mut tries = 0;
        loop {
            tries += 1;
            match once(&mut connection, &store.sql, role, rights).await {
                // "tuple concurrently updated" has no code of its own.
                Err(sqlx::Error::Database(error))
                    if error.code().as_deref() == Some("XX000") && tries < TRIES => {}
                result => return result.map_err(fail),
            }
        }
    };
    store.pool.answered(OPERATION, process, work).await?;
    connection.close().await;
    Ok(())
}

async fn once(
    connection: &mut PgConnection,
    sql: &Statements,
    role: &str,
    rights: Rights,
) -> Result<(), sqlx::Error> {
    let schema = sql.schema().as_str().to_owned();
    let mut transaction = connection.begin().await?;
    sql.lock_grants.query().bind(schema.clone()).execute(&mut *transaction).await?;
    let store = sql.grant.query().bind(role.to_owned()).bind(schema.clone());
    run(&mut transaction, store.bind(rights == Rights::Administer)).await?;
    let builds = sql.grant_builds.query().bind(schema).bind(Some(role.to_owned()));
    run(&mut transaction, builds.bind(None::<String>)).await?;
    transaction.commit().await
}

/// Lets all roles that run projections of the store use the tables of a new build, in the transaction that makes them.
pub(crate) async fn build(
    transaction: &mut PgConnection,
    sql: &Statements,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let query = sql.grant_builds.query().bind(sql.schema().as_str().to_owned());
    run(transaction, query.bind(None::<String>).bind(Some(schema.to_owned()))).await
}

/// Runs the statements that a query builds. The server builds them, and quotes all names.
async fn run(transaction: &mut PgConnection, query: PgQuery<'_>) -> Result<(), sqlx::Error> {
    for row in query.fetch_all(&mut *transaction).await? {
        let statement: String =
            Cells::new(&row).get("statement").map_err(|error| sqlx::Error::Decode(error.into()))?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    Ok(())
}

fn fail(error: sqlx::Error) -> Error {
    error::error(OPERATION, error)
}
