//! Inline projections: read models that are written in the transaction of the append, so that they are never behind.
//!
//! Their statements run first and the append last: the position is assigned when they are done, so only this writer
//! waits for them. Therefore they see no position, and the version in the stream only where the writer claims one. An
//! error of theirs refuses the append; an append that is refused, or stored already, leaves none of their changes.

use std::future::Future;

use event_core::adapter::append::Commit;
use event_core::adapter::{AfterCommit, Inline as InlineOf, TenantView, WantingModels};
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{Appended, Error, EventSet, Outcome, Result, StreamId};
use event_sql::inline::{InlineProjections, InlineTables, Wanting, refuse_within_another};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

use crate::append::{self, transaction};
use crate::inline_models::Inline;
use crate::store::Store;
use crate::{error, read};

/// The name of the adapter.
pub(crate) const NAME: &str = "postgres";

const OPERATION: &str = "append with an inline projection";

/// A read model that is written in the transaction of the append; added with
/// [`PgAdapter::inline`](crate::PgAdapter::inline).
///
/// For invariants that must hold at once, such as a name that may be taken once: a unique index refuses the append. For
/// everything else prefer a [`PgProjection`](crate::PgProjection), which writers do not wait for. Its tables are the
/// application's, which creates them; imported events and links do not reach it.
///
/// ```no_run
/// use event_core::StreamId;
/// use event_core::error::BoxError;
/// use event_postgres::{InlineEvent, PgInlineProjection};
/// use sqlx::PgConnection;
/// # use event_core::Event;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "registered", version = 1)] struct Registered { name: String }
///
/// #[derive(Event)]
/// enum UserEvent { Registered(Registered) }
///
/// struct Names;
///
/// impl PgInlineProjection for Names {
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
pub trait PgInlineProjection: Send + Sync + 'static {
    /// The closed set of events that the streams hold. One outside of it refuses the append, unless the set has an
    /// `other` variant.
    type Event: EventSet;

    /// Whether it wants the events of a stream.
    fn wants(&self, stream_id: &StreamId) -> bool;

    /// Writes what the events change in the tables, through this connection, which is in the transaction of the append.
    /// It must neither end the transaction nor leave a setting or a lock of the session behind; tables have to be named
    /// with their schema, as there is no search path to rely on. It may read from the store, which shows what was committed
    /// before; an append to a stream that an inline projection wants is refused here.
    ///
    /// # Errors
    /// Any error refuses the append; after a transient [`sqlx::Error`], such as a deadlock, the append is retried.
    fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<InlineEvent<Self::Event>>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Makes an inline projection ready for
/// [`Connect::inline`](event_core::store::Connect::inline): `EventStore::connect(url).inline(inline(Names)).await?`.
pub fn inline(projection: impl PgInlineProjection) -> InlineOf {
    let mut inline = InlineProjections::default();
    inline.add(Tables(projection));
    InlineOf::new(NAME, inline)
}

/// A [`PgInlineProjection`] as both SQL backends run it.
pub(crate) struct Tables<P>(pub(crate) P);

impl<P: PgInlineProjection> InlineTables for Tables<P> {
    type Event = P::Event;
    type Connection = PgConnection;

    fn wants(&self, stream_id: &StreamId) -> bool {
        self.0.wants(stream_id)
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<InlineEvent<P::Event>>,
    ) -> Result<(), BoxError> {
        self.0.apply(connection, events).await
    }
}

/// Stores a commit together with the read models that want it.
pub(crate) async fn commit(
    store: &Store,
    mut wanting: (Option<&Wanting<'_, PgConnection>>, Option<WantingModels>),
    commit: &Commit,
) -> Result<(Vec<Appended>, Vec<AfterCommit>)> {
    let pool = &store.pool;
    pool.require_session(OPERATION)?;
    refuse_within_another(OPERATION)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut held = pool.hold_apart(OPERATION).await?;
        held.begins();
        let once = once(store, held.connection(), &mut wanting, commit);
        let Ok((connection, answers)) = timeout(pool.deadline(), once).await else {
            held.broke();
            return Err(pool.no_answer(OPERATION));
        };
        match connection {
            Connected::Usable => held.keep(),
            Connected::Unknown => held.close(),
            Connected::Broken => held.broke(),
        }
        match answers {
            // Nothing was done, and another connection prepares the statements anew.
            Err(Refusal::Stale(_)) if tries < 2 => {}
            // Other writers are storing the ids at this moment: the next attempt finds them.
            Err(Refusal::Store(Error::EventIdConflict { event_id: None, .. })) if tries < 3 => {}
            // An append that is stored already is in the read models too, which may not accept it twice.
            Err(Refusal::ReadModel(error)) => {
                if !are_known(store, commit).await? {
                    return Err(error);
                }
                let again = Commit { retry: true, ..commit.clone() };
                return Ok((append::commit(store, &again).await?, Vec::new()));
            }
            Err(Refusal::Store(error) | Refusal::Stale(error)) => return Err(error),
            Ok(stored) => return Ok(stored),
        }
    }
}

