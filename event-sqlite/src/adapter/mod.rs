//! [`SqliteAdapter`]: the store in one file, as thin calls into the files below.

mod seam;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::append::{Commit, LinkEvents, StreamChange};
use event_core::adapter::{
    Adapter, AdapterFactory, AfterCommit, InlineModels, OpenOptions, SchemaStore, WantingModels,
};
use event_core::{
    Appended, Error, EventStore, ExpectedVersion, Position, Result, StreamId, Tenant,
};
use event_sql::epochs::prove_bare;
use event_sql::inline::InlineProjections;
use event_sql::projector::{ProjectionStatus, wait_for};
use event_sql::queue::APPEND;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use crate::inline::{self, SqliteInlineProjection, Tables};
use crate::inspect::{self, Inspection};
use crate::on_thread::OnThread;
use crate::options::SqliteOptions;
use crate::projection::{SqliteProjection, SqliteProjector};
use crate::schema::SqliteSchema;
use crate::store::Store;
use crate::tail::Tail;
use crate::writer::Writer;
use crate::{append, backup, link, projection, start, stream, verify};

event_core::adapter::submit! {
    AdapterFactory::configured(
        &["sqlite"],
        |url, options| Box::pin(async move {
            Ok(Arc::new(SqliteAdapter::open(url, options).await?) as Arc<dyn Adapter>)
        }),
        |url| Box::pin(async move {
            let options: SqliteOptions = url.parse()?;
            let store = Arc::new(Store::new(options.resolve()?)?);
            Ok(Box::new(SqliteSchema(store)) as Box<dyn SchemaStore>)
        }),
    )
}

/// A store in one file.
pub struct SqliteAdapter {
    store: Arc<Store>,
    writer: Writer,
    tail: Tail,
    inline: InlineProjections<SqliteConnection>,
    models: InlineModels,
    on_thread: OnThread,
    schema: SqliteSchema,
}

impl SqliteOptions {
    /// Opens the store, and creates its file and schema or brings them up to date. Programs that start together wait
    /// for one another; a schema that is up to date is only read.
    ///
    /// # Errors
    /// [`Error::Overloaded`](event_core::Error::Overloaded) when another program holds the file,
    /// [`Error::IncompatibleSchema`](event_core::Error::IncompatibleSchema) when a newer program wrote the schema,
    /// [`Error::Corrupt`](event_core::Error::Corrupt) when the file is damaged,
    /// [`Error::Adapter`](event_core::Error::Adapter) when it is no store, cannot be written, or cannot be created
    /// because its folder is missing.
    pub async fn connect(self) -> Result<SqliteAdapter> {
        let migrate = self.migrate;
        let store = Arc::new(Store::new(self.resolve()?)?);
        start::open(&store, migrate).await?;
        Ok(SqliteAdapter {
            writer: Writer::new(Arc::clone(&store)),
            tail: Tail::new(Arc::clone(&store)),
            inline: InlineProjections::default(),
            models: InlineModels::default(),
            on_thread: OnThread(Arc::clone(&store)),
            schema: SqliteSchema(Arc::clone(&store)),
            store,
        })
    }
}

impl SqliteAdapter {
    /// Opens the store that a URL names; [`SqliteOptions`] lists the keys.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`](event_core::Error::InvalidUrl), and those of [`SqliteOptions::connect`].
    pub async fn connect(url: &str) -> Result<Self> {
        url.parse::<SqliteOptions>()?.connect().await
    }

    /// Opens the store that a URL names as the options of the facade say.
    async fn open(url: &str, mut options: OpenOptions) -> Result<Self> {
        let connect: SqliteOptions = url.parse()?;
        let models = options.take_models();
        let inline = options.take_inline::<InlineProjections<SqliteConnection>>(inline::NAME)?;
        let mut adapter = connect.migrate(options.get_migrate()).connect().await?;
        adapter.models = models;
        for projection in inline {
            adapter.inline.extend(projection);
        }
        Ok(adapter)
    }

    /// Adds a read model that is written in the transaction of each append it wants; see [`SqliteInlineProjection`].
    ///
    /// Such appends are stored alone, each in a transaction of its own.
    #[must_use]
    pub fn inline(mut self, projection: impl SqliteInlineProjection) -> Self {
        self.inline.add(Tables(projection));
        self
    }

