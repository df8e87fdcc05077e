//! What the lock says to each of serde's attributes that appears, goes or changes, beside what really happens to stored
//! payloads: both types are compiled, and read the same payloads. The table in the lock's docs is written from it.

mod container;
mod docs;
mod field;
mod functions;
mod holders;
mod nested;
mod variant;

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;
use event_core::registry::Registration;
use event_core::{Event, Shape};

/// A pair of types that differ in one attribute; compared from the first to the second, and back.
struct Row {
    /// What has the attribute: `container`, `variant`, `field`.
    place: &'static str,
    attribute: &'static str,
    direction: Direction,
    case: &'static str,
    sides: [Side; 2],
    payloads: Vec<String>,
    limit: Limit,
}

#[derive(Clone, Copy)]
struct Side {
    event: Registration,
    /// What a payload reads as.
    reads: fn(&str) -> Option<String>,
}

/// What the way from the first type of a row to the second one is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The second type has the attribute: the way back is that it goes.
    Appears,
    /// The attribute appears, and the way back is another row.
    OnlyAppears,
    /// The attribute goes, and the way back is another row.
    OnlyGoes,
    Changes,
}

/// What the lock is known not to see right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    None,
    /// It says nothing, though stored payloads read as something else.
    NotSeen,
    /// It refuses what changes nothing.
    Refused,
}

fn shown<T: Debug + DeserializeOwned>(json: &str) -> Option<String> {
    std::panic::catch_unwind(|| serde_json::from_str::<T>(json).ok())
        .ok()
        .flatten()
        .map(|value| format!("{value:?}"))
}

/// A function that returns rows: place, attribute, direction, case, both types, payloads, and a limit.
macro_rules! rows {
    ($(#[doc = $doc:literal])* $function:ident:
        $($place:ident $attribute:literal $direction:ident $case:tt {$($before:tt)*} {$($now:tt)*} $payloads:expr $(, $limit:ident)?;)*
    ) => {
        $(#[doc = $doc])*
        #[allow(
            dead_code,
            clippy::trivially_copy_pass_by_ref,
            clippy::too_many_lines,
            reason = "a table of types that are only read and written"
        )]
        pub(super) fn $function() -> Vec<Row> {
            vec![$({
                mod before {
                    use super::*;
                    $($before)*
                    pub(super) fn side() -> Side {
                        Side { event: Registration::of::<T>(), reads: shown::<T> }
                    }
                }
                mod now {
                    use super::*;
                    $($now)*
                    pub(super) fn side() -> Side {
                        Side { event: Registration::of::<T>(), reads: shown::<T> }
                    }
                }
                Row {
                    place: stringify!($place),
                    attribute: $attribute,
                    direction: Direction::$direction,
                    case: case!($case),
                    sides: [before::side(), now::side()],
                    payloads: $payloads.iter().map(ToString::to_string).collect(),
                    limit: [$(Limit::$limit,)? Limit::None][0],
                }
            }),*]
        }
    };
}
use rows;

/// The words of a case, or those of two.
macro_rules! case {
    (($first:literal $second:literal)) => {
        concat!($first, $second)
    };
    ($case:literal) => {
        $case
    };
}
use case;

