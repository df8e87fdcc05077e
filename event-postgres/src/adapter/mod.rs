//! [`PgAdapter`]: the store on PostgreSQL, as thin calls into the files below.

mod seam;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::append::{Commit, LinkEvents};
use event_core::adapter::{
    Adapter, AdapterFactory, Checkpoint, InlineModels, OpenOptions, SchemaStore, SubscriptionKey,
};
use event_core::health::Stall;
use event_core::{Appended, EventStore, Position, Result};
use event_sql::epochs::prove_bare;
use event_sql::inline::InlineProjections;
use event_sql::projector::{ProjectionStatus, wait_for};
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};

use crate::append::transaction;
use crate::frontier::{Frontier, Role};
use crate::grant::Rights;
use crate::import::Importer;
use crate::inline::{self, PgInlineProjection, Tables};
use crate::inspect::{self, Inspection};
use crate::keeper::Keeper;
use crate::listener::Listener;
use crate::notifier::Notifier;
use crate::options::PgOptions;
use crate::projection::{PgProjection, PgProjector};
use crate::read_models::ReadModels;
use crate::replica::Readers;
use crate::schema::PgSchema;
use crate::store::Store;
use crate::tail::Tail;
use crate::writer::Writer;
use crate::{checkpoints, grant, link, projection, sequences, start};

event_core::adapter::submit! {
    AdapterFactory::configured(
        &["postgres", "postgresql"],
        |url, options| Box::pin(async move {
            Ok(Arc::new(PgAdapter::open(url, options).await?) as Arc<dyn Adapter>)
        }),
        |url| Box::pin(async move {
            let options: PgOptions = url.parse()?;
            let schema = PgSchema::new(Arc::new(Store::new(&options)), options);
            Ok(Box::new(schema) as Box<dyn SchemaStore>)
        }),
    )
}

/// A store on PostgreSQL 14 or newer.
pub struct PgAdapter {
    store: Arc<Store>,
    frontier: Arc<Frontier>,
    writer: Writer,
    readers: Readers,
    importer: Importer,
    tail: Tail,
    notifier: Option<Notifier>,
    /// None where other processes are not told of commits either.
    keeper: Option<Keeper>,
    inline: InlineProjections<PgConnection>,
    models: InlineModels,
    schema: PgSchema,
    read_models: ReadModels,
}

impl PgOptions {
    /// Opens the store, and creates its schema or brings it up to date. Programs that start together wait for one
    /// another; a schema that is up to date is only read.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) when the server cannot be reached,
    /// [`Error::IncompatibleSchema`](event_core::Error::IncompatibleSchema) when a newer program wrote the schema,
    /// [`Error::Adapter`](event_core::Error::Adapter) when the server refuses: no such database, wrong password, no
    /// rights; and when a sequence is behind its rows, see [`repair_sequences`](Self::repair_sequences).
    pub async fn connect(self) -> Result<PgAdapter> {
        let store = Arc::new(Store::new(&self));
        Box::pin(start::open(&store, &self)).await?;
        sequences::server(&store).await?;
        let frontier =
            Arc::new(Frontier::new(Arc::clone(&store), Role::Primary, self.frontier_wait));
        let notify = self.notify;
        let listener = self.direct_servers().filter(|_| self.notify).map(Listener::new);
        Ok(PgAdapter {
            writer: Writer::new(Arc::clone(&store), self.append_lanes),
            readers: Readers::new(&self, Arc::clone(&frontier)),
            importer: Importer::default(),
            tail: Tail::new(Arc::clone(&frontier), listener),
            notifier: self.notify.then(|| Notifier::new(Arc::clone(&store))),
            keeper: notify.then(|| Keeper::new(Arc::clone(&frontier))),
            inline: InlineProjections::default(),
            models: InlineModels::default(),
            schema: PgSchema::new(Arc::clone(&store), self),
            read_models: ReadModels(Arc::clone(&store)),
            frontier,
            store,
        })
    }
}

