//! Generated histories of one event type: the registry's answer, the census and decoding agree, and all with a model.
//!
//! A version is registered on its own, with a typed chain, with JSON steps, or by hand; migrations of other crates are added,
//! are missing, stand twice, or lead nowhere; the type has an alias or none; older versions may be retired (`since`).

use std::collections::{BTreeMap, BTreeSet};

use event_core::registry::{Census, Registration, StoredVersion};
use event_core::{Event, EventVersion, MigrationError, Registry};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

const TYPE: &str = "agreement.of";

macro_rules! events {
    ($($(#[$meta:meta])* $name:ident;)*) => {
        $(
            #[derive(Serialize, Deserialize, Event)]
            $(#[$meta])*
            struct $name {
                n: u32,
            }
        )*
    };
}

events! {
    #[event(type = "agreement.of", version = 1, register = false)] Alone1;
    #[event(type = "agreement.of", version = 2, since = 2, register = false)] Alone2;
    #[event(type = "agreement.of", version = 3, since = 3, alias = "agreement.had", register = false)] Alone3;
    #[event(type = "agreement.of", version = 4, since = 4, register = false)] Alone4;
    #[event(type = "agreement.of", version = 2, from = Alone1, register = false)] Typed2;
    #[event(type = "agreement.of", version = 3, from = Typed2, alias = "agreement.had", register = false)] Typed3;
    #[event(type = "agreement.of", version = 4, from = Typed3, register = false)] Typed4;
    #[event(type = "agreement.of", version = 4, since = 3, from = Typed3, register = false)] Retired4;
    #[event(type = "agreement.of", version = 2, migrate(from = 1, with = same), register = false)] Json2;
    #[event(type = "agreement.of", version = 3, since = 2, migrate(from = 2, with = same), register = false)] Json3;
    #[event(
        type = "agreement.of", version = 4, register = false,
        migrate(from = 3, with = same), migrate(from = Json2, to = 3, with = same)
    )]
    Json4;
}

macro_rules! steps {
    ($($old:ident => $new:ident),*) => {
        $(impl From<$old> for $new {
            fn from(old: $old) -> Self {
                Self { n: old.n }
            }
        })*
    };
}

steps!(Alone1 => Typed2, Typed2 => Typed3, Typed3 => Typed4, Typed3 => Retired4);

/// Written by hand: states no history, so that every version from 1 on may be stored.
#[derive(Serialize, Deserialize)]
struct ByHand3 {
    n: u32,
}

impl Event for ByHand3 {
    const TYPE: &'static str = TYPE;
    const VERSION: EventVersion = EventVersion::new(3);
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
fn same(data: Value) -> Result<Value, MigrationError> {
    Ok(data)
}

/// One way to register a version: its lowest version, and the edges of its chain, each with the struct that declares it.
#[derive(Debug, Clone, Copy)]
struct Way {
    registration: Registration,
    since: u32,
    edges: &'static [(u32, u32, &'static str)],
}

fn ways() -> [Vec<Way>; 4] {
    const T2: (u32, u32, &str) = (1, 2, "Typed2");
    const T3: (u32, u32, &str) = (2, 3, "Typed3");
    const J2: (u32, u32, &str) = (1, 2, "Json2");
    let way = |registration, since, edges| Way { registration, since, edges };
    [
        vec![way(Registration::of::<Alone1>(), 1, &[])],
        vec![
            way(Registration::of::<Alone2>(), 2, &[]),
            way(Registration::of::<Typed2>(), 1, &[T2]),
            way(Registration::of::<Json2>(), 1, &[J2]),
        ],
        vec![
            way(Registration::of::<Alone3>(), 3, &[]),
            way(Registration::of::<Typed3>(), 1, &[T2, T3]),
            way(Registration::of::<Json3>(), 2, &[(2, 3, "Json3")]),
            way(Registration::of::<ByHand3>(), 1, &[]),
        ],
        vec![
            way(Registration::of::<Alone4>(), 4, &[]),
            way(Registration::of::<Typed4>(), 1, &[T2, T3, (3, 4, "Typed4")]),
            way(Registration::of::<Retired4>(), 3, &[(3, 4, "Retired4")]),
            way(Registration::of::<Json4>(), 1, &[J2, (2, 3, "Json4"), (3, 4, "Json4")]),
        ],
    ]
}

/// What is linked: a way for some versions, and migrations of other crates.
#[derive(Debug, Clone)]
struct Linked {
    ways: BTreeMap<u32, Way>,
    extra: Vec<(u32, u32)>,
}

fn linked() -> impl Strategy<Value = Linked> {
    let choice = prop::collection::vec((any::<bool>(), 0_usize..12), 4);
    let extra = prop::collection::vec((1_u32..6, 1_u32..6), 0..4);
    (choice, extra).prop_map(|(choice, extra)| {
        let chosen =
            ways().into_iter().zip(choice).zip(1..).filter_map(|((ways, (is, at)), version)| {
                is.then(|| (version, ways[at % ways.len()]))
            });
        Linked { ways: chosen.collect(), extra }
    })
}

