//! The judge: compares what was acknowledged, what the log holds, and what each reader saw. It reads the log without the
//! store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use event_core::{EventId, EventStore};
use sqlx::{AssertSqlSafe, PgConnection};

use super::projection;
use super::readers::{Pass, Passes, Reader, read_pass};
use super::topology::{self, Stored};
use super::world::{LONG, World};

/// How long no reader may make any progress before the wait for them ends.
const STANDSTILL: Duration = Duration::from_secs(20);
/// Examples of a violation.
const SHOWN: usize = 3;

/// The end of a run.
pub(super) struct Checker<'w> {
    pub(super) world: &'w World,
    pub(super) readers: &'w [Arc<Reader>],
    pub(super) passes: &'w [(Arc<Passes>, EventStore)],
}

impl Checker<'_> {
    /// Waits until all readers have seen what the log holds, or make no progress any more, and judges. Returns the
    /// number of events in the log.
    pub(super) async fn check(&self, connection: &mut PgConnection) -> usize {
        let log = topology::log(connection).await;
        self.wait_for_readers(&log, connection).await;
        self.check_log(&log, connection).await;
        self.check_acks(&log);
        for reader in self.readers {
            self.check_reader(reader, &log);
            if reader.is_durable {
                self.check_checkpoint(reader, &log, connection).await;
            }
        }
        self.check_projection(&log, connection).await;
        for (passes, store) in self.passes {
            self.check_passes(passes, &log);
            self.check_whole_log(store, &log).await;
        }
        log.len()
    }

    async fn wait_for_readers(&self, log: &[Stored], connection: &mut PgConnection) {
        let (start, mut last, mut moved) = (Instant::now(), 0, Instant::now());
        loop {
            let projected = projected(connection).await;
            let missing: usize = self.readers.iter().map(|reader| missed(reader, log).len()).sum();
            let missing = missing + log.len().saturating_sub(projected.len());
            if missing == 0 {
                return;
            }
            if missing != last {
                (last, moved) = (missing, Instant::now());
            }
            if moved.elapsed() > STANDSTILL || start.elapsed() > LONG {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Versions have no gap, and positions follow them.
    async fn check_log(&self, log: &[Stored], connection: &mut PgConnection) {
        let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
        for event in log {
            let version = versions.entry(&event.stream).or_default();
            if event.version != *version + 1 {
                let what = format!("{event:?} after version {version}");
                self.world.violation("versions of a stream", what);
            }
            *version = event.version;
        }
        let ids: HashSet<EventId> = log.iter().map(|event| event.id).collect();
        if ids.len() != log.len() {
            self.world.violation("event stored twice", (log.len() - ids.len()).to_string());
        }
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT stream_id, version FROM event_store.streams WHERE version > 0")
                .fetch_all(connection)
                .await
                .unwrap();
        for (stream, version) in rows {
            if versions.get(&*stream) != Some(&version) {
                let what =
                    format!("{stream}: the row says {version}, {:?}", versions.get(&*stream));
                self.world.violation("version of a stream's row", what);
            }
        }
    }

    /// What was acknowledged is there, unless it was lost with its server.
    fn check_acks(&self, log: &[Stored]) {
        let ids: HashSet<EventId> = log.iter().map(|event| event.id).collect();
        let survivors = self.world.survivors.lock().unwrap();
        let acks = self.world.acks.lock().unwrap();
        let mut missing: Vec<&EventId> = Vec::new();
        for ack in &*acks {
            let survived =
                |id: &EventId| survivors[ack.losses..].iter().all(|kept| kept.contains(id));
            missing.extend(ack.ids.iter().filter(|id| survived(id) && !ids.contains(id)));
        }
        if !missing.is_empty() {
            let what =
                format!("{} events, {:?}", missing.len(), &missing[..missing.len().min(SHOWN)]);
            self.world.violation("acknowledged and not stored", what);
        }
    }

    /// Every event was seen, and those of a stream in order.
    fn check_reader(&self, reader: &Reader, log: &[Stored]) {
        let missed = missed(reader, log);
        if !missed.is_empty() {
            let shown = &missed[..missed.len().min(SHOWN)];
            let last = missed.last().map(|event| event.position);
            let (name, count, all) = (&reader.name, missed.len(), log.len());
            let what = format!("{name}: {count} of {all} events, {shown:?}, the last at {last:?}");
            self.world.violation("reader skipped events", what);
        }
        let stored: HashMap<(i64, EventId), &Stored> =
            log.iter().map(|event| ((event.position, event.id), event)).collect();
        let seen = reader.seen.lock().unwrap();
        let (mut first, mut versions) = (HashSet::new(), BTreeMap::<&str, i64>::new());
        for place in &*seen {
            match stored.get(place) {
                Some(event) if first.insert(place) => {
                    let before = versions.insert(&event.stream, event.version).unwrap_or_default();
                    if before > event.version {
                        let what = format!("{}: {event:?} after version {before}", reader.name);
                        self.world.violation("order of a stream", what);
                    }
                }
                None if self.world.losses() == 0 => {
                    let what = format!("{}: {place:?}", reader.name);
                    self.world.violation("reader saw what is not stored", what);
                }
                Some(_) | None => {}
            }
        }
    }

    /// Everything up to the lowest checkpoint was handled.
    async fn check_checkpoint(
        &self,
        reader: &Reader,
        log: &[Stored],
        connection: &mut PgConnection,
    ) {
        let lowest =
            "SELECT min(position) FROM event_store.subscription_partitions WHERE name = $1";
        let query = sqlx::query_scalar::<_, Option<i64>>(lowest).bind(&reader.name);
        let Some(lowest) = query.fetch_one(connection).await.unwrap() else { return };
        let missed = missed(reader, log);
        let beyond = missed.iter().filter(|event| event.position <= lowest).count();
        if beyond > 0 {
            let what = format!("{}: at {lowest}, {beyond} events were not handled", reader.name);
            self.world.violation("checkpoint beyond what was handled", what);
        }
    }

    /// The tables are the log, in its order, each event once.
    async fn check_projection(&self, log: &[Stored], connection: &mut PgConnection) {
        let projected = projected(connection).await;
        let stored: Vec<(i64, EventId)> =
            log.iter().map(|event| (event.position, event.id)).collect();
        if projected != stored {
            let other = projected.iter().zip(&stored).position(|(one, other)| one != other);
            let what = format!(
                "{} rows, {} events, the first difference is at {other:?}",
                projected.len(),
                stored.len()
            );
            self.world.violation("projection differs from the log", what);
        }
    }

    /// A pass has all events between its begin and its end that stayed in the log.
    fn check_passes(&self, passes: &Passes, log: &[Stored]) {
        let survivors = self.world.survivors.lock().unwrap();
        for Pass { losses, after, events } in &*passes.all.lock().unwrap() {
            if events.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
                self.world.violation("pages out of order", format!("after {after}"));
            }
            let Some((last, _)) = events.last() else { continue };
            let read: HashSet<&(i64, EventId)> = events.iter().collect();
            let between = log.iter().filter(|event| (*after + 1..=*last).contains(&event.position));
            let mut stayed = between
                .filter(|event| survivors[*losses..].iter().all(|kept| kept.contains(&event.id)));
            if let Some(gap) = stayed.find(|event| !read.contains(&(event.position, event.id))) {
                let what = format!("after {after} up to {last}: {gap:?} is not there");
                self.world.violation("pages with a gap", what);
            }
        }
    }

    /// A living process reads the whole log, page by page.
    async fn check_whole_log(&self, store: &EventStore, log: &[Stored]) {
        let goal = log.len();
        let start = Instant::now();
        let read = loop {
            match read_pass(store, 0).await {
                Ok(read) if read.len() >= goal || start.elapsed() > STANDSTILL => break read,
                Err(error) if start.elapsed() > STANDSTILL => {
                    let what = event_core::error::with_causes(&error);
                    return self.world.violation("pages cannot be read", what);
                }
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        if !read.iter().copied().eq(log.iter().map(|event| (event.position, event.id))) {
            let what = format!("{} events read, {goal} are stored", read.len());
            self.world.violation("pages differ from the log", what);
        }
    }
}

/// The events that a reader has not seen.
fn missed<'l>(reader: &Reader, log: &'l [Stored]) -> Vec<&'l Stored> {
    let seen = reader.seen.lock().unwrap();
    let seen: HashSet<&(i64, EventId)> = seen.iter().collect();
    let is_wanted = |event: &&Stored| reader.category.is_none_or(|wanted| event.category == wanted);
    let is_missed = |event: &&Stored| !seen.contains(&(event.position, event.id));
    log.iter().filter(is_wanted).filter(is_missed).collect()
}

/// What the tables of the projection hold; nothing before they exist.
async fn projected(connection: &mut PgConnection) -> Vec<(i64, EventId)> {
    let schema = "SELECT schema_name FROM event_store.projections WHERE name = $1";
    let schema: Option<String> = sqlx::query_scalar(schema)
        .bind(projection::NAME)
        .fetch_optional(&mut *connection)
        .await
        .unwrap();
    let Some(schema) = schema else { return Vec::new() };
    let rows = format!("SELECT position, event_id FROM \"{schema}\".seen ORDER BY turn");
    let rows: Vec<(i64, sqlx::types::Uuid)> =
        sqlx::query_as(AssertSqlSafe(rows)).fetch_all(connection).await.unwrap_or_default();
    rows.into_iter().map(|(position, id)| (position, EventId::from_uuid(id))).collect()
}

/// Prints the counts of a run, and fails with what was found.
pub(super) fn report(
    world: &World,
    seed: u64,
    events: usize,
    passes: usize,
    faults: &BTreeMap<&str, usize>,
    time: Duration,
) {
    let violations = world.violations();
    let found: usize = violations.values().map(Vec::len).sum();
    eprintln!(
        "chaos: seed {seed}: {} s, {} appends acknowledged, {events} events stored, {passes} passes, \
         {} times told that the log is another one, commits lost {} times; faults {faults:?}; violations {found}",
        time.as_secs(),
        world.appends.load(Ordering::SeqCst),
        world.diverged.load(Ordering::SeqCst),
        world.losses(),
    );
    let mut text = String::new();
    for (kind, found) in &violations {
        let shown = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n    ");
        let _ = write!(text, "\n  {kind}, {} times:\n    {shown}", found.len());
    }
    assert!(violations.is_empty(), "EVENTS_CHAOS_SEED={seed} repeats this schedule:{text}");
}
