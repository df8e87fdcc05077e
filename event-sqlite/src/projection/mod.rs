//! Projections in tables of the file: [`SqliteProjection`] says how events change the tables, [`SqliteProjector`] folds
//! the log into them, each event exactly once.
//!
//! The tables and the checkpoint are written in one transaction, the checkpoint first. That transaction takes turns
//! with the appends of the program, so it should be short: by default a batch is 200 events at most.

mod build;
mod portable;
mod projector;
mod remove;
mod status;
mod tables;

use std::future::Future;

use event_core::error::BoxError;
use event_core::{EventSet, Filter, RecordedEvent};
use sqlx::sqlite::SqliteConnection;

pub use self::build::SqliteBuild;
pub(crate) use self::portable::{without_tenant, write_in};
pub use self::projector::SqliteProjector;
pub(crate) use self::projector::open;
pub(crate) use self::remove::remove;
pub(crate) use self::status::{all, find};
pub use self::tables::SqliteTables;

/// A read model in tables of the store's file.
///
/// A file has no schemas, so the tables of each build have names that begin with `<name>_<build>_`; statements name
/// them through [`SqliteTables`]. A build begins with the first event. To change the tables, or what is written to
/// them, raise [`BUILD`](Self::BUILD): the new build is made beside the old one, and readers move over with
/// [`SqliteProjector::switch`](event_sql::projector::Projector::switch). The old tables stay until an operator who
/// knows that they are not read any more calls
/// [`SqliteAdapter::drop_projection`](crate::SqliteAdapter::drop_projection).
///
/// ```
/// use std::sync::Arc;
///
/// use event_core::{EventStore, ExpectedVersion, Filter, RecordedEvent, StreamId};
/// use event_core::error::BoxError;
/// use event_sqlite::{SqliteOptions, SqliteProjection, SqliteTables};
/// use sqlx::sqlite::SqliteConnection;
/// # use event_core::Event;
///
/// #[derive(serde::Serialize, serde::Deserialize, Event)]
/// #[event(type = "opened", version = 1)]
/// struct Opened { by: String }
///
/// #[derive(Event)]
/// enum DoorEvent { Opened(Opened) }
///
/// struct Doors;
///
/// impl SqliteProjection for Doors {
///     type Event = DoorEvent;
///     const NAME: &'static str = "doors";
///     const BUILD: u32 = 1;
///
///     fn filter(&self) -> Filter {
///         Filter::all().category("door")
///     }
///
///     async fn create(&self, connection: &mut SqliteConnection, tables: &SqliteTables) -> Result<(), BoxError> {
///         let create = "CREATE TABLE {doors} (door TEXT PRIMARY KEY, opened INTEGER NOT NULL) STRICT";
///         sqlx::query(tables.sql(create)).execute(connection).await?;
///         Ok(())
///     }
///
///     async fn apply(
///         &self,
///         connection: &mut SqliteConnection,
///         tables: &SqliteTables,
///         events: Vec<(DoorEvent, RecordedEvent)>,
///     ) -> Result<(), BoxError> {
///         for (event, recorded) in events {
///             let DoorEvent::Opened(_) = event; // exhaustive: a second event breaks the build here
///             let count = "INSERT INTO {doors} VALUES (?1, 1) ON CONFLICT (door) DO UPDATE SET opened = opened + 1";
///             sqlx::query(tables.sql(count)).bind(recorded.stream_id().as_str()).execute(&mut *connection).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> event_core::Result<()> {
/// # let path = std::env::temp_dir().join(format!("event-sqlite-doors-{}.db", std::process::id()));
/// let adapter = Arc::new(SqliteOptions::new(&path).connect().await?);
/// let store = EventStore::new(Arc::clone(&adapter))?;
/// store.append(&StreamId::new("door-1")?, ExpectedVersion::NoStream, [Opened { by: "ann".into() }]).await?;
/// let mut doors = adapter.projector(Doors).await?;
/// assert_eq!(doors.catch_up().await?, 1);
/// assert_eq!(doors.schema(), "doors_1_");
/// # store.close().await;
/// # let _ = std::fs::remove_file(path);
/// # Ok(()) }
/// ```
pub trait SqliteProjection: Send + Sync + 'static {
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

    /// Creates the tables, and the indexes on them. Called once for a build.
    ///
    /// # Errors
    /// After any error nothing of the build is kept.
    fn create(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Writes what events change in the tables, in the transaction that moves the checkpoint. It is called again with
    /// the same events, or some of them, if that transaction was not committed; it must neither end the transaction, nor
    /// leave a setting of the connection behind, nor write elsewhere than through it. The program's appends wait until it
    /// is done: one that takes more than 5 seconds is undone, and tried with fewer events; one event may take 30 seconds.
    ///
    /// # Errors
    /// After any error the transaction is rolled back, and the checkpoint stays before the first of the events. The
    /// projector's error names the event, and the last statement that [`SqliteTables`] wrote.
    /// [`SqliteProjector::run`](event_sql::projector::Projector::run) retries after a transient [`sqlx::Error`].
    fn apply(
        &self,
        connection: &mut SqliteConnection,
        tables: &SqliteTables,
        events: Vec<(Self::Event, RecordedEvent)>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}