/// Whether the first event of each append is stored already. It can vanish between this and the append only by the
/// deletion of its stream, which refuses the append.
async fn are_known(store: &Store, commit: &Commit) -> Result<bool> {
    let view = TenantView::One(commit.tenant.clone());
    for event in commit.appends.iter().filter_map(|append| append.events.first()) {
        if read::event(store, &view, event.id).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Who refused the append.
enum Refusal {
    ReadModel(Error),
    Store(Error),
    /// Statements that were prepared do not fit the tables any more.
    Stale(Error),
}

/// Whether a connection can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connected {
    Usable,
    /// It may be in any state.
    Unknown,
    /// It broke, or what it remembers does not fit the server any more: so may others.
    Broken,
}

/// One attempt, in one transaction.
async fn once(
    store: &Store,
    connection: &mut PgConnection,
    (inline, models): &mut (Option<&Wanting<'_, PgConnection>>, Option<WantingModels>),
    commit: &Commit,
) -> (Connected, Result<(Vec<Appended>, Vec<AfterCommit>), Refusal>) {
    let fail = |error| (after(&error), Err(Refusal::Store(error::error(OPERATION, error))));
    let mut transaction = match connection.begin().await {
        Ok(transaction) => transaction,
        Err(error) => return fail(error),
    };
    let mut connected = Connected::Usable;
    let answers = async {
        if let Some(models) = models {
            let mut inline = Inline { store, connection: &mut transaction };
            models.lock(&mut inline).await.map_err(Refusal::Store)?;
        }
        if let Some(inline) = inline
            && let Err(failed) = inline.apply(&mut transaction, commit, None).await
        {
            let of_driver = error::of_driver(&*failed);
            connected = of_driver.map_or(Connected::Usable, after_statement);
            let is_stale = of_driver.is_some_and(error::is_stale);
            let failed = error::application(OPERATION, failed);
            return Err(if is_stale { Refusal::Stale(failed) } else { Refusal::ReadModel(failed) });
        }
        let appended = async {
            let answers = transaction::append_last(store, &mut transaction, commit).await?;
            let stored = answers.iter().filter(|answer| answer.outcome == Outcome::Stored);
            let last = stored.map(|answer| answer.position).max();
            let (Some(models), Some(last)) = (models, last) else {
                return Ok((answers, Vec::new()));
            };
            let mut inline = Inline { store, connection: &mut transaction };
            let after = models.apply(last, &mut inline).await?;
            Ok((answers, after))
        };
        appended.await.map_err(|error: Error| {
            // Its statements are the store's: what is transient may have left the connection in any state.
            if error.is_transient() {
                connected = Connected::Broken;
            }
            Refusal::Store(error)
        })
    };
    let answers = answers.await;
    match answers {
        Ok((answers, after)) if answers.iter().any(|answer| answer.outcome == Outcome::Stored) => {
            match transaction.commit().await {
                Ok(()) => (Connected::Usable, Ok((answers, after))),
                Err(error) => fail(error),
            }
        }
        // Refused, or stored before: then the read models have it since that time.
        answers => match (transaction.rollback().await, connected) {
            (Err(_), Connected::Usable) => (Connected::Unknown, answers),
            (_, connected) => (connected, answers),
        },
    }
}

/// What becomes of a connection whose transaction could not begin or end.
fn after(error: &sqlx::Error) -> Connected {
    if error::is_fatal(error) { Connected::Broken } else { Connected::Unknown }
}

/// What becomes of a connection after a statement within a transaction, once that is rolled back.
fn after_statement(error: &sqlx::Error) -> Connected {
    if error::is_fatal(error) { Connected::Broken } else { Connected::Usable }
}
