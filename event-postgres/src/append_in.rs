//! An append inside of the caller's own transaction on the server: its events and the caller's SQL are committed
//! together, or neither is.
//!
//! The ids are looked up before anything is written, so that a refusal comes as a status and leaves the transaction
//! as it was. What the server itself raises aborts it, as any failed statement does.

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result};
use sqlx::{Postgres, Transaction};

use crate::adapter::PgAdapter;
use crate::append::{self, MANY, ONE};
use crate::error::{self, Failure};
use crate::sql::Statements;

impl PgAdapter {
    /// Appends in a transaction of the caller's, on a connection of the caller's to the same database.
    ///
    /// The commit comes from the facade, validated and encoded, with the tenant and the metadata of its scope:
    /// [`Transaction::into_commit`](event_core::store::Transaction::into_commit). Nothing is stored, and nobody sees anything,
    /// before the caller commits.
    ///
    /// **Append last.** From here to the commit the streams are locked against other writers, and a place in the
    /// global order is taken: readers of everything wait behind it. Whatever takes time belongs before the append.
    /// Subscriptions are not woken by the caller's commit; they find it by their next poll, within a second.
    ///
    /// ```no_run
    /// # use event_core::{EventStore, ExpectedVersion, NewEvent, StreamId};
    /// # use event_postgres::PgAdapter;
    /// # use sqlx::Connection as _;
    /// # async fn pay(
    /// #     adapter: &PgAdapter, store: &EventStore, connection: &mut sqlx::PgConnection, order: StreamId, paid: NewEvent,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut transaction = connection.begin().await?;
    /// sqlx::query("UPDATE invoices SET paid = true WHERE id = 7").execute(&mut *transaction).await?;
    ///
    /// let commit = store.transaction().append(&order, ExpectedVersion::StreamExists, [paid]).into_commit()?;
    /// adapter.append_in(&mut transaction, &commit).await?;
    /// transaction.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// The same events again are [`AlreadyStored`](event_core::Outcome::AlreadyStored), so a transaction whose commit
    /// was not answered can be repeated as a whole.
    ///
    /// # Errors
    /// Those of [`EventStore::append`](event_core::EventStore::append), never retried. After a refusal
    /// ([`Error::WrongExpectedVersion`], [`Error::StreamDeleted`], [`Error::StreamArchived`],
    /// [`Error::StreamLimitReached`], [`Error::EventIdConflict`]) nothing was written and the transaction can be used on;
    /// only an id that somebody else commits at the same moment, [`Error::Overloaded`] (a deadlock, a timeout),
    /// [`Error::Connection`] and [`Error::Adapter`] leave it aborted: the server then takes nothing but its rollback.
    /// [`Error::Adapter`], before anything is done, when the transaction is not `READ COMMITTED`.
    pub async fn append_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        commit: &Commit,
    ) -> Result<Vec<Appended>> {
        // Written down first, in a statement of its own: a rollback leaves a version too many there, never one too few.
        self.record_versions(commit).await?;
        let (_, sql) = self.parts();
        run(sql, transaction, commit).await
    }
}

async fn run(
    sql: &Statements,
    transaction: &mut Transaction<'_, Postgres>,
    commit: &Commit,
) -> Result<Vec<Appended>> {
    let (operation, query) = match commit.appends.as_slice() {
        [] => return Ok(Vec::new()),
        [append] => {
            (ONE, append::one([&sql.append_event_in, &sql.append_one_in], commit, append, true))
        }
        _ => (MANY, append::many(&sql.append_many_in, commit, true)),
    };
    match query.fetch_all(&mut **transaction).await {
        Ok(rows) if rows.is_empty() => Err(Error::adapter(
            operation,
            "the transaction is not READ COMMITTED; an append judges what others have committed meanwhile",
        )),
        Ok(rows) => append::judge(commit, operation, &rows),
        Err(failed) => Err(match (error::failure(operation, failed), commit.appends.first()) {
            (Failure::IdTaken, Some(append)) => Error::event_id_conflict(
                append.stream_id.clone(),
                None,
                "others stored them at the same moment, and the transaction is aborted",
            ),
            (failure, _) => failure.into(),
        }),
    }
}
