//! Read models in tables: [`PgProjection`] says what becomes of events, [`PgProjector`] folds the log into it, each event
//! exactly once.
//!
//! The tables and the place in the log are written in one transaction, the place first: that locks its row and fails
//! where somebody else moved it meanwhile. So it does not matter how many run one build, or when one of them is killed.

mod build;
mod projector;
mod remove;
mod status;

use std::future::Future;

use event_core::error::BoxError;
use event_core::{EventSet, Filter, RecordedEvent};
use sqlx::PgConnection;

pub use self::projector::{PgBuild, PgProjector};

/// A read model in tables of the store's database.
///
/// Each build has a schema of its own, `<name>_<build>`, which is the only one that its statements see: they name their
/// tables plainly. A build begins with the first event. To change the tables, or what is written to them, raise
/// [`BUILD`](Self::BUILD): the new build is made beside the old one, and readers move over with
/// [`PgProjector::switch`](event_sql::projector::Projector::switch). The old tables stay until
/// [`PgAdapter::drop_projection`](crate::PgAdapter::drop_projection) is called by whoever knows that nobody reads them.
///
/// ```no_run
/// use event_core::{Filter, RecordedEvent};
/// use event_core::error::BoxError;
/// use event_postgres::PgProjection;
/// use sqlx::PgConnection;
/// # use event_core::Event;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "opened", version = 1)] struct Opened { by: String }
///
/// #[derive(Event)]
/// enum DoorEvent { Opened(Opened) }
///
/// struct Doors;
///
/// impl PgProjection for Doors {
///     type Event = DoorEvent;
///     const NAME: &'static str = "doors";
///     const BUILD: u32 = 1;
///
///     fn filter(&self) -> Filter {
///         Filter::all().category("door")
///     }
///
///     async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
///         sqlx::raw_sql("CREATE TABLE doors (door text PRIMARY KEY, opened bigint NOT NULL)").execute(connection).await?;
///         Ok(())
///     }
///
///     async fn apply(
///         &self,
///         connection: &mut PgConnection,
///         events: Vec<(DoorEvent, RecordedEvent)>,
///     ) -> Result<(), BoxError> {
///         for (event, recorded) in events {
///             let DoorEvent::Opened(_) = event; // exhaustive: a second event breaks the build here
///             sqlx::query("INSERT INTO doors VALUES ($1, 1) ON CONFLICT (door) DO UPDATE SET opened = doors.opened + 1")
///                 .bind(recorded.stream_id().as_str())
///                 .execute(&mut *connection)
///                 .await?;
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait PgProjection: Send + Sync + 'static {
    /// The closed set of events that it is folded from. An event outside of it stops the projection, unless the set has
    /// an `other` variant or the filter leaves it out.
    type Event: EventSet;

    /// Its name: 1 to 50 of `a`-`z`, `0`-`9` and `_`, not starting with a digit.
    const NAME: &'static str;

    /// The number of the build, from 1.
    const BUILD: u32;

    /// Which events it gets, of all tenants; part of the build, whose number changes with it.
    fn filter(&self) -> Filter {
        Filter::all()
    }

    /// Makes the tables, in a schema that is empty and first on the search path. Called once for a build.
    ///
    /// # Errors
    /// Whatever stops it; nothing of the build is kept then.
    fn create(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes what events make of the tables, in the transaction that moves the place in the log. It may be called again
    /// with the same events, where that transaction did not come about; it must neither end the transaction nor write
    /// elsewhere than through it.
    ///
    /// # Errors
    /// Whatever stops it; the transaction is rolled back and the projection stands before the first of the events. A
    /// [`sqlx::Error`] that may pass is tried again by [`PgProjector::run`](event_sql::projector::Projector::run).
    fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Self::Event, RecordedEvent)>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// The driver's errors by their code, so that what may pass is known as such; anything else as it is.
pub(crate) fn told(operation: &'static str, error: BoxError) -> event_core::Error {
    match error.downcast::<sqlx::Error>() {
        Ok(error) => crate::error::error(operation, *error),
        Err(error) => match error.downcast::<event_core::Error>() {
            Ok(error) => *error,
            Err(error) => event_core::Error::adapter(operation, error),
        },
    }
}
