//! The test helpers for authors of events: which mistakes they detect, and how they report them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use event_core::{Aggregate, Event, MigrationError, Registry, Shape};
use event_testing::{arbitrary, given, stored, upcasts_never_fail_in};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;

const CRATE: &str = env!("CARGO_PKG_NAME");

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Shape)]
#[serde(rename_all = "snake_case")]
enum Mark {
    Plain,
    Named(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "helpers.marked", version = 1, register = false)]
struct MarkedV1 {
    count: u8,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "helpers.marked", version = 2, migrate(from = 1, with = halve), register = false)]
struct Marked {
    count: u8,
    mark: Mark,
    #[event(shape = "list of u8")]
    rest: Vec<u8>,
}

/// Fails for some counts and panics for others.
fn halve(mut data: serde_json::Value) -> Result<serde_json::Value, MigrationError> {
    let count = data["count"].as_u64().ok_or("no count")?;
    assert!(count < 200, "a count of {count}");
    if count % 7 == 6 {
        return Err(format!("{count} cannot be halved").into());
    }
    data["mark"] = json!("plain");
    data["rest"] = json!([]);
    Ok(data)
}

/// The panic message of a helper that fails.
fn failure_message(helper: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(helper)).expect_err("the helper fails");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_step_that_fails_for_some_payloads_is_reported_with_such_a_payload() {
    let registry = Registry::builder().event::<MarkedV1>().event::<Marked>();
    let registry = registry.build().unwrap();
    let message = failure_message(|| upcasts_never_fail_in(&registry, CRATE, 200));
    for part in ["helpers.marked v1, payload", "from v1 to v2 failed", "\"count\":"] {
        assert!(message.contains(part), "{message:?} contains {part:?}");
    }
    let none = failure_message(|| upcasts_never_fail_in(&registry, "no-such-crate", 1));
    assert!(none.contains("no event of `no-such-crate` is registered"), "{none}");
}

#[test]
fn random_events_cover_variants_lists_and_extreme_values() {
    let mut rng = Rng::with_seed(1);
    let events: Vec<Marked> = (0..200).map(|_| arbitrary(&mut rng)).collect();
    assert!(events.iter().any(|event| event.mark == Mark::Plain));
    assert!(
        events.iter().any(|event| matches!(&event.mark, Mark::Named(name) if !name.is_empty()))
    );
    assert!(events.iter().any(|event| event.rest.len() > 1));
    assert!(events.iter().any(|event| event.count == u8::MAX));
}

#[test]
fn a_field_type_without_a_shape_is_reported() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Shapeless(u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "helpers.shapeless", version = 1, register = false)]
    struct Holder {
        inside: Vec<Shapeless>,
    }

    let message = failure_message(|| drop(arbitrary::<Holder>(&mut Rng::with_seed(1))));
    assert!(message.contains("`inside`, a `Vec<Shapeless>`; derive `Shape` for it"), "{message}");
}

#[derive(Debug, PartialEq, Event)]
enum Tally {
    Marked(MarkedV1),
}

#[derive(Debug, Default)]
struct Sum(u32);

impl Aggregate for Sum {
    type Event = Tally;

    fn apply(&mut self, Tally::Marked(marked): Tally) {
        self.0 += u32::from(marked.count);
    }
}

#[test]
fn scenarios_report_an_unexpected_decision_or_refusal() {
    let decide = |sum: &Sum| if sum.0 > 5 { Err("enough") } else { Ok([MarkedV1 { count: 1 }]) };
    given::<Sum>([MarkedV1 { count: 5 }]).when(decide).then([MarkedV1 { count: 1 }]);
    assert_eq!(given::<Sum>([MarkedV1 { count: 6 }]).when(decide).refused(), "enough");
    let nothing: [MarkedV1; 0] = [];
    assert_eq!(given::<Sum>(nothing).state().0, 0);
    let message = failure_message(|| {
        given::<Sum>([MarkedV1 { count: 9 }]).when(decide).then([MarkedV1 { count: 1 }]);
    });
    assert!(message.contains("refused (\"enough\")"), "{message}");
    let message = failure_message(|| {
        given::<Sum>([MarkedV1 { count: 1 }]).when(decide).refused();
    });
    assert!(message.contains("expected a refusal"), "{message}");
}

#[test]
fn stored_payloads_decode_as_expected_or_fail_with_the_expected_message() {
    stored::<Marked>(1, json!({ "count": 7 })).reads_as(&Marked {
        count: 7,
        mark: Mark::Plain,
        rest: vec![],
    });
    stored::<Marked>(1, json!({ "count": 6 })).fails("6 cannot be halved");
    stored::<Marked>(1, json!({ "count": 200 })).fails("the step panicked: a count of 200");
    stored::<Marked>(3, json!({})).fails("stored as v3, this binary knows it up to v2");
    let message = failure_message(|| stored::<Marked>(1, json!({ "count": 7 })).fails("anything"));
    assert!(message.contains("v1 decodes"), "{message}");
}
