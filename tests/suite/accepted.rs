//! Random events of many types, with every attribute of serde: each is appended or refused, and what is accepted reads back
//! equal. `EVENTS_CASES=1000000` runs it for longer.
//!
//! Values that serde is told to drop (`skip`) keep their default here, and variants of untagged enums differ in JSON: no
//! text shows those apart.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signatures")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use event_core::{
    Event, EventStore, EventVersion, ExpectedVersion, NewEvent, ReadOptions, StreamId,
    StreamVersion,
};
use fastrand::Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// An event of any type of payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Of<T> {
    held: T,
}

impl<T: Value> Event for Of<T> {
    const TYPE: &'static str = "accepted.of";
    const VERSION: EventVersion = EventVersion::FIRST;
}

trait Value: Debug + Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    fn random(rng: &mut Rng) -> Self;
}

/// An integer at an edge of its type, or any.
macro_rules! integers {
    ($($ty:ident),*) => {$(
        impl Value for $ty {
            fn random(rng: &mut Rng) -> Self {
                match rng.u8(..6) {
                    0 => $ty::MIN,
                    1 => $ty::MAX,
                    2 => $ty::MAX - 1,
                    3 => 0,
                    _ => rng.$ty(..),
                }
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);

macro_rules! floats {
    ($($ty:ident, $bits:ident, $random:ident);*) => {$(
        impl Value for $ty {
            fn random(rng: &mut Rng) -> Self {
                let edges = [
                    0.0, -0.0, $ty::NAN, $ty::INFINITY, $ty::NEG_INFINITY, $ty::MIN_POSITIVE, $ty::MAX,
                    $ty::EPSILON, 1e15, 1e16, 1e22, 0.1,
                ];
                match rng.u8(..3) {
                    0 => edges[rng.usize(..edges.len())],
                    1 => $ty::from_bits(rng.$bits(..)),
                    _ => rng.$random(),
                }
            }
        }
    )*};
}
floats!(f32, u32, f32; f64, u64, f64);

macro_rules! values {
    ($([$($generics:tt)*] $ty:ty => |$rng:ident| $random:expr;)*) => {
        $(impl<$($generics)*> Value for $ty {
            fn random($rng: &mut Rng) -> Self {
                $random
            }
        })*
    };
}

fn text(rng: &mut Rng) -> String {
    let odd = [
        "",
        "null",
        "NaN",
        "1",
        "\u{0}",
        "\u{feff}",
        "\"\\/",
        "\u{1f600}",
        "\u{7f}\u{9b}",
        "id",
        "kind",
        "a",
    ];
    if rng.bool() {
        return odd[rng.usize(..odd.len())].to_owned();
    }
    (0..rng.usize(..6)).map(|_| rng.char(..)).collect()
}

fn some<T>(rng: &mut Rng, make: fn(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(..4)).map(|_| make(rng)).collect()
}

fn pairs<K: Value, V: Value>(rng: &mut Rng) -> Vec<(K, V)> {
    some(rng, |rng| (K::random(rng), V::random(rng)))
}

trait Key: Value + Ord + std::hash::Hash {}
impl<T: Value + Ord + std::hash::Hash> Key for T {}

values! {
    [] bool => |rng| rng.bool();
    [] () => |_rng| ();
    [] char => |rng| rng.char(..);
    [] String => |rng| text(rng);
    [] Duration => |rng| Duration::new(rng.u64(..), rng.u32(..1_000_000_000));
    [] IpAddr => |rng| if rng.bool() { IpAddr::from(rng.u128(..).to_be_bytes()) } else { IpAddr::from(rng.u32(..).to_be_bytes()) };
    [] NonZeroU64 => |rng| NonZeroU64::new(u64::random(rng)).unwrap_or(NonZeroU64::MAX);
    [] uuid::Uuid => |rng| uuid::Uuid::from_u128(rng.u128(..));
    [] chrono::DateTime<chrono::Utc> => |rng| chrono::DateTime::from_timestamp_nanos(rng.i64(..));
    [] chrono::NaiveDate => |rng| chrono::DateTime::from_timestamp_nanos(rng.i64(..)).date_naive();
    [] serde_json::Value => |rng| json(rng, 3);
    [T: Value] Option<T> => |rng| rng.bool().then(|| T::random(rng));
    [T: Value] Box<T> => |rng| Box::new(T::random(rng));
    [T: Value] Vec<T> => |rng| some(rng, T::random);
    [T: Value] [T; 2] => |rng| [T::random(rng), T::random(rng)];
    [A: Value, B: Value] (A, B) => |rng| (A::random(rng), B::random(rng));
    [A: Value, B: Value] Result<A, B> => |rng| if rng.bool() { Ok(A::random(rng)) } else { Err(B::random(rng)) };
    [T: Value] std::ops::Range<T> => |rng| T::random(rng)..T::random(rng);
    [K: Key] BTreeSet<K> => |rng| some(rng, K::random).into_iter().collect();
    [K: Key] HashSet<K> => |rng| some(rng, K::random).into_iter().collect();
    [K: Key, V: Value] BTreeMap<K, V> => |rng| pairs::<K, V>(rng).into_iter().collect();
    [K: Key, V: Value] HashMap<K, V> => |rng| pairs::<K, V>(rng).into_iter().collect();
}

fn json(rng: &mut Rng, depth: u8) -> serde_json::Value {
    match rng.u8(..if depth == 0 { 5 } else { 7 }) {
        0 => serde_json::Value::Null,
        1 => rng.bool().into(),
        2 => i64::random(rng).into(),
        3 => f64::random(rng).into(),
        4 => text(rng).into(),
        5 => (0..rng.usize(..3)).map(|_| json(rng, depth - 1)).collect(),
        _ => (0..rng.usize(..3)).map(|_| (text(rng), json(rng, depth - 1))).collect(),
    }
}

/// A struct of random fields.
macro_rules! structs {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty = $random:expr),* $(,)? })*) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        $(#[$meta])*
        struct $name<T> {
            $($(#[$field_meta])* $field: $ty),*
        }

        impl<T: Value> Value for $name<T> {
            fn random(rng: &mut Rng) -> Self {
                $(let $field = { let make: fn(&mut Rng) -> $ty = $random; make(rng) };)*
                Self { $($field),* }
            }
        }
    )*};
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

fn seven() -> u8 {
    7
}

mod as_text {
    pub(super) fn serialize<S: serde::Serializer>(it: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&it.to_string())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

structs! {
    #[serde(rename_all = "SCREAMING-KEBAB-CASE", deny_unknown_fields)]
    Strict { first_one: T = T::random, #[serde(rename = "x y", alias = "old")] second: T = T::random }

    #[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
    HalvesDiffer { first_one: T = T::random }

    SkippedIf {
        #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")] first: Option<T> = Option::random,
        #[serde(default = "seven", skip_serializing_if = "is_zero")] zero_reads_as_seven: u8 = u8::random,
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")] list: Vec<T> = Vec::random,
    }

    SkippedWithoutDefault { #[serde(skip_serializing_if = "is_zero")] first: u8 = u8::random, second: T = T::random }

    Skipped { first: T = T::random, #[serde(skip)] never: u8 = |_| 0 }

    SkippedInOneHalf { first: T = T::random, #[serde(skip_serializing, default)] lost: u8 = |_| 0, #[serde(skip_deserializing)] ignored: u8 = u8::random }

    Flat { id: u8 = u8::random, #[serde(flatten)] rest: T = T::random }

    FlatOption { id: u8 = u8::random, #[serde(flatten)] rest: Option<T> = Option::random }

    With { #[serde(with = "as_text")] number: u64 = u64::random, #[serde(serialize_with = "as_text::serialize")] half: u64 = u64::random, rest: Option<T> = |_| None }

    #[serde(tag = "kind")]
    TaggedStruct { id: T = T::random, kind_: u8 = u8::random }

    #[serde(transparent)]
    Transparent { only: T = T::random }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Defaulted {
    first: Option<f64>,
    #[serde(skip_serializing_if = "is_seven")]
    second: u8,
}

impl Default for Defaulted {
    fn default() -> Self {
        Self { first: None, second: 7 }
    }
}

fn is_seven(number: &u8) -> bool {
    *number == 7
}

/// The same variants in every representation of serde.
macro_rules! enums {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        $(#[$meta])*
        enum $name<T> {
            Unit,
            #[serde(rename = "struct", alias = "old", rename_all = "camelCase")]
            Struct { first_one: T, #[serde(default)] second: Option<u8> },
            Newtype(Flat<BTreeMap<String, T>>),
        }

        impl<T: Value> Value for $name<T> {
            fn random(rng: &mut Rng) -> Self {
                match rng.u8(..3) {
                    0 => Self::Unit,
                    1 => Self::Struct { first_one: T::random(rng), second: Option::random(rng) },
                    _ => Self::Newtype(Flat::random(rng)),
                }
            }
        }
    )*};
}

enums! {
    External;
    #[serde(tag = "kind", rename_all = "kebab-case")] Internal;
    #[serde(tag = "t", content = "c", deny_unknown_fields)] Adjacent;
    #[serde(untagged)] Untagged;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Colour {
    Red,
    #[serde(alias = "azure")]
    Blue,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Word(String);

impl TryFrom<String> for Word {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.is_empty() { Err("a word has letters") } else { Ok(Self(text)) }
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.0
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bytes(#[serde(with = "bytes")] Vec<u8>);

mod bytes {
    pub(super) fn serialize<S: serde::Serializer>(it: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(it)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u8>, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf(Option<f64>),
    Node(Vec<Tree>, BTreeMap<i128, Tree>),
}

fn tree(rng: &mut Rng, depth: u8) -> Tree {
    if depth == 0 || rng.bool() {
        return Tree::Leaf(Option::random(rng));
    }
    let below = |rng: &mut Rng| tree(rng, depth - 1);
    let list = (0..rng.usize(..3)).map(|_| below(rng)).collect();
    Tree::Node(list, (0..rng.usize(..2)).map(|_| (i128::random(rng), below(rng))).collect())
}

values! {
    [] Defaulted => |rng| Defaulted { first: Option::random(rng), second: u8::random(rng) };
    [] Colour => |rng| [Colour::Red, Colour::Blue, Colour::Unknown][rng.usize(..3)];
    [] Word => |rng| Word(text(rng));
    [] Bytes => |rng| Bytes(some(rng, u8::random));
    [] Tree => |rng| tree(rng, 4);
}

#[derive(Debug, Default)]
struct Counts {
    stored: usize,
    refused: usize,
    /// Refused, though reading the text with serde gives an equal value.
    refused_though_equal: usize,
}

struct Run {
    rng: Rng,
    store: EventStore,
    stream: StreamId,
    counts: Counts,
}

impl Run {
    async fn one<T: Value>(&mut self) {
        let event = Of { held: T::random(&mut self.rng) };
        let new = NewEvent::from(event.clone());
        match self.store.append(&self.stream, ExpectedVersion::Any, [new]).await {
            Ok(appended) => {
                self.counts.stored += 1;
                let last = ReadOptions::forward().from(appended.stream_version);
                let page = self.store.read_stream(&self.stream, last).await.unwrap();
                let read = page[0].decode::<Of<T>>();
                assert_eq!(read.as_ref().ok(), Some(&event), "{}: {read:?}", page[0].data());
                if appended.stream_version >= StreamVersion::new(9_000) {
                    self.store = EventStore::in_memory().unwrap();
                }
            }
            Err(error) => {
                self.counts.refused += 1;
                assert_eq!(error.code(), "serialization_failed", "{event:?}: {error}");
                let text = serde_json::to_string(&event);
                let read = text.ok().and_then(|it| serde_json::from_str::<Of<T>>(&it).ok());
                if read.as_ref() == Some(&event) {
                    self.counts.refused_though_equal += 1;
                    eprintln!("refused though equal: {event:?}: {error}");
                }
            }
        }
    }
}

macro_rules! one_of {
    ($run:ident, $($ty:ty),* $(,)?) => {{
        const COUNT: usize = [$(stringify!($ty)),*].len();
        let chosen = $run.rng.usize(..COUNT);
        let mut at = 0;
        $(
            if at == chosen {
                $run.one::<$ty>().await;
            }
            at += 1;
        )*
        let _ = at;
    }};
}

#[tokio::test]
async fn what_is_accepted_reads_back_equal() {
    let cases = std::env::var("EVENTS_CASES").map_or(3_000, |it| it.parse().unwrap());
    let mut run = Run {
        rng: Rng::with_seed(std::env::var("EVENTS_SEED").map_or(7, |it| it.parse().unwrap())),
        store: EventStore::in_memory().unwrap(),
        stream: StreamId::new("accepted").unwrap(),
        counts: Counts::default(),
    };
    for _ in 0..cases {
        one_of!(
            run, f64, f32, u128, i128, u64, (u8, i64), char, String, bool, (), Duration, IpAddr, NonZeroU64,
            uuid::Uuid, chrono::DateTime<chrono::Utc>, chrono::NaiveDate, serde_json::Value, Colour, Word, Bytes, Tree,
            Option<f64>, Option<Option<u8>>, Option<Option<Option<f32>>>, Option<()>, Option<serde_json::Value>,
            Vec<Option<f64>>, [i16; 2], Box<Option<u32>>, Result<u8, String>, std::ops::Range<i128>,
            BTreeSet<Word>, HashSet<String>, BTreeMap<String, f64>, BTreeMap<u64, i8>, BTreeMap<i128, Option<f32>>,
            BTreeMap<char, bool>, BTreeMap<bool, u16>, BTreeMap<Colour, String>, BTreeMap<Option<u8>, u8>,
            BTreeMap<(u8, u8), u8>, HashMap<u128, Vec<u8>>, HashMap<String, HashSet<u64>>,
            Strict<f64>, Strict<u128>, HalvesDiffer<u8>, Defaulted, SkippedIf<Option<i32>>, SkippedIf<u128>,
            SkippedWithoutDefault<String>, Skipped<f32>, SkippedInOneHalf<u8>, With<u8>, TaggedStruct<u64>,
            Transparent<Option<f64>>, Transparent<u128>, Flat<Strict<u64>>, Flat<Strict<u128>>, Flat<BTreeMap<String, u8>>,
            Flat<BTreeMap<u64, f64>>, Flat<HashMap<String, Option<f64>>>, Flat<Flat<Strict<bool>>>,
            FlatOption<Strict<f32>>, Flat<Internal<u8>>, Flat<External<i64>>, Flat<Adjacent<f64>>,
            External<u128>, External<Vec<f64>>, Internal<f64>, Internal<u64>, Internal<i128>, Adjacent<Option<f64>>,
            Adjacent<BTreeMap<i8, u128>>, Untagged<u8>, Untagged<f64>, Untagged<Strict<i64>>, Internal<External<f32>>,
            Option<Internal<Untagged<u8>>>, Vec<Adjacent<Flat<Strict<i128>>>>, BTreeMap<String, Internal<Bytes>>,
        );
    }
    let Counts { stored, refused, refused_though_equal } = run.counts;
    eprintln!("{cases} events: {stored} stored and read back equal, {refused} refused");
    assert_eq!(stored + refused, cases);
    assert!(stored > cases / 2 && refused > 0, "{stored} stored, {refused} refused");
    assert_eq!(refused_though_equal, 0);
}