macro_rules! event {
    ($(#[$meta:meta])* struct T $($body:tt)*) => {
        #[derive(Debug, Serialize, Deserialize, Event)]
        #[event(type = "table.changed", version = 1, register = false)]
        $(#[$meta])*
        struct T $($body)*
    };
}
use event;

macro_rules! part {
    ($(#[$meta:meta])* $kind:ident $name:ident $($body:tt)*) => {
        #[derive(Debug, Serialize, Deserialize, Shape)]
        $(#[$meta])*
        $kind $name $($body)*
    };
}
use part;

/// Cents, written as such.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
mod cents {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::deserialize(from)
    }
}

/// The same number, in units.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
mod units {
    use super::*;

    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*value / 100)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::deserialize(from).map(|units| units * 100)
    }
}

const fn seven() -> u32 {
    7
}

const fn eight() -> u32 {
    8
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

const A: [&str; 4] = [r#"{"a":7}"#, "{}", r#"{"a":7,"x":1}"#, r#"{"b":7}"#];
const AB: [&str; 6] = [
    r#"{"a":7,"b":1}"#,
    r#"{"a":7}"#,
    r#"{"b":1}"#,
    r#"{"a":7,"b":1,"x":2}"#,
    r#"{"a":7,"b":null}"#,
    "{}",
];

/// One way of a row, with what the lock said and what happened.
struct Outcome {
    place: &'static str,
    attribute: &'static str,
    /// `appears`, `goes`, `changes`.
    change: &'static str,
    case: &'static str,
    /// `same`, `bless`, `refused`.
    says: &'static str,
    /// A payload that reads as something else, or not at all.
    harmed: Option<String>,
    limit: Limit,
    report: String,
}

impl Outcome {
    fn is_missed(&self) -> bool {
        self.harmed.is_some() && self.says != "refused"
    }

    fn is_too_strict(&self) -> bool {
        self.harmed.is_none() && self.says == "refused"
    }
}

fn outcomes(row: &Row) -> Vec<Outcome> {
    let [first, second] = row.sides;
    let ways = match row.direction {
        Direction::Appears => vec![("appears", first, second), ("goes", second, first)],
        Direction::OnlyAppears => vec![("appears", first, second)],
        Direction::OnlyGoes => vec![("goes", first, second)],
        Direction::Changes => vec![("changes", first, second), ("changes", second, first)],
    };
    ways.into_iter().map(|(change, before, now)| outcome(row, change, before, now)).collect()
}

/// Locks the one type, and checks the other one.
fn outcome(row: &Row, change: &'static str, before: Side, now: Side) -> Outcome {
    let registry = |event| Registry::builder().registration(event).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let check = |event, bless| {
        let mode = Mode { bless, strict: false };
        checked_with(&registry(event), env!("CARGO_PKG_NAME"), folder.path(), mode)
    };
    let name = format!("{} {} {change}: {}", row.place, row.attribute, row.case);
    // A payload by hand, since none is generated for a type that is known by its name.
    let golden = row.payloads.iter().find(|json| (before.reads)(json).is_some());
    let golden = golden.unwrap_or_else(|| panic!("{name}: no payload is read"));
    let fixtures = folder.path().join("fixtures");
    fs::create_dir(&fixtures).unwrap();
    fs::write(fixtures.join("table.changed.v1.json"), golden).unwrap();
    check(before.event, true).unwrap_or_else(|report| panic!("{name}: {report}"));
    let (plain, blessed) = (check(now.event, false), check(now.event, true));
    let says = match (&plain, &blessed) {
        (Ok(()), Ok(())) => "same",
        (Err(_), Ok(())) => "bless",
        _ => "refused",
    };
    // What was recorded is accepted from then on.
    if says == "bless" {
        check(now.event, false).unwrap();
    }
    let is_harmed = |json: &&String| {
        let read = (before.reads)(json);
        read.is_some() && read != (now.reads)(json)
    };
    Outcome {
        place: row.place,
        attribute: row.attribute,
        change,
        case: row.case,
        says,
        harmed: row.payloads.iter().find(is_harmed).cloned(),
        limit: row.limit,
        report: plain.err().unwrap_or_default(),
    }
}

fn all() -> Vec<Outcome> {
    let tables = [
        container::rows(),
        container::enums(),
        variant::rows(),
        field::rows(),
        functions::rows(),
        functions::conversions(),
        nested::rows(),
    ];
    tables.into_iter().flatten().flat_map(|row| outcomes(&row)).collect()
}

#[test]
fn the_lock_notices_what_changes_for_stored_payloads_and_nothing_else() {
    let all = all();
    let (mut harmful, mut noticed, mut limits) = (0, 0, 0);
    let (mut missed, mut too_strict, mut outdated) = (Vec::new(), Vec::new(), Vec::new());
    for it in &all {
        let name = format!("{} {} {}: {}", it.place, it.attribute, it.change, it.case);
        println!("{:<8} {name:<75} {}", it.says, it.harmed.as_deref().unwrap_or_default());
        let is_known = match it.limit {
            Limit::None => false,
            Limit::NotSeen => it.is_missed(),
            Limit::Refused => it.is_too_strict(),
        };
        limits += usize::from(is_known);
        harmful += usize::from(it.harmed.is_some());
        noticed += usize::from(it.harmed.is_some() && it.says == "refused");
        match (is_known, it.limit) {
            (false, Limit::None) if it.is_missed() => missed.push(name),
            (false, Limit::None) if it.is_too_strict() => {
                too_strict.push(format!("{name}\n{}", it.report));
            }
            (true, _) | (false, Limit::None) => {}
            (false, _) => outdated.push(name),
        }
    }
    println!(
        "{} pairs, {harmful} change what is stored, {noticed} of them noticed, {} refused though harmless, {limits} known limits",
        all.len(),
        too_strict.len()
    );
    assert!(all.len() >= 200, "{} pairs", all.len());
    assert!(missed.is_empty(), "unnoticed: {missed:#?}");
    assert!(too_strict.is_empty(), "refused though harmless:\n{}", too_strict.join("\n\n"));
    assert!(outdated.is_empty(), "no limits any more: {outdated:#?}");
    docs::check(&all);
}
