//! A simple model of a store, and random operations to compare an adapter with it.
//!
//! The model is independent of adapters: versions are counts, the log is a list. For every sequence of operations the store must
//! give the model's answers.

use std::collections::BTreeMap;

use event_core::adapter::Adapter;
use event_core::{
    AllOptions, BatchSize, Delete, Error, EventId, EventStore, ExpectedVersion, NewEvent, Outcome,
    ReadOptions, RecordedEvent, Scope, StreamId, StreamVersion, Tenant,
};
use event_testing::Noted;
use proptest::prelude::*;

/// The limit that stores under test are opened with.
const LIMIT: u64 = 12;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Append {
        tenant: usize,
        stream: usize,
        claim: Claim,
        events: usize,
    },
    /// Repeats an earlier append with another expected version, optionally without its first event or to another stream.
    Repeat {
        which: usize,
        claim: Claim,
        drop_first: bool,
        elsewhere: bool,
    },
    Transaction {
        tenant: usize,
        first: (usize, Claim, usize),
        second: (usize, Claim, usize),
        /// A stream that is only claimed.
        claimed: Option<(usize, Claim)>,
    },
    Delete {
        tenant: usize,
        stream: usize,
        claim: Claim,
        hard: bool,
    },
    Read {
        tenant: usize,
        stream: usize,
        from: u64,
        limit: u32,
        backward: bool,
    },
    ReadAll {
        tenant: usize,
        after: usize,
        limit: u32,
        category: bool,
    },
}

