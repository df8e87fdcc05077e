//! Inline projections: a read model that is written in the transaction of the append, so that it is never behind.
//!
//! Its statements run first and the append last: the position in the global order is assigned when they are done, so only
//! the writer waits for them. They see no position therefore, and the number in the stream where the writer claims
//! one. What they refuse is not stored; what is refused, or stored already, leaves no trace of them.

use std::future::Future;

use event_core::adapter::append::Commit;
use event_core::adapter::{BoxFuture, TenantView};
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{Appended, Error, EventSet, Outcome, Result, StreamId};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

use crate::adapter::PgAdapter;
use crate::projection::told;
use crate::{append, error, read};

const OPERATION: &str = "append with an inline projection";

/// A read model that is written in the transaction of the append; added with [`PgAdapter::with_inline`].
///
/// For what must be true at once, such as a name that may be taken once: a unique index refuses the append. Everything
/// else is better off in a [`PgProjection`](crate::PgProjection), which writers do not wait for.
///
/// ```no_run
/// use event_core::StreamId;
/// use event_core::error::BoxError;
/// use event_postgres::{InlineEvent, InlineProjection};
/// use sqlx::PgConnection;
/// # use event_core::Event;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "registered", version = 1)] struct Registered { name: String }
///
/// #[derive(Event)]
/// enum UserEvent { Registered(Registered) }
///
/// struct Names;
///
/// impl InlineProjection for Names {
///     type Event = UserEvent;
///
///     fn wants(&self, stream_id: &StreamId) -> bool {
///         stream_id.category() == "user"
///     }
///
///     async fn apply(&self, connection: &mut PgConnection, events: Vec<InlineEvent<UserEvent>>) -> Result<(), BoxError> {
///         for InlineEvent { event: UserEvent::Registered(user), stream_id, .. } in events {
///             sqlx::query("INSERT INTO names (name, stream) VALUES ($1, $2)") // `name` is unique
///                 .bind(user.name)
///                 .bind(stream_id.as_str())
///                 .execute(&mut *connection)
///                 .await?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait InlineProjection: Send + Sync + 'static {
    /// The closed set of events that the streams hold. One outside of it refuses the append, unless the set has an
    /// `other` variant.
    type Event: EventSet;

    /// Whether it is about a stream.
    fn wants(&self, stream_id: &StreamId) -> bool;

    /// Writes what the events make of the tables, through this connection, which is in the transaction of the append.
    /// It must neither end the transaction nor leave a setting or a lock of the session behind; every table has to be
    /// named so that it is found without a search path.
    ///
    /// # Errors
    /// Whatever refuses the append; a [`sqlx::Error`] that may pass, such as a deadlock, is tried again with the append.
    fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<InlineEvent<Self::Event>>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// An inline projection whatever its events are.
pub(crate) trait Registered: Send + Sync {
    fn wants(&self, commit: &Commit) -> bool;

    fn apply<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        commit: &'a Commit,
    ) -> BoxFuture<'a, Result<()>>;
}

impl<P: InlineProjection> Registered for P {
    fn wants(&self, commit: &Commit) -> bool {
        commit.appends.iter().any(|append| InlineProjection::wants(self, &append.stream_id))
    }

    fn apply<'a>(
        &'a self,
        connection: &'a mut PgConnection,
        commit: &'a Commit,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let wants = |stream_id: &StreamId| InlineProjection::wants(self, stream_id);
            let events = InlineEvent::of(commit, None, wants)?;
            let applied = InlineProjection::apply(self, connection, events).await;
            applied.map_err(|error| told(OPERATION, error))
        })
    }
}

/// Stores a commit with the read models that are about it.
pub(crate) async fn commit(
    adapter: &PgAdapter,
    inline: &[&std::sync::Arc<dyn Registered>],
    commit: &Commit,
) -> Result<Vec<Appended>> {
    let (pool, sql) = adapter.parts();
    pool.require_session(OPERATION)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut held = pool.hold(OPERATION).await?;
        let once = once(adapter, &mut held.connection, inline, commit);
        let Ok((is_sound, answers)) = timeout(pool.deadline(), once).await else {
            held.broke();
            return Err(pool.no_answer(OPERATION));
        };
        if is_sound {
            held.keep();
        }
        match answers {
            // The ids are being stored by others just now: the next look finds them.
            Err(Refusal::Store(Error::EventIdConflict { event_id: None, .. })) if tries < 3 => {}
            // What was stored before is in the read models, which may not let it in again.
            Err(Refusal::ReadModel(error)) => {
                if !are_known(adapter, commit).await? {
                    return Err(error);
                }
                let again = Commit { retry: true, ..commit.clone() };
                return append::commit(pool, sql, &again).await;
            }
            Err(Refusal::Store(error)) => return Err(error),
            Ok(answers) => return Ok(answers),
        }
    }
}

/// Whether the first event of each append is stored already. It cannot vanish between this and the append but by the
/// deletion of its stream, and that refuses the append.
async fn are_known(adapter: &PgAdapter, commit: &Commit) -> Result<bool> {
    let (pool, sql) = adapter.parts();
    let view = TenantView::One(commit.tenant.clone());
    for event in commit.appends.iter().filter_map(|append| append.events.first()) {
        if read::event(pool, sql, &view, event.id).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Who refused.
enum Refusal {
    ReadModel(Error),
    Store(Error),
}

/// One transaction; whether the connection can be used again.
async fn once(
    adapter: &PgAdapter,
    connection: &mut PgConnection,
    inline: &[&std::sync::Arc<dyn Registered>],
    commit: &Commit,
) -> (bool, Result<Vec<Appended>, Refusal>) {
    let fail = |error| Refusal::Store(error::error(OPERATION, error));
    let mut transaction = match connection.begin().await {
        Ok(transaction) => transaction,
        Err(error) => return (false, Err(fail(error))),
    };
    let answers = async {
        for projection in inline {
            projection.apply(&mut transaction, commit).await.map_err(Refusal::ReadModel)?;
        }
        adapter.append_in(&mut transaction, commit).await.map_err(Refusal::Store)
    };
    match answers.await {
        Ok(answers) if answers.iter().any(|answer| answer.outcome == Outcome::Stored) => {
            match transaction.commit().await {
                Ok(()) => (true, Ok(answers)),
                Err(error) => (false, Err(fail(error))),
            }
        }
        // Refused, or stored before: then the read models have it from that time.
        answers => (transaction.rollback().await.is_ok(), answers),
    }
}