    /// The file: an absolute path without symbolic links, found when the store was opened.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// Asks the file for its settings, its room, and the file system that it is on.
    ///
    /// # Errors
    /// [`Error::Adapter`](event_core::Error::Adapter) when the file is not in its place any more.
    pub async fn inspect(&self) -> Result<Inspection> {
        inspect::inspect(&self.store).await
    }

    /// Copies the whole store as of now into a new file, while others read and write. The copy is a store like this
    /// one, without the room that removed events left.
    ///
    /// The file gets its name once the copy is whole, checked and on the disk: a backup that fails or is killed leaves
    /// nothing of that name, and what it leaves beside it (`….unfinished-backup`) is removed by the next one. To restore
    /// a backup, stop every program that has the store open and remove the `-wal` and `-shm` files of the old file; a
    /// program that is left running notices the other file and stores nothing more.
    ///
    /// # Errors
    /// [`Error::Adapter`](event_core::Error::Adapter) when the file exists already or cannot be written,
    /// [`Error::Overloaded`](event_core::Error::Overloaded) when the disk is full.
    ///
    /// ```
    /// use event_sqlite::SqliteOptions;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> event_core::Result<()> {
    /// # let folder = std::env::temp_dir().join(format!("event-sqlite-backup-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// let store = SqliteOptions::new(folder.join("games.db")).connect().await?;
    /// store.backup(folder.join("games-monday.db")).await?;
    /// assert!(store.backup(folder.join("games-monday.db")).await.is_err()); // never overwrites
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub async fn backup(&self, path: impl AsRef<Path>) -> Result<()> {
        backup::backup(&self.store, path.as_ref()).await
    }

