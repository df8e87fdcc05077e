//! Inline projections: a read model that is written in the transaction of the append, so that it is never behind.
//!
//! The append is judged first, under the write lock; only what will be stored is shown to the read model, with its number,
//! and what that refuses is not stored. Such an append travels alone, so that it stands and falls alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::BoxFuture;
use event_core::adapter::append::Commit;
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{Appended, Error, EventSet, Result, StreamId};
use sqlx::sqlite::SqliteConnection;
use tokio::time::timeout;

use crate::pool::{Pool, Transaction};

const OPERATION: &str = "append with an inline projection";
/// How long the read models may hold the other writers up.
const LONGEST: Duration = Duration::from_secs(30);

/// A read model that is written in the transaction of the append; added with
/// [`SqliteAdapter::with_inline`](crate::SqliteAdapter::with_inline).
///
/// For what must be true at once, such as a name that may be taken once: a unique index refuses the append. Everything
/// else is better off in a [`SqliteProjection`](crate::SqliteProjection). Its tables are the application's, which makes
/// them once the store is open; imported events and links do not come by.
///
/// ```no_run
/// use event_core::StreamId;
/// use event_core::error::BoxError;
/// use event_core::projection::InlineEvent;
/// use event_sqlite::SqliteInline;
/// use sqlx::sqlite::SqliteConnection;
/// # use event_core::Event;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "registered", version = 1)] struct Registered { name: String }
///
/// #[derive(Event)]
/// enum UserEvent { Registered(Registered) }
///
/// struct Names;
///
/// impl SqliteInline for Names {
///     type Event = UserEvent;
///
///     fn wants(&self, stream_id: &StreamId) -> bool {
///         stream_id.category() == "user"
///     }
///
///     async fn apply(&self, connection: &mut SqliteConnection, events: Vec<InlineEvent<UserEvent>>) -> Result<(), BoxError> {
///         for InlineEvent { event: UserEvent::Registered(user), stream_id, .. } in events {
///             sqlx::query("INSERT INTO user_names (name, stream) VALUES (?1, ?2)") // `name` is unique
///                 .bind(user.name)
///                 .bind(stream_id.as_str())
///                 .execute(&mut *connection)
///                 .await?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait SqliteInline: Send + Sync + 'static {
    /// The closed set of events that the streams hold. One outside of it refuses the append, unless the set has an
    /// `other` variant.
    type Event: EventSet;

    /// Whether it is about a stream.
    fn wants(&self, stream_id: &StreamId) -> bool;

    /// Writes what the events make of the tables, through this connection, which is in the transaction of the append.
    /// It must neither end the transaction nor leave a setting of the connection behind. Other appends wait until it is
    /// done: one that takes more than 30 seconds is undone.
    ///
    /// # Errors
    /// Whatever refuses the append.
    fn apply(
        &self,
        connection: &mut SqliteConnection,
        events: Vec<InlineEvent<Self::Event>>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// An inline projection whatever its events are.
pub(crate) trait Registered: Send + Sync {
    fn wants(&self, commit: &Commit) -> bool;

    fn apply<'a>(
        &'a self,
        pool: &'a Pool,
        connection: &'a mut SqliteConnection,
        commit: &'a Commit,
        judged: &'a [Appended],
    ) -> BoxFuture<'a, Result<()>>;
}

impl<P: SqliteInline> Registered for P {
    fn wants(&self, commit: &Commit) -> bool {
        commit.appends.iter().any(|append| SqliteInline::wants(self, &append.stream_id))
    }

    fn apply<'a>(
        &'a self,
        pool: &'a Pool,
        connection: &'a mut SqliteConnection,
        commit: &'a Commit,
        judged: &'a [Appended],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let wants = |stream_id: &StreamId| SqliteInline::wants(self, stream_id);
            let events = InlineEvent::of(commit, Some(judged), wants)?;
            let applied = SqliteInline::apply(self, connection, events).await;
            applied.map_err(|error| crate::error::told(OPERATION, pool.path(), error))
        })
    }
}

/// Writes an append that will be stored into the read models that are about it.
pub(crate) async fn apply(
    pool: &Pool,
    transaction: &mut Transaction<'_>,
    inline: &[&Arc<dyn Registered>],
    commit: &Commit,
    judged: &[Appended],
) -> Result<()> {
    let all = async {
        for projection in inline {
            projection.apply(pool, transaction.connection(), commit, judged).await?;
        }
        Ok(())
    };
    timeout(LONGEST, all).await.unwrap_or_else(|_| {
        let reason = format!("a read model was not written within {LONGEST:?}, and appends waited");
        Err(Error::overloaded(OPERATION, reason))
    })
}
