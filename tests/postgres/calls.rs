//! Every kind of call, in the same troubles: its caller goes away while it waits, the tables change beside it, its connections
//! die without a word or are ended by the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use event_core::adapter::import::{ImportBatch, Positions};
use event_core::adapter::{Adapter as _, StoredSnapshot};
use event_core::error::with_causes;
use event_core::serde_json::value::RawValue;
use event_core::subscription::Parked;
use event_core::{
    AllOptions, Delete, EventId, EventStore, EventVersion, ExpectedVersion, ListOptions, Position,
    ReadOptions, Result, RetryPolicy, StartFrom, StreamId, StreamVersion, Tenant,
};
use event_postgres::{PgAdapter, PgOptions};
use event_testing::Noted;
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::time::timeout;

use crate::contested::documents;
use crate::proxy::Proxy;
use crate::sqlstates::Counted;
use crate::{pg, stream};

const KINDS: &[&str] = &[
    "append",
    "large append",
    "transaction",
    "link",
    "truncate",
    "archive",
    "delete",
    "read a stream",
    "read all",
    "read all backward",
    "read a category",
    "read correlated",
    "read an event",
    "stream info",
    "list streams",
    "head",
    "health",
    "census",
    "verify",
    "import",
    "load a snapshot",
    "save a snapshot",
    "subscribe",
    "durable subscription",
    "list subscriptions",
    "parked events",
    "replay",
    "reset",
    "projection",
    "view",
    "read a view",
    "projections",
    "inspection",
    "grant",
    "connect",
    "migrate",
];

/// A store, and the calls of it.
struct World {
    options: PgOptions,
    adapter: Arc<PgAdapter>,
    store: EventStore,
    role: String,
    number: AtomicU64,
}