    /// Appends in a transaction of the caller's, on a connection of the caller's to the same file.
    ///
    /// The commit comes from the facade, validated and encoded, with the tenant and the metadata of its scope:
    /// [`Transaction::into_commit`](event_core::store::Transaction::into_commit). Nothing is stored or visible before the
    /// caller commits. From here to the commit all writers of the file wait; begin the transaction with `BEGIN IMMEDIATE`, or
    /// another writer that was faster refuses it here. The caller's commit does not wake subscriptions; they find it by their
    /// next poll. Inline read models are not written; the next append with them catches up.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use event_core::{EventStore, ExpectedVersion, StreamId};
    /// use event_sqlite::SqliteAdapter;
    /// use sqlx::{Connection as _, SqliteConnection};
    /// # use event_core::Event;
    /// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "invoice_paid", version = 1)] struct InvoicePaid {}
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("event-sqlite-append-in-{}.db", std::process::id()));
    /// # let url = format!("sqlite:{}", path.display());
    /// let adapter = Arc::new(SqliteAdapter::connect(&url).await?);
    /// let store = EventStore::new(Arc::clone(&adapter))?;
    /// let mut connection = SqliteConnection::connect(&url).await?;
    /// # sqlx::query("CREATE TABLE invoices (id INTEGER PRIMARY KEY, paid INTEGER)").execute(&mut connection).await?;
    ///
    /// let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    /// sqlx::query("UPDATE invoices SET paid = 1 WHERE id = 7").execute(&mut *transaction).await?;
    /// let order = StreamId::new("order-7")?;
    /// let commit = store.transaction().append(&order, ExpectedVersion::Any, [InvoicePaid {}]).into_commit()?;
    /// adapter.append_in(&mut transaction, &commit).await?;
    /// transaction.commit().await?;
    /// assert_eq!(store.stream_version(&order).await?.get(), 1);
    /// # store.close().await;
    /// # let _ = std::fs::remove_file(path);
    /// # Ok(()) }
    /// ```
    ///
    /// The same events again are [`AlreadyStored`](event_core::Outcome::AlreadyStored), so a transaction whose commit was not
    /// acknowledged can be repeated as a whole.
    ///
    /// # Errors
    /// Those of [`EventStore::append`], never retried; after any of them the transaction is still usable.
    /// [`Error::Overloaded`](event_core::Error::Overloaded) where another program holds the file, or wrote it since the
    /// transaction began without the lock; [`Error::Adapter`](event_core::Error::Adapter) for a connection to another file.
    pub async fn append_in(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        commit: &Commit,
    ) -> Result<Vec<Appended>> {
        append::append_in(&self.store, transaction, commit).await
    }

    /// Links a stream to existing events in a transaction of the caller's, on a connection of the caller's to the same file:
    /// also to events that [`append_in`](Self::append_in) stored in it. The link comes from
    /// [`EventStore::prepare_link`]. The same links again get the first answer.
    ///
    /// # Errors
    /// Those of [`EventStore::link`], never retried; after any of them the transaction is still usable. And those of
    /// [`append_in`](Self::append_in) about the file.
    pub async fn link_in(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        link: &LinkEvents,
    ) -> Result<Appended> {
        link::link_in(&self.store, transaction, link).await
    }

    /// Reads the whole file and looks for damage: pages, indexes, and rows that contradict one another. It is
    /// [`EventStore::verify`] as an error.
    ///
    /// # Errors
    /// [`Error::Corrupt`] that lists what was found.
    pub async fn check(&self) -> Result<()> {
        let mut found = self.verify().await?;
        found.add(verify::events(self).await?);
        if found.is_sound() {
            return Ok(());
        }
        Err(Error::Corrupt { at: None, reason: found.to_string() })
    }

    /// Begins a build of a projection, or continues it. It reads nothing before
    /// [`catch_up`](event_sql::projector::Projector::catch_up) or [`run`](event_sql::projector::Projector::run).
    ///
    /// # Errors
    /// [`Error::LogDiverged`](event_core::Error::LogDiverged) when the log is not the one that the build was folded
    /// from; [`Error::Adapter`](event_core::Error::Adapter) for a name or number out of range, a table of the build's
    /// name that is not its own, tables that cannot be created, and a build that was begun with another filter;
    /// [`Error::Registry`](event_core::Error::Registry); [`Error::Overloaded`](event_core::Error::Overloaded) when
    /// another program holds the file.
    pub async fn projector<P: SqliteProjection>(
        self: &Arc<Self>,
        projection: P,
    ) -> Result<SqliteProjector<P>> {
        let events = EventStore::new(Arc::clone(self))?;
        projection::open(&events, Arc::clone(&self.store), projection).await
    }

    /// How far a build of a projection is; without a number, the current one. `None` if it does not exist.
    ///
    /// # Errors
    /// [`Error::Connection`](event_core::Error::Connection) and other errors of the file.
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
    /// It asks the file, so it does not matter which program runs the projection.
    ///
    /// # Errors
    /// As [`SqliteAdapter::projection_status`]; [`Error::LogDiverged`](event_core::Error::LogDiverged) for a position of a log that was
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

    /// Removes a build of a projection: its tables and views, and its checkpoint, in one transaction. False if it does
    /// not exist. A program that still runs it stops with an error.
    ///
    /// # Errors
    /// [`Error::Adapter`](event_core::Error::Adapter) for the current build, which readers read;
    /// [`Error::Overloaded`](event_core::Error::Overloaded) when another program holds the file.
    pub async fn drop_projection(&self, name: &str, build: u32) -> Result<bool> {
        let (store, name) = (self.store(), name.to_owned());
        let work = async move { projection::remove(&store, &name, build).await };
        self.store.thread.run("drop a projection", work).await?
    }

    fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Archives, deletes or truncates a stream; `call` is what settles an unknown outcome.
    async fn change(
        &self,
        tenant: &Tenant,
        stream_id: &StreamId,
        (expected, change): (ExpectedVersion, StreamChange),
        call: Option<Uuid>,
    ) -> Result<()> {
        let (store, tenant, stream_id) = (self.store(), tenant.clone(), stream_id.clone());
        let work = async move {
            stream::change(&store, &tenant, &stream_id, expected, change, call).await
        };
        self.store.thread.run("change a stream", work).await?
    }

    /// Stores a commit together with the read models that want it.
    async fn commit_inline(
        &self,
        models: Option<WantingModels>,
        commit: Commit,
    ) -> Result<(Vec<Appended>, Vec<AfterCommit>)> {
        let (store, inline) = (self.store(), self.inline.clone());
        let work = async move {
            let inline = inline.wanting(&commit);
            append::commit_inline(&store, (inline.as_ref(), models), &commit).await
        };
        self.store.thread.run(APPEND, work).await?
    }
}

impl fmt::Debug for SqliteAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteAdapter").field("path", &self.path()).finish_non_exhaustive()
    }
}
