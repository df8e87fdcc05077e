//! What was read from a log that a failover replaced is not written into the one of now, not even by a process that has
//! not learned of the failover yet.

use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::{
    Adapter, Checkpoint, CheckpointMove, CheckpointStore, Moved, ParkedEvent, Registered,
    SubscriptionKey,
};
use event_core::error::BoxError;
use event_core::{
    BatchSize, Event, EventId, EventStore, Filter, Position, RecordedEvent, StartFrom, Tenant,
};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::Noted;
use sqlx::PgConnection;
use tokio::sync::Semaphore;

use crate::failover::{Switch, append, log, wait_until};
use crate::pg;

const LONG: Duration = Duration::from_mins(5);

/// A primary and a standby that does not follow it any more, and an address that leads to the primary.
pub(crate) struct Pair {
    primary: pg::Cluster,
    standby: pg::Cluster,
    pub(crate) switch: Switch,
    /// Through the address, and directly.
    pub(crate) url: String,
    primary_url: String,
    pub(crate) standby_url: String,
}

impl Pair {
    /// With `kept` events on both servers.
    pub(crate) async fn with(kept: usize) -> Self {
        let primary =
            tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
        let database = primary.database().await;
        let switch = Switch::to(database.address());
        let url = switch.url(&database);
        let store = EventStore::new(PgAdapter::connect(&url).await.unwrap()).unwrap();
        append(&store, "kept", kept).await;
        store.close().await;
        let standby = primary.standby();
        let primary_url = database.url.clone();
        let standby_url = primary_url.replace(&database.address(), &standby.address());
        drop(database);
        Self { primary, standby, switch, url, primary_url, standby_url }
    }

    /// Waits until the standby has everything, and lets it follow no further.
    pub(crate) async fn part(&self) {
        let ours = log(&self.primary_url).await.len();
        wait_until("the standby follows", async || log(&self.standby_url).await.len() == ours)
            .await;
        let mut standby = pg::connect(&self.standby_url).await;
        pg::run(&mut standby, "ALTER SYSTEM SET primary_conninfo = ''").await;
        pg::run(&mut standby, "SELECT pg_reload_conf()").await;
        let receivers = "SELECT count(*) FROM pg_stat_wal_receiver";
        wait_until("the standby is parted", async || {
            let mut standby = pg::connect(&self.standby_url).await;
            pg::number(&mut standby, receivers).await == 0
        })
        .await;
    }