impl Linked {
    fn registry(&self) -> Option<Registry> {
        let mut builder = Registry::builder();
        for way in self.ways.values() {
            builder = builder.registration(way.registration);
        }
        for (from, to) in &self.extra {
            let (from, to) = (EventVersion::new(*from), EventVersion::new(*to));
            builder = builder.migration(TYPE, from, to, same);
        }
        builder.build().ok()
    }

    fn latest(&self) -> u32 {
        self.ways.keys().next_back().copied().unwrap_or(0)
    }

    /// All edges, or `None` if two lead between the same versions, or one leads down, or to no registered version.
    fn edges(&self) -> Option<BTreeSet<(u32, u32)>> {
        let of_chains: BTreeSet<_> = self.ways.values().flat_map(|way| way.edges).collect();
        let mut edges = BTreeSet::new();
        let of_chains = of_chains.into_iter().map(|(from, to, _)| (*from, *to));
        for (from, to) in of_chains.chain(self.extra.iter().copied()) {
            if from >= to || to > self.latest() || !edges.insert((from, to)) {
                return None;
            }
        }
        Some(edges)
    }

    /// The versions that may be stored as far as the program knows.
    fn known(&self, edges: &BTreeSet<(u32, u32)>) -> BTreeSet<u32> {
        let ends = edges.iter().flat_map(|(from, to)| [*from, *to]);
        let mut known: BTreeSet<u32> = ends.chain(self.ways.keys().copied()).collect();
        let lowest = known.first().copied().unwrap_or(0);
        let since = self.ways.get(&lowest).map_or(lowest, |way| way.since);
        known.extend((since..lowest).take(1));
        known
    }
}

/// The length of the shortest path from a version.
fn distance(edges: &BTreeSet<(u32, u32)>, from: u32, to: u32) -> Option<usize> {
    if from == to {
        return Some(0);
    }
    let next = edges.range((from, 0)..=(from, u32::MAX));
    next.filter_map(|(_, next)| distance(edges, *next, to)).min().map(|it| it + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        std::env::var("EVENTS_CASES").map_or(2_000, |it| it.parse().unwrap())
    ))]

    #[test]
    fn registry_census_and_decoding_agree(linked in linked()) {
        let latest = linked.latest();
        let edges = linked.edges().filter(|edges| {
            linked.known(edges).iter().all(|from| distance(edges, *from, latest).is_some())
        });
        let registry = linked.registry();
        // Migrations alone register nothing: the first edge leads beyond the last version, which is none.
        prop_assert_eq!(registry.is_some(), edges.is_some(), "{:?}", linked);
        let (Some(registry), Some(edges)) = (registry, edges) else { return Ok(()) };
        let known = linked.known(&edges);
        let own: BTreeSet<(u32, u32)> = linked
            .ways
            .get(&latest)
            .map(|way| way.edges.iter().map(|(from, to, _)| (*from, *to)).collect())
            .unwrap_or_default();
        let has_alias = registry.stored_names(TYPE).count() > 1;
        let data = RawValue::from_string(r#"{"n":7}"#.to_owned()).unwrap();
        for name in [TYPE, "agreement.had", "agreement.never"] {
            for version in 1..=6 {
                let at = EventVersion::new(version);
                let stored = StoredVersion { event_type: name.to_owned().into(), event_version: at };
                let reads = registry.reads(name, at);
                let decodes = registry.decode(name, at, &data);
                let census = Census::new(&registry, [stored]);
                prop_assert_eq!(reads.is_ok(), decodes.is_ok(), "{} {} {:?}", name, at, linked);
                prop_assert_eq!(reads.is_ok(), census.is_sound());
                prop_assert_eq!(census.readable.len() + census.unreadable.len(), 1);
                if let (Err(reads), Err(decodes)) = (&reads, &decodes) {
                    prop_assert_eq!(reads.to_string(), decodes.to_string());
                    prop_assert_eq!(reads.to_string(), census.unreadable[0].reason.to_string());
                }
                let is_named = latest > 0 && (name == TYPE || has_alias && name == "agreement.had");
                let last = EventVersion::try_from(latest).ok();
                if let (Ok(()), Some(last)) = (&reads, last) {
                    prop_assert!(is_named && known.contains(&version));
                    let path = registry.path(name, at, last).unwrap();
                    prop_assert_eq!(Some(path.len()), distance(&edges, version, latest));
                    let event = decodes.unwrap();
                    let json = event.to_json_any().unwrap();
                    prop_assert_eq!(json.get(), r#"{"n":7}"#);
                } else if is_named {
                    // Only what the latest version retired itself is known by older ones alone.
                    let retired = distance(&own, version, latest).is_none();
                    prop_assert!(!known.contains(&version) || retired, "{} {:?}", at, linked);
                }
            }
        }
    }
}
