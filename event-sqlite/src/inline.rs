//! Inline projections: read models that are written in the transaction of the append, so that they are never behind.
//!
//! The append is judged first, under the write lock; a read model gets only events that will be stored, with their
//! versions in the stream, and an error of its own refuses the append. Such an append is stored alone, so that it fails
//! alone.

use std::future::Future;
use std::time::Duration;

use event_core::adapter::Inline;
use event_core::adapter::append::Commit;
use event_core::error::BoxError;
use event_core::projection::InlineEvent;
use event_core::{Appended, Error, EventSet, Result, StreamId};
use event_sql::inline::{InlineProjections, InlineTables, Wanting};
use sqlx::sqlite::SqliteConnection;
use tokio::time::timeout;

use crate::error;
use crate::pool::Transaction;
use crate::store::Store;

/// The name of the adapter.
pub(crate) const NAME: &str = "sqlite";

const OPERATION: &str = "append with an inline projection";
/// How long the read models may block other writers.
const LONGEST: Duration = Duration::from_secs(30);

/// A read model that is written in the transaction of the append; added with
/// [`SqliteAdapter::inline`](crate::SqliteAdapter::inline).
///
/// For invariants that must hold at once, such as a name that may be taken once: a unique index refuses the append. For
/// everything else prefer a [`SqliteProjection`](crate::SqliteProjection). Its tables are the application's, which
/// creates them once the store is open; imported events and links do not reach it.
///
/// ```no_run
/// use event_core::StreamId;
/// use event_core::error::BoxError;
/// use event_sqlite::{InlineEvent, SqliteInlineProjection};
/// use sqlx::sqlite::SqliteConnection;
/// # use event_core::Event;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "registered", version = 1)] struct Registered { name: String }
///
/// #[derive(Event)]
/// enum UserEvent { Registered(Registered) }
///
/// struct Names;
///
/// impl SqliteInlineProjection for Names {
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
pub trait SqliteInlineProjection: Send + Sync + 'static {
    /// The closed set of events that the streams hold. One outside of it refuses the append, unless the set has an
    /// `other` variant.
    type Event: EventSet;

    /// Whether it wants the events of a stream.
    fn wants(&self, stream_id: &StreamId) -> bool;

    /// Writes what the events change in the tables, through this connection, which is in the transaction of the append.
    /// It must neither end the transaction nor leave a setting of the connection behind. Other appends wait until it is
    /// done: one that takes more than 30 seconds is undone.
    ///
    /// # Errors
    /// Any error refuses the append.
    fn apply(
        &self,
        connection: &mut SqliteConnection,
        events: Vec<InlineEvent<Self::Event>>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// Makes an inline projection ready for
/// [`Connect::inline`](event_core::store::Connect::inline): `EventStore::connect(url).inline(inline(Names)).await?`.
pub fn inline(projection: impl SqliteInlineProjection) -> Inline {
    let mut inline = InlineProjections::default();
    inline.add(Tables(projection));
    Inline::new(NAME, inline)
}

/// A [`SqliteInlineProjection`] as both SQL backends run it.
pub(crate) struct Tables<P>(pub(crate) P);

impl<P: SqliteInlineProjection> InlineTables for Tables<P> {
    type Event = P::Event;
    type Connection = SqliteConnection;

    fn wants(&self, stream_id: &StreamId) -> bool {
        self.0.wants(stream_id)
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        events: Vec<InlineEvent<P::Event>>,
    ) -> Result<(), BoxError> {
        self.0.apply(connection, events).await
    }
}

/// Writes an append that will be stored into the read models that want it.
pub(crate) async fn apply(
    store: &Store,
    transaction: &mut Transaction<'_>,
    inline: &Wanting<'_, SqliteConnection>,
    commit: &Commit,
    judged: &[Appended],
) -> Result<()> {
    let applied = inline.apply(transaction.connection(), commit, Some(judged));
    let Ok(applied) = timeout(LONGEST, applied).await else {
        let reason = format!("a read model was not written within {LONGEST:?}, and appends waited");
        return Err(Error::overloaded(OPERATION, reason));
    };
    applied.map_err(|error| error::application(OPERATION, store.path(), error))
}
