//! [`TableProjection`]: a read model in tables, written once for every backend that has tables.

mod build;
mod handle;
mod inline;
mod tx;

use std::future::Future;

pub use self::handle::{TableRunner, Tables};
pub use self::tx::TablesTx;
use crate::envelope::{EventSet, RecordedEvent};
use crate::error::BoxError;
use crate::store::EventStore;
use crate::subscription::Filter;

/// A read model in tables of its own, with one definition for SQLite and PostgreSQL.
///
/// The statements name the tables in braces and the parameters `$1`, `$2`. [`EventStore::tables`] reads the tables and runs the
/// projection. Each event is applied exactly once, even with several processes or after a crash: rows and checkpoint are written in
/// one transaction. A rebuild makes new tables beside the old ones.
///
/// ```
/// use event_core::error::BoxError;
/// use event_core::{RecordedEvent, TableProjection, TablesTx};
/// # use event_core::{Event, EventSet, EventStore, EventVersion, Result};
/// # use event_core::registry::Registration;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
/// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # enum DoorEvent { Opened(Opened) }
/// # impl EventSet for DoorEvent {
/// #     const TYPES: &'static [&'static str] = &["opened"];
/// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Opened>()];
/// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Opened) }
/// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Opened(opened) = self; Some(opened) }
/// # }
/// #[derive(Default)]
/// struct Visits;
///
/// impl TableProjection for Visits {
///     type Event = DoorEvent; // a closed set: `#[derive(Event)]` on an enum
///     const NAME: &'static str = "visits";
///
///     fn create() -> &'static [&'static str] {
///         &[
///             "CREATE TABLE {visits} (tenant text, door text, opened integer NOT NULL, at timestamp, PRIMARY KEY (tenant, door))",
///             "CREATE INDEX visits_at ON {visits} (at)",
///         ]
///     }
///
///     async fn apply(
///         &self,
///         event: DoorEvent,
///         recorded: &RecordedEvent,
///         tables: &mut TablesTx<'_>,
///     ) -> Result<(), BoxError> {
///         let DoorEvent::Opened(_) = event; // exhaustive: a second event breaks the build here
///         let count = "INSERT INTO {visits} (tenant, door, opened, at) VALUES ($1, $2, 1, $3)
///                      ON CONFLICT (tenant, door) DO UPDATE SET opened = {visits}.opened + 1, at = excluded.at";
///         let at = recorded.recorded_at();
///         tables.execute(count, (recorded.tenant(), recorded.stream_id(), at)).await?;
///         Ok(())
///     }
/// }
///
/// async fn most_opened(store: &EventStore) -> Result<Option<String>> {
///     let most = "SELECT door FROM {visits} WHERE opened > $1 ORDER BY opened DESC LIMIT 1";
///     let rows = store.tables::<Visits>().query(most, [10]).await?;
///     rows.first().map(|row| row.get("door")).transpose()
/// }
/// # let _ = most_opened;
/// ```
///
/// # The statements that create the tables
///
/// They are `CREATE TABLE {name} (…)` and `CREATE [UNIQUE] INDEX name ON {name} (…)`. A column has one of these types, which the
/// backend replaces by its own:
///
/// | type | other words | SQLite | PostgreSQL | value |
/// |---|---|---|---|---|
/// | `text` | | `TEXT` | `text`, compared byte by byte | `String` |
/// | `integer` | `int`, `bigint` | `INT` | `bigint` | `i64` and smaller |
/// | `real` | `double`, `double precision`, `float` | `REAL` | `double precision` | `f64` |
/// | `numeric` | `decimal`, with `(precision, scale)`, which nothing enforces | `REAL` | `numeric` | [`Decimal`](super::Decimal) |
/// | `boolean` | `bool` | `INT` | `boolean` | `bool` |
/// | `timestamp` | `timestamptz` | `TEXT`, as in `2026-01-31T12:00:00.000000Z` | `timestamptz` | `DateTime<Utc>` |
/// | `date` | | `TEXT`, as in `2026-01-31` | `date` | `NaiveDate` |
/// | `json` | `jsonb` | `TEXT` | `jsonb` | `serde_json::Value` |
/// | `bytes` | `blob`, `bytea` | `BLOB` | `bytea` | `Vec<u8>` |
/// | `uuid` | | `TEXT` | `uuid` | `Uuid` |
///
/// SQLite computes with floating-point numbers: a `numeric` with more than 15 significant digits is refused there. Amounts of money
/// are simplest as an `integer` of the smallest unit. The rest of a statement is passed on, and is what both dialects have; what
/// only one has is the business of a projection of that backend (`PgProjection`, `SqliteProjection`).
///
/// # Tenants
///
/// A table with a column `tenant` holds the rows of all tenants; a store that is bound to a tenant reads only its rows. Write
/// [`RecordedEvent::tenant`] to it, and make it part of the keys. Without such a column a projection gets events of the default
/// tenant only, and an error for others, unless it is [`SHARED`](Self::SHARED).
pub trait TableProjection: Send + Sync + 'static {
    /// The closed set of events that it is folded from.
    type Event: EventSet;

    /// Its name: 1 to 50 of `a`-`z`, `0`-`9` and `_`, not starting with a digit. No other view or projection of the store has it.
    const NAME: &'static str;

    /// The version of its definition. Raise it when the tables change or what is written to them: the store refuses a program
    /// whose version differs from that of the tables, and [`Tables::rebuild`] makes new ones.
    const VERSION: u32 = 1;

    /// Whether every tenant may read the rows of tables that have no column `tenant`.
    const SHARED: bool = false;

    /// Which events it gets, of all tenants: by default those of its set. Part of the definition.
    fn filter() -> Filter {
        Filter::all().event_types(Self::Event::TYPES.iter().copied())
    }

    /// The statements that create the tables and their indexes, in order. Part of the definition.
    fn create() -> &'static [&'static str];

    /// Applies an event to the tables, in the transaction that moves the checkpoint. It is called again if that transaction is
    /// not committed, so it must act through `tables` only; side effects, such as a mail, are added to [`TablesTx::effects`] and
    /// run after the commit.
    ///
    /// # Errors
    /// Any error stops the projection before the event, and names the event and the statement. A transient error of the store is
    /// retried.
    fn apply(
        &self,
        event: Self::Event,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl EventStore {
    /// The tables of a projection, to read and to run.
    pub fn tables<P: TableProjection>(&self) -> Tables<P> {
        Tables::new(self.clone())
    }
}
