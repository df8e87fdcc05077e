//! Numbers and keys on their way through migrations: every way of decoding gives the same answer.

use event_core::envelope::Serializer;
use event_core::registry::{Census, StoredVersion};
use event_core::{AnyEvent, Event, EventVersion, MigrationError, Registry};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.paid", version = 1, register = false)]
struct PaidV1 {
    amount: u128,
    rate: f64,
    note: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.paid", version = 2, from = PaidV1, register = false)]
struct PaidV2 {
    amount: u128,
    rate: f64,
    note: Option<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.paid", version = 3, from = PaidV2, register = false)]
struct Paid {
    amount: u128,
    rate: f64,
    note: Option<Box<str>>,
}

impl From<PaidV1> for PaidV2 {
    fn from(PaidV1 { amount, rate, note }: PaidV1) -> Self {
        Self { amount, rate, note }
    }
}

impl From<PaidV2> for Paid {
    fn from(PaidV2 { amount, rate, note }: PaidV2) -> Self {
        Self { amount, rate, note }
    }
}

/// The same payload over JSON steps alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.paid", version = 2, migrate(from = 1, with = same), register = false)]
struct PaidByJson {
    amount: u128,
    rate: f64,
    note: Option<Box<str>>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
fn same(data: Value) -> Result<Value, MigrationError> {
    Ok(data)
}

const fn v(n: u32) -> EventVersion {
    EventVersion::new(n)
}

/// The registry of the typed chain, with a JSON shortcut that it prefers.
fn with_shortcut() -> Registry {
    let typed = Registry::builder().event::<PaidV1>().event::<PaidV2>().event::<Paid>();
    typed.migration("exact.paid", v(1), v(3), same).build().unwrap()
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn shown<T: Serialize, E>(result: Result<T, E>) -> Option<String> {
    Some(serde_json::to_string(&result.ok()?).unwrap())
}

fn shown_any<E>(result: Result<Box<dyn AnyEvent>, E>) -> Option<String> {
    Some(result.ok()?.to_json_any().unwrap().get().to_owned())
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|it| it.to_string()),
        any::<u128>().prop_map(|it| it.to_string()),
        Just("18446744073709551616".to_owned()),
        Just("100000000000000000000".to_owned()),
        Just(u128::MAX.to_string()),
        "[1-9][0-9]{0,40}",
    ]
}

proptest! {
    #[test]
    fn every_way_gives_the_same_answer(
        amount in number(),
        rate in prop_oneof![any::<f64>().prop_map(|it| if it.is_finite() { it } else { 1.0 }).prop_map(|it| serde_json::to_string(&it).unwrap()), "0\\.[0-9]{1,30}", number()],
        doubled in prop_oneof![Just(""), Just(r#","amount":1"#), Just(r#","other":1,"other":2"#)],
    ) {
        let data = raw(&format!(r#"{{"amount":{amount},"rate":{rate},"note":null{doubled}}}"#));
        let typed = shown(event_core::event::decode_at::<Paid>(v(1), &data));
        let registry = shown_any(with_shortcut().decode("exact.paid", v(1), &data));
        prop_assert_eq!(&typed, &registry);
        // What a JSON step lets through has kept its digits.
        let by_json = shown(event_core::event::decode_at::<PaidByJson>(v(1), &data));
        let own = Registry::builder().event::<PaidByJson>().build().unwrap();
        prop_assert_eq!(&by_json, &shown_any(own.decode("exact.paid", v(1), &data)));
        if by_json.is_some() {
            prop_assert_eq!(by_json, typed);
        }
    }
}

#[test]
fn a_json_step_refuses_what_it_would_change_and_says_why() {
    for (json, words) in [
        (
            r#"{"amount":100000000000000000000,"rate":1.0,"note":null}"#,
            "the number 100000000000000000000",
        ),
        (
            r#"{"amount":1,"rate":0.12345678901234567890,"note":null}"#,
            "the number 0.12345678901234567890",
        ),
        (r#"{"amount":1,"rate":1.0,"note":null,"x":1,"x":1}"#, "the key `x` stands twice"),
    ] {
        let error = event_core::event::decode_at::<PaidByJson>(v(1), &raw(json)).unwrap_err();
        assert!(event_core::error::with_causes(&error).contains(words), "{error:?}");
    }
    let huge = PaidV1 { amount: u128::MAX, rate: 0.1, note: None };
    let data = to_raw_value(&huge).unwrap();
    assert_eq!(event_core::event::decode_at::<Paid>(v(1), &data).unwrap().amount, u128::MAX);
    let any = with_shortcut().decode("exact.paid", v(1), &data).unwrap();
    assert_eq!(any.downcast_ref::<Paid>().unwrap().amount, u128::MAX);
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.paid", version = 3, since = 2, from = PaidV2, register = false)]
struct PaidSince2 {
    amount: u128,
    rate: f64,
    note: Option<Box<str>>,
}

impl From<PaidV2> for PaidSince2 {
    fn from(PaidV2 { amount, rate, note }: PaidV2) -> Self {
        Self { amount, rate, note }
    }
}

#[test]
fn the_census_reads_exactly_what_decoding_reads() {
    let registries = [
        Registry::builder().event::<PaidV1>().event::<PaidV2>().event::<PaidSince2>(),
        Registry::builder().event::<PaidV2>().event::<PaidSince2>(),
        Registry::builder().event::<PaidSince2>(),
        Registry::builder().event::<PaidV1>().event::<PaidV2>().event::<Paid>(),
    ];
    let data = to_raw_value(&PaidV1 { amount: 1, rate: 0.5, note: None }).unwrap();
    let mut answers = Vec::new();
    for registry in registries {
        let registry = registry.build().unwrap();
        for version in (1..=4).map(v) {
            let stored = StoredVersion { event_type: "exact.paid".into(), event_version: version };
            let reads = Census::new(&registry, [stored]).is_sound();
            let decodes = registry.decode("exact.paid", version, &data).is_ok();
            assert_eq!(reads, decodes, "{version}");
            answers.push(reads);
        }
    }
    assert!(!answers[0] && answers[1] && answers[12] && !answers[15], "{answers:?}");
    assert!(event_core::event::decode_at::<PaidSince2>(v(1), &data).is_err());
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.closed", version = 1, alias = "exact.shut", register = false)]
struct Closed;

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.counted", version = 1, register = false)]
struct Counted(u8);

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "exact.placed", version = 1, register = false)]
struct Placed(u8, String);

#[test]
fn the_stored_form_of_every_kind_of_event_reads_back() {
    let serializer = Serializer::new();
    let closed = serializer.to_stored(Closed).unwrap();
    assert_eq!(serializer.from_stored::<Closed>(&closed).unwrap(), Closed);
    let renamed = closed.replace("exact.closed", "exact.shut");
    assert_eq!(serializer.from_stored::<Closed>(&renamed).unwrap(), Closed);
    let counted = serializer.to_stored(Counted(7)).unwrap();
    assert_eq!(serializer.from_stored::<Counted>(&counted).unwrap(), Counted(7));
    let placed = serializer.to_stored(Placed(7, "x".into())).unwrap();
    assert_eq!(serializer.from_stored::<Placed>(&placed).unwrap(), Placed(7, "x".into()));
    // A struct is not read from a list, though serde would.
    let list = r#"{"type":"exact.paid","version":3,"data":[1,2.0,null]}"#;
    let error = serializer.from_stored::<Paid>(list).unwrap_err();
    assert!(error.to_string().contains("`data` that is not an object"), "{error}");
}
