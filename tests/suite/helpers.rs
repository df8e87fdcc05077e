//! The helpers for authors of events: what they find, and how they say it.

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

/// Refuses some counts, and panics on others.
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

/// What a helper says when it fails.
fn said(work: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).expect_err("it fails");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_step_that_fails_on_some_payloads_is_named_with_one() {
    let registry = Registry::builder().event::<MarkedV1>().event::<Marked>();
    let registry = registry.build().unwrap();
    let words = said(|| upcasts_never_fail_in(&registry, CRATE, 200));
    for part in ["helpers.marked v1, payload", "from v1 to v2 failed", "\"count\":"] {
        assert!(words.contains(part), "{words:?} says {part:?}");
    }
    let none = said(|| upcasts_never_fail_in(&registry, "no-such-crate", 1));
    assert!(none.contains("no event of `no-such-crate` is registered"), "{none}");
}

#[test]
fn random_events_have_every_form_of_their_shape() {
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
fn a_type_that_says_nothing_of_itself_is_named() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Silent(u8);

    #[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
    #[event(type = "helpers.silent", version = 1, register = false)]
    struct Holder {
        inside: Vec<Silent>,
    }

    let words = said(|| drop(arbitrary::<Holder>(&mut Rng::with_seed(1))));
    assert!(words.contains("`inside`, a `Vec<Silent>`; derive `Shape` for it"), "{words}");
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
fn scenarios_say_what_was_decided_and_what_was_not() {
    let decide = |sum: &Sum| if sum.0 > 5 { Err("enough") } else { Ok([MarkedV1 { count: 1 }]) };
    given::<Sum>([MarkedV1 { count: 5 }]).when(decide).then([MarkedV1 { count: 1 }]);
    assert_eq!(given::<Sum>([MarkedV1 { count: 6 }]).when(decide).refused(), "enough");
    let nothing: [MarkedV1; 0] = [];
    assert_eq!(given::<Sum>(nothing).state().0, 0);
    let words =
        said(|| given::<Sum>([MarkedV1 { count: 9 }]).when(decide).then([MarkedV1 { count: 1 }]));
    assert!(words.contains("refused (\"enough\")"), "{words}");
    let words = said(|| {
        given::<Sum>([MarkedV1 { count: 1 }]).when(decide).refused();
    });
    assert!(words.contains("expected a refusal"), "{words}");
}

#[test]
fn stored_payloads_are_read_or_say_why_not() {
    stored::<Marked>(1, json!({ "count": 7 })).reads_as(&Marked {
        count: 7,
        mark: Mark::Plain,
        rest: vec![],
    });
    stored::<Marked>(1, json!({ "count": 6 })).fails("6 cannot be halved");
    stored::<Marked>(1, json!({ "count": 200 })).fails("the step panicked: a count of 200");
    stored::<Marked>(3, json!({})).fails("stored as v3, this binary knows it up to v2");
    let words = said(|| stored::<Marked>(1, json!({ "count": 7 })).fails("anything"));
    assert!(words.contains("v1 decodes"), "{words}");
}