    /// The standby takes over, and other events get the positions of the lost ones, and more.
    pub(crate) async fn fail_over(&mut self, new: usize) {
        self.primary.crash();
        let mut standby = pg::connect(&self.standby_url).await;
        pg::run(&mut standby, "SELECT pg_promote()").await;
        let other = EventStore::new(PgAdapter::connect(&self.standby_url).await.unwrap()).unwrap();
        append(&other, "new", new).await;
        other.close().await;
        self.switch.replace(self.standby.address());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_saves_nothing_of_what_it_read_before_a_failover() {
    let mut pair = Pair::with(10).await;
    let adapter = Arc::new(PgAdapter::connect(&pair.url).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let key = SubscriptionKey { tenant: Some(Tenant::default()), name: "mail".into() };
    let checkpoints: &dyn CheckpointStore = adapter.checkpoints().unwrap();
    let wanted = Registered { filter: "everything".into(), partitions: 1 };
    let id = checkpoints.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let token = checkpoints.heartbeat(&key, id, "me", LONG).await.unwrap().leases[0].token;
    pair.part().await;
    append(&store, "gone", 10).await;
    let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    let mut last = None;
    for _ in 0..20 {
        last = Some(events.next().await.unwrap().unwrap());
    }
    let last = last.unwrap();
    pair.fail_over(50).await;

    // Every event of the checkpoint's own is one that both logs have; it passes over others of the new log.
    let first = log(&pair.standby_url).await[9];
    let event = Some((Position::new(10), first));
    let checkpoint = Checkpoint { position: last.position(), event };
    let mut direct = pg::connect(&pair.standby_url).await;
    pg::run(&mut direct, "BEGIN").await;
    let saved = adapter.save_checkpoint_in(&mut direct, &key, 0, token, checkpoint).await;
    assert!(!saved.unwrap(), "in a transaction");
    pg::run(&mut direct, "COMMIT").await;
    assert!(!checkpoints.save(&key, 0, token, checkpoint, 0).await.unwrap(), "alone");
    let to = CheckpointMove { partition: 0, token, checkpoint, skipped: 0 };
    assert_eq!(checkpoints.save_all(&key, &[to]).await.unwrap(), [Moved::Lost]);
    let parked = ParkedEvent {
        position: last.position(),
        event_id: last.event_id(),
        partition: 0,
        attempts: 1,
        error: "refused".into(),
        parked_at: chrono::DateTime::UNIX_EPOCH,
        replay: false,
    };
    assert!(!checkpoints.park(&key, token, &parked).await.unwrap());
    assert!(checkpoints.parked(&key, None, false, Position::START, 10).await.unwrap().is_empty());

    // Partitions that are taken anew are of the new log.
    checkpoints.release(&key, id, "me", None).await.unwrap();
    let token = checkpoints.heartbeat(&key, id, "me", LONG).await.unwrap().leases[0].token;
    assert!(checkpoints.save(&key, 0, token, checkpoint, 0).await.unwrap());
}

/// A restart loses nothing: what was read before it is saved after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_saves_what_it_read_before_a_restart() {
    let cluster = tokio::task::spawn_blocking(|| pg::Cluster::start(pg::Fsync::Off)).await.unwrap();
    let url = cluster.database().await.url.clone();
    let adapter = Arc::new(PgAdapter::connect(&url).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    append(&store, "kept", 10).await;
    let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    for _ in 0..10 {
        events.next().await.unwrap().unwrap();
    }
    let key = SubscriptionKey { tenant: Some(Tenant::default()), name: "mail".into() };
    let checkpoints = adapter.checkpoints().unwrap();
    let wanted = Registered { filter: "everything".into(), partitions: 1 };
    let id = checkpoints.register(&key, &wanted, Position::START).await.unwrap().incarnation;
    let token = checkpoints.heartbeat(&key, id, "me", LONG).await.unwrap().leases[0].token;
    cluster.crash();
    cluster.restart();
    let checkpoint = Checkpoint { position: Position::new(10), event: None };
    let saved = async || checkpoints.save(&key, 0, token, checkpoint, 0).await;
    wait_until("the checkpoint is saved", async || match saved().await {
        Ok(saved) => {
            assert!(saved);
            true
        }
        Err(error) => {
            assert!(error.is_transient(), "{error}");
            false
        }
    })
    .await;
}

#[derive(Event)]
enum AnyEvent {
    Noted(Noted),
    #[event(other)]
    Other(RecordedEvent),
}

/// Each event's id, in the order of application; it waits for a permit before it writes a batch.
struct Ids(Arc<Semaphore>);

impl PgProjection for Ids {
    type Event = AnyEvent;
    const NAME: &'static str = "ids";
    const BUILD: u32 = 1;

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE TABLE seen (turn bigserial, event_id uuid NOT NULL)")
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(AnyEvent, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        let _permit = self.0.acquire().await?;
        let ids: Vec<_> = events.iter().map(|(_, event)| event.event_id().as_uuid()).collect();
        sqlx::query("INSERT INTO seen (event_id) SELECT * FROM unnest($1)")
            .bind(ids)
            .execute(connection)
            .await?;
        Ok(())
    }
}

async fn rows(url: &str, schema: &str) -> Vec<EventId> {
    let mut connection = pg::connect(url).await;
    let ids = format!("SELECT event_id FROM {schema}.seen ORDER BY turn");
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(ids)).fetch_all(&mut connection).await.unwrap();
    ids.into_iter().map(EventId::from_uuid).collect()
}

/// The tables are those of the new log, event for event, whether what was lost was written already or only read.
async fn project_over_a_failover(lost: usize, written: bool) {
    let mut pair = Pair::with(100).await;
    let permits = Arc::new(Semaphore::new(1));
    let adapter = Arc::new(PgAdapter::connect(&pair.url).await.unwrap());
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let projector = adapter.projector(Ids(Arc::clone(&permits))).await.unwrap();
    let mut projector = projector.batch(BatchSize::new(10).unwrap());
    let schema = projector.schema().to_owned();
    let running = tokio::spawn(async move { projector.run().await });
    wait_until("the projector is there", async || {
        rows(&pair.primary_url, &schema).await.len() == 100
    })
    .await;
    pair.part().await;
    let permit = if written { None } else { Some(permits.acquire().await.unwrap()) };
    append(&store, "gone", lost).await;
    if written {
        let all = 100 + lost;
        wait_until("the lost events are in the tables", async || {
            rows(&pair.primary_url, &schema).await.len() == all
        })
        .await;
    }
    pair.fail_over(300).await;
    drop(permit);
    let now = log(&pair.standby_url).await;
    let done =
        async || running.is_finished() || rows(&pair.standby_url, &schema).await.len() >= now.len();
    wait_until("the projector follows the new log", done).await;
    assert!(!running.is_finished(), "{:?}", running.await);
    running.abort();
    assert!(rows(&pair.standby_url, &schema).await == now, "the tables differ from the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_a_fold_of_the_log_of_now() {
    project_over_a_failover(20, true).await;
    project_over_a_failover(200, true).await;
    project_over_a_failover(200, false).await;
}
