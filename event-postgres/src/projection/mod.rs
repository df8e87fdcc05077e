//! Projections in tables: [`PgProjection`] says how events change the tables, [`PgProjector`] folds the log into them,
//! each event exactly once.
//!
//! The tables and the checkpoint are written in one transaction, the checkpoint first: that locks its row, and fails
//! where another process moved it meanwhile. So it does not matter how many processes run one build, or when one is
//! killed.

mod attempt;
mod build;
mod names;
mod portable;
mod projector;
mod remove;
mod status;

use std::future::Future;

use event_core::error::BoxError;
use event_core::{EventSet, Filter, RecordedEvent};
use sqlx::PgConnection;

pub use self::build::PgBuild;
pub(crate) use self::portable::{without_tenant, write_in};
pub use self::projector::PgProjector;
pub(crate) use self::projector::{open, switch};
pub(crate) use self::remove::remove;
pub(crate) use self::status::{all, find};

/// A read model in tables of the store's database.
///
/// Each build has a schema of its own, `<name>_<build>`, the only one on the search path: its statements name their
/// tables without it. A build begins with the first event. To change the tables, or what is written to them, raise
/// [`BUILD`](Self::BUILD): the new build is made beside the old one, and readers move over with
/// [`PgProjector::switch`](event_sql::projector::Projector::switch). The old tables stay until an operator who knows
/// that they are not read any more calls [`PgAdapter::drop_projection`](crate::PgAdapter::drop_projection).
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

    /// Which events it gets, of all tenants. It is part of the build: another filter needs another number.
    fn filter(&self) -> Filter {
        Filter::all()
    }

    /// Creates the tables, in an empty schema that is the only one on the search path. Called once for a build.
    ///
    /// # Errors
    /// After any error nothing of the build is kept.
    fn create(
        &self,
        connection: &mut PgConnection,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes what events change in the tables, in the transaction that moves the checkpoint. It is called again with
    /// the same events, or some of them, if that transaction was not committed; it must neither end the transaction nor
    /// write elsewhere than through it. `statement_timeout` limits each of its statements: where one reaches it, fewer
    /// events are tried.
    ///
    /// # Errors
    /// After any error the transaction is rolled back, and the checkpoint stays before the first of the events. The
    /// projector's error names the event and the statement.
    /// [`PgProjector::run`](event_sql::projector::Projector::run) retries after a transient [`sqlx::Error`].
    fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Self::Event, RecordedEvent)>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}