impl PgAdapter {
    /// Opens the store that a URL names; [`PgOptions`] lists the keys.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`](event_core::Error::InvalidUrl), and those of [`PgOptions::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        url.parse::<PgOptions>()?.connect().await
    }

    /// Lets processes that start later know what is final.
    fn keep_soon(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.wake();
        }
    }

    /// Opens the store that a URL names as the options of the facade say.
    async fn open(url: &str, mut options: OpenOptions) -> Result<Self> {
        let connect: PgOptions = url.parse()?;
        let models = options.take_models();
        let inline = options.take_inline::<InlineProjections<PgConnection>>(inline::NAME)?;
        let mut adapter = connect.migrate(options.get_migrate()).connect().await?;
        adapter.models = models;
        for projection in inline {
            adapter.inline.extend(projection);
        }
        Ok(adapter)
    }

    /// Adds a read model that is written in the transaction of each append it wants; see [`PgInlineProjection`].
    ///
    /// Such appends are stored alone, one statement after the other: each costs what the statements of the read model
    /// cost, and the round trips between.
    #[must_use]
    pub fn inline(mut self, projection: impl PgInlineProjection) -> Self {
        self.inline.add(Tables(projection));
        self
    }

    /// Lets a role of the server use this store as an application: read, write through the store's functions only, and
    /// run projections, those that exist and those that are begun later. Such a role can neither change nor remove what
    /// is stored in any other way. To be called by the owner of the schema, again after an update that migrated it;
    /// any number of calls may run at once.
    ///
    /// Not included, see [`grant_admin_to`](Self::grant_admin_to): to switch and to drop builds of projections.
    ///
    /// # Errors
    /// [`Error::Adapter`](event_core::Error::Adapter) when there is no such role, or the caller does not own the
    /// schema.
    pub async fn grant_to(&self, role: &str) -> Result<()> {
        grant::to(&self.store, role, Rights::Use).await
    }

    /// Lets a role administer projections as well: [`switch`](event_sql::projector::Projector::switch) readers to
    /// another build, and [drop](Self::drop_projection) builds, whose schemas it has to own for that. Includes
    /// [`grant_to`](Self::grant_to).
    ///
    /// # Errors
    /// As [`grant_to`](Self::grant_to).
    pub async fn grant_admin_to(&self, role: &str) -> Result<()> {
        grant::to(&self.store, role, Rights::Administer).await
    }

    /// What blocks readers of all streams now, and which process: `None` when everything that is stored is visible.
    ///
    /// The same is logged as a warning once readers have waited for a second, and is in the metric
    /// `event_store_stall_seconds`. The statements of other roles are shown to members of `pg_read_all_stats` only.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection), [`Error::Overloaded`](event_core::Error::Overloaded).
    pub async fn stall(&self) -> Result<Option<Stall>> {
        self.frontier.stall().await
    }

    /// Asks the server for the settings that cost safety or speed, for transactions that are older than this, and for those
    /// that wait for others.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection), [`Error::Overloaded`](event_core::Error::Overloaded).
    pub async fn inspect(&self, older_than: Duration) -> Result<Inspection> {
        inspect::inspect(&self.store, older_than).await
    }

    /// Appends in a transaction of the caller's, on a connection of the caller's to the same database.
    ///
    /// The commit comes from the facade, validated and encoded, with the tenant and the metadata of its scope:
    /// [`Transaction::into_commit`](event_core::store::Transaction::into_commit). Nothing is stored or visible before
    /// the caller commits.
    ///
    /// **Append last.** From here to the commit the streams are locked against other writers, those that are only claimed as
    /// well, and a position is assigned: readers of all streams wait for it. Anything that takes time belongs before the append: a transaction that
    /// then waits for its program for longer than [`PgOptions::idle_transaction_timeout`] is ended by the server. The
    /// caller's commit does not wake subscriptions; they find it by their next poll, within a second.
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
    /// was not acknowledged can be repeated as a whole.
    ///
    /// # Errors
    /// Those of [`EventStore::append`], never retried. After a refusal
    /// ([`Error::WrongExpectedVersion`](event_core::Error::WrongExpectedVersion),
    /// [`Error::StreamDeleted`](event_core::Error::StreamDeleted),
    /// [`Error::StreamArchived`](event_core::Error::StreamArchived),
    /// [`Error::StreamLimitReached`](event_core::Error::StreamLimitReached),
    /// [`Error::EventIdConflict`](event_core::Error::EventIdConflict)) nothing was written and the transaction is still
    /// usable. It is aborted, and the server accepts nothing but its rollback, after an id that another writer commits
    /// at the same moment, [`Error::Overloaded`](event_core::Error::Overloaded) (a deadlock, a timeout),
    /// [`Error::Connection`](event_core::Error::Connection) and [`Error::Adapter`](event_core::Error::Adapter).
    /// [`Error::Adapter`](event_core::Error::Adapter), before anything is done, when the transaction is not `READ
    /// COMMITTED`.
    pub async fn append_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        commit: &Commit,
    ) -> Result<Vec<Appended>> {
        transaction::append_in(&self.store, transaction, commit).await
    }

    /// Links a stream to existing events in a transaction of the caller's, on a connection of the caller's to the same
    /// database: also to events that [`append_in`](Self::append_in) stored in it. The link comes from
    /// [`EventStore::prepare_link`]. The stream is locked against other writers until the caller commits. The same links
    /// again get the first answer.
    ///
    /// # Errors
    /// Those of [`EventStore::link`], never retried; after a refusal the transaction is still usable. Those of the server,
    /// which abort it, and of a transaction that is not `READ COMMITTED`, as [`append_in`](Self::append_in).
    pub async fn link_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        link: &LinkEvents,
    ) -> Result<Appended> {
        link::link_in(&self.store, transaction, link).await
    }

    /// Moves the checkpoint of a partition in a transaction of the caller's, so that the effects of the events and the
    /// checkpoint are stored together, or neither: exactly once. Call it first in the transaction; the partition then
    /// stays with this owner until it ends.
    ///
    /// `false`, and nothing changed: the partition has another owner now, or its checkpoint is as far already; roll
    /// back and stop.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection), [`Error::Adapter`](event_core::Error::Adapter); the
    /// transaction then has to be rolled back.
    pub async fn save_checkpoint_in(
        &self,
        transaction: &mut PgConnection,
        key: &SubscriptionKey,
        partition: u32,
        token: u64,
        checkpoint: Checkpoint,
    ) -> Result<bool> {
        checkpoints::save_in(&self.store, transaction, key, (partition, token), checkpoint).await
    }

    /// Begins a build of a projection, or continues it. It reads nothing before
    /// [`catch_up`](event_sql::projector::Projector::catch_up) or [`run`](event_sql::projector::Projector::run).
    ///
    /// For a new build the role needs the right to create schemas in the database.
    ///
    /// # Errors
    /// [`Error::LogDiverged`](event_core::Error::LogDiverged) when the log is not the one that the build was folded
    /// from; [`Error::Adapter`](event_core::Error::Adapter) for a name or number out of range, a schema of the build's
    /// name that is not its own, tables that cannot be created, and a build that was begun with another filter;
    /// [`Error::Registry`](event_core::Error::Registry); [`Error::Connection`](event_core::Error::Connection).
    pub async fn projector<P: PgProjection>(
        self: &Arc<Self>,
        projection: P,
    ) -> Result<PgProjector<P>> {
        let events = EventStore::new(Arc::clone(self))?;
        projection::open(&events, Arc::clone(&self.store), projection).await
    }

    /// How far a build of a projection is; without a number, the current one. `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and other errors of the database.
    pub async fn projection_status(
        &self,
        name: &str,
        build: Option<u32>,
    ) -> Result<Option<ProjectionStatus>> {
        projection::find(&self.store, name, build).await
    }

    /// Waits until the current build of a projection has reached a position; false if that took longer than `at_most`.
    /// A writer that reads what it wrote gives the position of its append.
    ///
    /// It asks the database, so it does not matter which process runs the projection.
    ///
    /// # Errors
    /// As [`PgAdapter::projection_status`]; [`Error::LogDiverged`](event_core::Error::LogDiverged) for a position of a log that was
    /// replaced. A projection that does not exist is waited for.
    pub async fn wait_for_projection(
        &self,
        name: &str,
        position: Position,
        at_most: Duration,
    ) -> Result<bool> {
        let epoch = self.store.lineage.epoch();
        let is_reached = wait_for(position, at_most, || self.projection_status(name, None)).await?;
        // Other events may have come to the position.
        prove_bare(self.live(), position, epoch).await?;
        Ok(is_reached)
    }

    /// Removes a build of a projection: its schema with everything in it, and its checkpoint, in one transaction. False
    /// if it does not exist. A process that still runs it stops with an error. Only a schema that carries the mark of the
    /// build is dropped, which [`projector`](Self::projector) gives it.
    ///
    /// # Errors
    /// [`Error::Adapter`](event_core::Error::Adapter) for the current build, which readers read, where the role does not
    /// own the schema, and for a schema without the mark, which stays; [`Error::Connection`](event_core::Error::Connection).
    pub async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        projection::remove(&self.store, name, build).await
    }
}

impl fmt::Debug for PgAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgAdapter")
            .field("schema", &self.store.sql.schema().as_str())
            .finish_non_exhaustive()
    }
}