/// An append to one stream: the stream, the expected version, ids and texts of the events.
type Append = (usize, Claim, Vec<(EventId, String)>);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Claim {
    Any,
    NoStream,
    Exists,
    /// The true version plus this number.
    Exact(u64),
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let claim = prop_oneof![
        3 => Just(Claim::Any),
        2 => Just(Claim::NoStream),
        2 => Just(Claim::Exists),
        4 => (0..2_u64).prop_map(Claim::Exact),
    ];
    let (tenant, stream) = (0..2_usize, 0..3_usize);
    let append = (stream.clone(), claim.clone(), 1..3_usize);
    let step = prop_oneof![
        8 => (tenant.clone(), stream.clone(), claim.clone(), 1..4_usize)
            .prop_map(|(tenant, stream, claim, events)| Step::Append { tenant, stream, claim, events }),
        3 => (0..8_usize, claim.clone(), any::<bool>(), any::<bool>()).prop_map(
            |(which, claim, drop_first, elsewhere)| Step::Repeat { which, claim, drop_first, elsewhere }
        ),
        3 => (tenant.clone(), append.clone(), append, prop::option::of((stream.clone(), claim.clone()))).prop_map(
            |(tenant, first, second, claimed)| Step::Transaction { tenant, first, second, claimed }
        ),
        1 => (tenant.clone(), stream.clone(), claim, any::<bool>())
            .prop_map(|(tenant, stream, claim, hard)| Step::Delete { tenant, stream, claim, hard }),
        4 => (tenant.clone(), stream, 0..14_u64, 1..6_u32, any::<bool>()).prop_map(
            |(tenant, stream, from, limit, backward)| Step::Read { tenant, stream, from, limit, backward }
        ),
        4 => (tenant, 0..20_usize, 1..8_u32, any::<bool>()).prop_map(
            |(tenant, after, limit, category)| Step::ReadAll { tenant, after, limit, category }
        ),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Active,
    Soft,
    Hard,
}

#[derive(Debug, Default)]
struct ModelStream {
    events: Vec<(EventId, String)>,
    version: u64,
    state: State,
}

impl ModelStream {
    /// What was deleted softly may be removed.
    fn may_be_deleted(&self, hard: bool) -> bool {
        self.state == State::Active || (hard && self.state == State::Soft)
    }
}

type Key = (usize, usize);

/// An attempted commit: the tenant, and the events of each stream.
type Attempt = (usize, Vec<(usize, Vec<(EventId, String)>)>);

#[derive(Debug, Default)]
struct Model {
    streams: BTreeMap<Key, ModelStream>,
    /// Tenant, stream, stream version and id of every stored event, in the order of commits.
    log: Vec<(Key, u64, EventId)>,
    /// The same of the events that were deleted: their ids stay known.
    removed: Vec<(Key, u64, EventId)>,
    attempts: Vec<Attempt>,
    texts: u64,
}

const NAMES: [&str; 3] = ["game-a", "game-b", "door"];

fn name(stream: usize) -> StreamId {
    StreamId::new(NAMES[stream]).unwrap()
}

fn scoped(store: &EventStore, tenant: usize) -> EventStore {
    store.with_scope(Scope::tenant(Tenant::new(["red", "blue"][tenant]).unwrap()))
}

/// Runs the steps on an empty store and on the model, and asserts that all answers are equal.
pub(crate) async fn agrees(adapter: impl Adapter, steps: &[Step]) {
    let store = EventStore::builder(adapter).stream_limit(Some(LIMIT)).build().unwrap();
    let mut model = Model::default();
    for step in steps {
        model.run(&store, step).await;
    }
    store.close().await;
}

impl Model {
    /// Runs one step on the store and on the model, and compares the answers.
    async fn run(&mut self, store: &EventStore, step: &Step) {
        match *step {
            Step::Append { tenant, stream, claim, events } => {
                let events = self.fresh(events);
                self.commit(store, tenant, vec![(stream, claim, events)], None).await;
            }
            Step::Transaction { tenant, first, second, claimed } => {
                let appends =
                    [first, second].map(|(stream, claim, n)| (stream, claim, self.fresh(n)));
                self.commit(store, tenant, appends.to_vec(), claimed).await;
            }
            Step::Repeat { which, claim, drop_first, elsewhere } => {
                let Some((tenant, appends)) = self.attempts.get(which).cloned() else { return };
                let appends = appends.into_iter().map(|(stream, mut events)| {
                    if drop_first && events.len() > 1 {
                        events.remove(0);
                    }
                    (if elsewhere { (stream + 1) % 3 } else { stream }, claim, events)
                });
                self.commit(store, tenant, appends.collect(), None).await;
            }
            Step::Delete { tenant, stream, claim, hard } => {
                self.delete(store, (tenant, stream), claim, hard).await;
            }
            Step::Read { tenant, stream, from, limit, backward } => {
                self.read(store, (tenant, stream), from, limit, backward).await;
            }
            Step::ReadAll { tenant, after, limit, category } => {
                self.read_all(store, tenant, after, limit, category).await;
            }
        }
    }

    fn fresh(&mut self, n: usize) -> Vec<(EventId, String)> {
        (0..n)
            .map(|_| {
                self.texts += 1;
                (EventId::new(), format!("text {}", self.texts))
            })
            .collect()
    }

    fn claim(&self, key: Key, claim: Claim) -> ExpectedVersion {
        match claim {
            Claim::Any => ExpectedVersion::Any,
            Claim::NoStream => ExpectedVersion::NoStream,
            Claim::Exists => ExpectedVersion::StreamExists,
            Claim::Exact(by) => ExpectedVersion::Exact(StreamVersion::new(self.version(key) + by)),
        }
    }

    fn version(&self, key: Key) -> u64 {
        self.streams.get(&key).map_or(0, |stream| stream.version)
    }

    async fn commit(
        &mut self,
        store: &EventStore,
        tenant: usize,
        appends: Vec<Append>,
        claimed: Option<(usize, Claim)>,
    ) {
        let store = scoped(store, tenant);
        let mut transaction = store.transaction();
        let mut claims = Vec::new();
        for (stream, claim, events) in &appends {
            let claim = self.claim((tenant, *stream), *claim);
            claims.push(claim);
            let events: Vec<_> = events
                .iter()
                .map(|(id, text)| NewEvent::from(Noted::new(text)).with_id(*id))
                .collect();
            transaction = transaction.append(&name(*stream), claim, events);
        }
        if let Some((stream, claim)) = claimed {
            let claim = self.claim((tenant, stream), claim);
            claims.push(claim);
            transaction = transaction.expect(&name(stream), claim);
        }
        let found = transaction.commit().await;
        // A claim is judged as an append without events would be.
        let judged = claimed.map(|(stream, claim)| (stream, claim, Vec::new()));
        let judged: Vec<Append> = appends.iter().cloned().chain(judged).collect();
        let expected = self.judge(tenant, &judged, &claims);
        match (&found, &expected) {
            (Ok(answers), Ok(numbers)) => {
                let outcomes: Vec<_> = answers
                    .iter()
                    .map(|a| (a.stream_version.get(), a.outcome == Outcome::AlreadyStored))
                    .collect();
                assert_eq!(outcomes, *numbers);
            }
            (Err(error), Err(code)) => assert_eq!(error.code(), *code, "{error}"),
            _ => panic!("found {found:?}, expected {expected:?}"),
        }
        if expected.is_ok_and(|numbers| numbers.iter().all(|(_, already)| !already)) {
            self.store(tenant, &appends);
        }
        let appends = appends.into_iter().map(|(stream, _, events)| (stream, events)).collect();
        self.attempts.push((tenant, appends));
    }

    /// The expected answer: stream versions and whether the events were already stored, or the code of the error.
    fn judge(
        &self,
        tenant: usize,
        appends: &[Append],
        claims: &[ExpectedVersion],
    ) -> Result<Vec<(u64, bool)>, &'static str> {
        let mut streams: Vec<_> = appends.iter().map(|(stream, ..)| stream).collect();
        streams.sort_unstable();
        if streams.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("invalid_event_data");
        }
        let known: Vec<_> = appends
            .iter()
            .filter(|(.., events)| !events.is_empty())
            .map(|(stream, _, events)| self.known((tenant, *stream), events))
            .collect::<Result<_, _>>()?;
        if known.iter().any(Option::is_some) {
            let all: Option<Vec<_>> = known.into_iter().collect();
            let all = all.ok_or("event_id_conflict")?;
            return Ok(all.into_iter().map(|version| (version, true)).collect());
        }
        // Streams are checked in order, so the first refused one gives the error.
        let mut numbers = Vec::new();
        for ((stream, _, events), claim) in appends.iter().zip(claims) {
            let version = self.version((tenant, *stream));
            let state = self.streams.get(&(tenant, *stream)).map(|s| s.state).unwrap_or_default();
            if state != State::Active {
                return Err("stream_deleted");
            }
            claim.check(StreamVersion::new(version)).map_err(|conflict| conflict.code())?;
            if events.is_empty() {
                continue;
            }
            if version + events.len() as u64 > LIMIT {
                return Err("stream_limit_reached");
            }
            numbers.push((version + events.len() as u64, false));
        }
        Ok(numbers)
    }

    fn known(&self, key: Key, events: &[(EventId, String)]) -> Result<Option<u64>, &'static str> {
        let found: Vec<_> = events
            .iter()
            .filter_map(|(id, _)| {
                let mut all = self.log.iter().chain(&self.removed);
                all.find(|((t, _), _, known)| *t == key.0 && known == id)
            })
            .collect();
        if found.is_empty() {
            return Ok(None);
        }
        let whole = found.len() == events.len()
            && found.iter().all(|(at, ..)| *at == key)
            && found.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1);
        match found.last() {
            Some((_, version, _)) if whole => Ok(Some(*version)),
            _ => Err("event_id_conflict"),
        }
    }

    fn store(&mut self, tenant: usize, appends: &[Append]) {
        for (stream, _, events) in appends {
            let key = (tenant, *stream);
            let entry = self.streams.entry(key).or_default();
            for (id, text) in events {
                entry.version += 1;
                entry.events.push((*id, text.clone()));
                self.log.push((key, entry.version, *id));
            }
        }
    }

    async fn delete(&mut self, store: &EventStore, key: Key, claim: Claim, hard: bool) {
        let claim = self.claim(key, claim);
        let how = if hard { Delete::Hard } else { Delete::Soft };
        let found = scoped(store, key.0).delete_stream(&name(key.1), claim, how).await;
        let expected = match self.streams.get_mut(&key) {
            None if [ExpectedVersion::NoStream, ExpectedVersion::Exact(StreamVersion::NONE)]
                .contains(&claim) =>
            {
                Ok(())
            }
            None => Err("stream_not_found"),
            Some(stream) if !stream.may_be_deleted(hard) => Err("stream_deleted"),
            Some(stream) => claim
                .check(StreamVersion::new(stream.version))
                .map_err(|conflict| conflict.code())
                .map(|()| {
                    stream.state = if hard { State::Hard } else { State::Soft };
                    if hard {
                        stream.events.clear();
                        self.removed.extend(self.log.extract_if(.., |(at, ..)| *at == key));
                    }
                }),
        };
        assert_eq!(found.map_err(|error| error.code()), expected);
    }

    async fn read(&self, store: &EventStore, key: Key, from: u64, limit: u32, backward: bool) {
        let options = if backward { ReadOptions::backward() } else { ReadOptions::forward() };
        let options = options.from(StreamVersion::new(from)).limit(BatchSize::new(limit).unwrap());
        let found = scoped(store, key.0).read_stream(&name(key.1), options).await;
        let expected = match self.streams.get(&key) {
            None => Err("stream_not_found"),
            Some(stream) if stream.state != State::Active => Err("stream_deleted"),
            Some(stream) => Ok(stream.page(from, limit as usize, backward)),
        };
        let found = found.map(|page| page.iter().map(shown).collect()).map_err(|e: Error| e.code());
        assert_eq!(found, expected, "{options:?}");
    }

    async fn read_all(
        &self,
        store: &EventStore,
        tenant: usize,
        after: usize,
        limit: u32,
        category: bool,
    ) {
        let store = scoped(store, tenant);
        let mut every = store.all_events(AllOptions::new());
        let mut all = Vec::new();
        while let Some(event) = every.next().await {
            all.push(event.unwrap());
        }
        let own: Vec<_> = self.log.iter().filter(|((t, _), ..)| *t == tenant).collect();
        let ids: Vec<_> = all.iter().map(RecordedEvent::event_id).collect();
        assert_eq!(ids, own.iter().map(|(.., id)| *id).collect::<Vec<_>>());
        let Some(start) = all.get(after) else { return };
        let mut options = AllOptions::new().after(start.position());
        options = options.limit(BatchSize::new(limit).unwrap());
        if category {
            options = options.category("game");
        }
        let page = store.read_all(options).await.unwrap();
        let page: Vec<_> = page.iter().map(RecordedEvent::event_id).collect();
        let rest = own[after + 1..].iter().filter(|((_, stream), ..)| !category || *stream < 2);
        let rest: Vec<_> = rest.take(limit as usize).map(|(.., id)| *id).collect();
        assert_eq!(page, rest);
    }
}

impl ModelStream {
    fn page(&self, from: u64, limit: usize, backward: bool) -> Vec<(u64, EventId, String)> {
        let all = (1..).zip(&self.events).map(|(n, (id, text))| (n, *id, text.clone()));
        if backward {
            let mut all: Vec<_> = all.filter(|(n, ..)| from == 0 || *n <= from).collect();
            all.reverse();
            all.truncate(limit);
            return all;
        }
        all.filter(|(n, ..)| *n >= from).take(limit).collect()
    }
}

fn shown(event: &RecordedEvent) -> (u64, EventId, String) {
    let text = event.decode::<Noted>().unwrap().text;
    (event.stream_version().get(), event.event_id(), text)
}