impl World {
    async fn open(url: &str, role: &str) -> Self {
        let options: PgOptions = url.parse().unwrap();
        let options = options.pool_size(2).notify(false).acquire_timeout(Duration::from_secs(2));
        let adapter = Arc::new(options.clone().connect().await.unwrap());
        let policy = RetryPolicy::default().retries(6);
        let store = EventStore::builder(Arc::clone(&adapter)).retry(policy).build().unwrap();
        let (role, number) = (role.to_owned(), AtomicU64::new(0));
        let world = Self { options, adapter, store, role, number };
        world.store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(3)).await.unwrap();
        for kind in KINDS {
            world.succeed(kind).await;
        }
        world
    }

    async fn succeed(&self, kind: &str) {
        let call = timeout(Duration::from_mins(1), self.call(kind)).await;
        let done = call.unwrap_or_else(|_| panic!("{kind}: it does not end"));
        done.unwrap_or_else(|error| panic!("{kind}: {}", with_causes(&error)));
    }

    /// A stream with an event.
    async fn one(&self) -> Result<StreamId> {
        let name = self.name();
        self.store.append(&name, ExpectedVersion::NoStream, Noted::many(1)).await?;
        Ok(name)
    }

    fn name(&self) -> StreamId {
        stream(&format!("other-{}", self.number.fetch_add(1, Ordering::Relaxed)))
    }

    async fn call(&self, kind: &str) -> Result<()> {
        let Self { adapter, store, .. } = self;
        let (any, note) = (ExpectedVersion::Any, stream("note-1"));
        let mail = || store.subscription("mail");
        match kind {
            "append" => store.append(&self.name(), any, Noted::many(1)).await.map(drop),
            "large append" => store.append(&self.name(), any, Noted::many(200)).await.map(drop),
            "transaction" => {
                let (one, two) = (self.name(), self.name());
                let both = store.transaction().append(&one, any, Noted::many(1));
                let both = both.append(&two, any, Noted::many(1));
                both.expect(&note, ExpectedVersion::StreamExists).commit().await.map(drop)
            }
            "link" => {
                let events = store.read_stream(&note, ReadOptions::forward()).await?;
                let id = events.first().map(event_core::RecordedEvent::event_id);
                store.link(&self.name(), any, id).await.map(drop)
            }
            "truncate" => {
                let name = self.one().await?;
                store.truncate_before(&name, StreamVersion::new(1)).await
            }
            "archive" => store.archive_stream(&self.one().await?, any).await,
            "delete" => store.delete_stream(&self.one().await?, any, Delete::Soft).await,
            "read a stream" => store.read_stream(&note, ReadOptions::backward()).await.map(drop),
            "read all" => store.read_all(AllOptions::new()).await.map(drop),
            "read all backward" => store.read_all(AllOptions::new().backward()).await.map(drop),
            "read a category" => store.read_all(AllOptions::new().category("note")).await.map(drop),
            "read correlated" => {
                store.read_all(AllOptions::new().correlation_id("none")).await.map(drop)
            }
            "read an event" => store.read_event(EventId::new()).await.map(drop),
            "stream info" => store.stream_info(&note).await.map(drop),
            "list streams" => store.list_streams(ListOptions::default()).await.map(drop),
            "head" => store.head().await.map(drop),
            "health" => self.patient(async || store.health().await.map(drop)).await,
            "census" => store.census().await.map(drop),
            "verify" => self.patient(async || store.verify().await.map(drop)).await,
            "import" => {
                let number = self.number.fetch_add(1, Ordering::Relaxed);
                let events = vec![crate::import::at(1_000 + number)];
                let batch = ImportBatch::Events { positions: Positions::Assign, events };
                match adapter.import(&batch).await {
                    Err(error) if error.is_transient() => adapter.import(&batch).await.map(drop),
                    done => done.map(drop),
                }
            }
            "load a snapshot" => {
                self.patient(async || {
                    adapter.snapshots().load(&Tenant::default(), &note, "none").await.map(drop)
                })
                .await
            }
            "save a snapshot" => {
                let snapshot = StoredSnapshot {
                    kind: "kind".into(),
                    version: EventVersion::FIRST,
                    shape: 0,
                    stream_version: StreamVersion::new(1),
                    position: Position::new(1),
                    event_id: EventId::new(),
                    data: RawValue::from_string("{}".into()).unwrap(),
                };
                self.patient(async || {
                    adapter.snapshots().save(&Tenant::default(), &note, &snapshot).await.map(drop)
                })
                .await
            }
            "subscribe" => {
                let all = event_core::Filter::all();
                let mut events = store.subscribe(StartFrom::Beginning, all).await?;
                events.next().await.transpose().map(drop)
            }
            "durable subscription" => {
                let mut consumer = mail().lease(Duration::from_secs(1)).open().await?;
                let _ = timeout(Duration::from_millis(50), consumer.next()).await;
                consumer.close().await
            }
            "list subscriptions" => store.subscriptions().await.map(drop),
            "parked events" => mail().parked().await.map(drop),
            "replay" => mail().replay(Parked::all()).await.map(drop),
            "reset" => mail().reset(StartFrom::Beginning).await,
            "projection" => {
                self.patient(async || {
                    let mut projector = adapter.projector(Counted).await?;
                    projector.catch_up().await.map(drop)
                })
                .await
            }
            "view" => self.patient(async || documents(store).catch_up().await.map(drop)).await,
            "read a view" => documents(store).get("all").await.map(drop),
            "projections" => store.projections().await.map(drop),
            _ => self.administer(kind).await,
        }
    }

    /// The calls of an operator.
    async fn administer(&self, kind: &str) -> Result<()> {
        let adapter = &self.adapter;
        match kind {
            "inspection" => {
                self.patient(async || adapter.inspect(Duration::from_secs(1)).await.map(drop)).await
            }
            "grant" => self.patient(async || adapter.grant_to(&self.role).await).await,
            "connect" => {
                self.patient(async || {
                    let adapter = self.options.clone().connect().await?;
                    adapter.close().await;
                    Ok(())
                })
                .await
            }
            "migrate" => {
                self.patient(async || adapter.schema().unwrap().apply().await.map(drop)).await
            }
            _ => panic!("{kind} is not known"),
        }
    }

    /// What the facade does for its own calls.
    async fn patient(&self, call: impl AsyncFn() -> Result<()>) -> Result<()> {
        let mut tries = 0;
        loop {
            match call().await {
                Err(error) if error.is_transient() && tries < 6 => tries += 1,
                done => return done,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn role(database: &pg::Database<'_>) -> String {
    let role = format!("calls_{}", database.name());
    pg::run(&mut database.connection().await, &format!("CREATE ROLE {role}")).await;
    role
}

/// All tables of the store, one statement each.
const TABLES: &str = "DO $$ DECLARE t record; BEGIN \
    FOR t IN SELECT c.oid::regclass AS name FROM pg_class c \
             WHERE c.relnamespace = 'event_store'::regnamespace AND c.relkind = 'r' LOOP \
        EXECUTE format(ACTION, t.name); \
    END LOOP; END $$";

const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity \
                           WHERE datname = current_database() AND application_name = 'event-postgres'";

/// What the store does beside its calls may hold a lock, too.
async fn lock_all(admin: &mut PgConnection, lock: &str) {
    let statement = format!("BEGIN; {lock}");
    let mut tries = 0;
    while let Err(error) =
        sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *admin).await
    {
        tries += 1;
        assert!(tries < 50, "{error}");
        pg::run(admin, "ROLLBACK").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_any_kind_that_is_given_up_leaves_no_connection_behind() {
    let database = pg::shared().database().await;
    let role = role(&database).await;
    let world = World::open(&database.url, &role).await;
    let (mut admin, mut watcher) = (database.connection().await, database.connection().await);
    let lock = TABLES.replace("ACTION", "'LOCK TABLE %s IN ACCESS EXCLUSIVE MODE'");
    for kind in KINDS {
        lock_all(&mut admin, &lock).await;
        let mut most = 0;
        for _ in 0..12 {
            let _ = timeout(Duration::from_millis(15), world.call(kind)).await;
            most = most.max(pg::number(&mut watcher, CONNECTIONS).await);
        }
        // Two of the pool, one that watches and cancels, and those of imports and projections that are being ended.
        println!("{kind}: at most {most} connections");
        assert!(most <= 10, "{kind}: {most} connections");
        pg::run(&mut admin, "ROLLBACK").await;
        let began = Instant::now();
        world.succeed(kind).await;
        assert!(began.elapsed() < Duration::from_secs(20), "{kind}: {:?}", began.elapsed());
    }
    let began = Instant::now();
    while pg::number(&mut watcher, CONNECTIONS).await > 3 {
        assert!(began.elapsed() < Duration::from_secs(20), "connections are left behind");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pool = world.store.health().await.unwrap().pool.unwrap();
    assert!(pool.busy <= 1, "{pool:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_may_change_beside_a_call_of_any_kind() {
    let database = pg::shared().database().await;
    let role = role(&database).await;
    let world = World::open(&database.url, &role).await;
    let mut admin = database.connection().await;
    for (round, kind) in KINDS.iter().enumerate() {
        let add = format!("'ALTER TABLE %s ADD COLUMN later_{round} int'");
        lock_all(&mut admin, &TABLES.replace("ACTION", &add)).await;
        pg::run(&mut admin, "COMMIT").await;
        world.succeed(kind).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_any_kind_outlives_its_connections() {
    let database = pg::shared().database().await;
    let role = role(&database).await;
    let proxy = Proxy::start(database.address());
    let world = World::open(&proxy.url(&database.url, &database.address()), &role).await;
    let mut admin = database.connection().await;
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name = 'event-postgres'";
    for kind in KINDS {
        pg::number(&mut admin, terminate).await;
        world.succeed(kind).await;
    }
    for kind in KINDS {
        proxy.forget_connections();
        let began = Instant::now();
        world.succeed(kind).await;
        println!("{kind}: {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(12), "{kind}: {:?}", began.elapsed());
    }
}
