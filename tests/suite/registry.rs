//! The registry and its migrations: lookups, paths, and the report of all problems at once.

use event_core::event::DecodeError;
use event_core::registry::{RegistryBuilder, RegistryError};
use event_core::{Error, Event, EventVersion, MigrationError, Registry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An event of a given type and version without a history.
macro_rules! plain_event {
    ($name:ident, $event_type:literal, $version:literal) => {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct $name {
            #[serde(default)]
            steps: Vec<String>,
        }

        impl Event for $name {
            const TYPE: &'static str = $event_type;
            const VERSION: EventVersion = EventVersion::new($version);
        }
    };
}

plain_event!(AlphaV1, "alpha", 1);
plain_event!(AlphaV2, "alpha", 2);
plain_event!(AlphaV3, "alpha", 3);
plain_event!(AlphaV4, "alpha", 4);
plain_event!(OtherAlphaV1, "alpha", 1);
plain_event!(Beta, "beta", 1);
plain_event!(GammaV2, "gamma", 2);

const fn v(n: u32) -> EventVersion {
    EventVersion::new(n)
}

/// A step that appends its label to `steps`.
macro_rules! step {
    ($name:ident, $label:literal) => {
        fn $name(mut data: Value) -> Result<Value, MigrationError> {
            let steps = data["steps"].as_array_mut().ok_or("`steps` is not a list")?;
            steps.push($label.into());
            Ok(data)
        }
    };
}

step!(one_two, "1→2");
step!(two_three, "2→3");
step!(three_four, "3→4");
step!(one_three, "1→3");
step!(two_four, "2→4");

fn alpha() -> RegistryBuilder {
    Registry::builder()
        .event::<AlphaV1>()
        .event::<AlphaV2>()
        .event::<AlphaV3>()
        .migration("alpha", v(1), v(2), one_two)
        .migration("alpha", v(2), v(3), two_three)
}

fn migrated(registry: &Registry, from: u32, to: u32) -> Vec<String> {
    let data = json!({"steps": [], "other": 1});
    let data = registry.migrate("alpha", data, v(from), v(to)).unwrap();
    assert_eq!(data["other"], 1);
    serde_json::from_value(data["steps"].clone()).unwrap()
}

#[test]
fn lookup_returns_an_exact_version_and_latest_the_highest() {
    let registry = alpha().event::<Beta>().build().unwrap();
    assert_eq!(registry.lookup("alpha", v(2)).unwrap().version(), v(2));
    assert_eq!(registry.latest("alpha").unwrap().version(), v(3));
    assert_eq!(registry.types(), ["alpha", "beta"]);
    let all: Vec<_> = registry.iter().map(|r| (r.event_type(), r.version().get())).collect();
    assert_eq!(all, [("alpha", 1), ("alpha", 2), ("alpha", 3), ("beta", 1)]);
    assert!(registry.latest("alpha").unwrap().rust_type().ends_with("AlphaV3"));
}

#[test]
fn unknown_types_unknown_versions_and_newer_versions_are_different_errors() {
    let registry = alpha().build().unwrap();
    let error = registry.latest("alpah").unwrap_err();
    assert!(
        matches!(&error, DecodeError::UnknownType { known, .. } if known == &["alpha"]),
        "{error}"
    );
    assert!(error.to_string().contains("the most similar types are `alpha`"), "{error}");
    let error = registry.lookup("alpha", v(9)).unwrap_err();
    assert!(matches!(error, DecodeError::FromTheFuture { .. }), "{error}");
    let without_two = Registry::builder().event::<AlphaV3>();
    let without_two = without_two.migration("alpha", v(1), v(3), one_three);
    let error = without_two.build().unwrap().lookup("alpha", v(2)).unwrap_err();
    assert!(matches!(error, DecodeError::UnknownVersion { .. }), "{error}");
    assert_eq!(error.code(), "invalid_event_type");
}

#[test]
fn migration_between_equal_versions_returns_the_data_unchanged_for_any_type() {
    let registry = alpha().build().unwrap();
    for name in ["alpha", "unknown"] {
        assert_eq!(registry.migrate(name, json!([1.0]), v(7), v(7)).unwrap(), json!([1.0]));
    }
}

#[test]
fn only_the_steps_between_the_two_versions_run_in_order() {
    let registry = alpha().build().unwrap();
    assert_eq!(migrated(&registry, 1, 2), ["1→2"]);
    assert_eq!(migrated(&registry, 1, 3), ["1→2", "2→3"]);
    assert_eq!(migrated(&registry, 2, 3), ["2→3"]);
}

#[test]
fn the_shortest_path_wins_then_the_larger_first_step() {
    let shortcut = alpha().migration("alpha", v(1), v(3), one_three).build().unwrap();
    assert_eq!(migrated(&shortcut, 1, 3), ["1→3"]);
    let builder = alpha()
        .event::<AlphaV4>()
        .migration("alpha", v(2), v(4), two_four)
        .migration("alpha", v(1), v(3), one_three)
        .migration("alpha", v(3), v(4), three_four);
    assert_eq!(migrated(&builder.build().unwrap(), 1, 4), ["1→3", "3→4"]);
}

#[test]
fn a_migration_downward_or_to_an_unknown_version_or_type_is_an_error() {
    let registry = alpha().build().unwrap();
    let down = registry.migrate("alpha", json!({}), v(3), v(1)).unwrap_err();
    assert!(matches!(down, DecodeError::Downward { .. }), "{down}");
    let beyond = registry.migrate("alpha", json!({}), v(1), v(4)).unwrap_err();
    assert!(matches!(beyond, DecodeError::FromTheFuture { .. }), "{beyond}");
    let unknown = registry.migrate("beta", json!({}), v(1), v(2)).unwrap_err();
    assert!(matches!(unknown, DecodeError::UnknownType { .. }), "{unknown}");
    // The migrations of one type do not apply to another.
    let both = alpha().event::<Beta>().build().unwrap();
    assert!(both.path("beta", v(1), v(1)).unwrap().is_empty());
}

#[test]
fn a_failed_step_is_reported_with_its_versions_and_later_steps_do_not_run() {
    let refuse: fn(Value) -> Result<Value, MigrationError> = |_| Err("no seat".into());
    let panic: fn(Value) -> Result<Value, MigrationError> = |_| panic!("never reached");
    let registry = Registry::builder()
        .event::<AlphaV4>()
        .migration("alpha", v(1), v(2), one_two)
        .migration("alpha", v(2), v(3), refuse)
        .migration("alpha", v(3), v(4), panic)
        .build()
        .unwrap();
    let error = registry.migrate("alpha", json!({"steps": []}), v(1), v(4)).unwrap_err();
    let DecodeError::Step { event_type, from, to, source } = error else { panic!("{error}") };
    assert_eq!((event_type.as_str(), from, to), ("alpha", v(2), v(3)));
    assert_eq!(source.to_string(), "no seat");
}

#[test]
fn a_panic_in_a_step_is_an_error() {
    let registry =
        Registry::builder().event::<GammaV2>().migration("gamma", v(1), v(2), |_| panic!("boom"));
    let registry = registry.build().unwrap();
    let error = registry.migrate("gamma", json!({}), v(1), v(2)).unwrap_err();
    let DecodeError::Step { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "the step panicked: boom");
}

#[test]
fn decode_migrates_along_the_graph() {
    let registry = alpha().build().unwrap();
    let data = serde_json::value::to_raw_value(&json!({"steps": []})).unwrap();
    let event = registry.decode("alpha", v(1), &data).unwrap();
    let event = event.downcast::<AlphaV3>().unwrap();
    assert_eq!(event.steps, ["1→2", "2→3"]);
    let error = registry.decode("alpha", v(4), &data).unwrap_err();
    assert!(matches!(error, DecodeError::FromTheFuture { .. }), "{error}");
}

#[test]
fn every_problem_is_reported_at_once() {
    let errors = Registry::builder()
        .event::<AlphaV1>()
        .event::<OtherAlphaV1>()
        .event::<AlphaV3>()
        .event::<GammaV2>()
        .migration("alpha", v(1), v(3), one_three)
        .migration("alpha", v(1), v(3), two_three)
        .migration("alpha", v(3), v(1), one_three)
        .migration("alpha", v(3), v(9), one_three)
        .migration("unknown", v(1), v(2), one_three)
        .expect_crates(["forgotten-events"])
        .build()
        .unwrap_err();
    let kinds: Vec<_> = errors
        .iter()
        .map(|problem| match problem {
            RegistryError::Duplicate { .. } => "duplicate",
            RegistryError::DuplicateEdge { .. } => "duplicate edge",
            RegistryError::Cycle { .. } => "cycle",
            RegistryError::Orphan { .. } => "orphan",
            RegistryError::Gap { .. } => "gap",
            RegistryError::MissingCrate { .. } => "missing crate",
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        kinds,
        ["missing crate", "duplicate", "duplicate edge", "cycle", "orphan", "gap", "orphan"]
    );
    let message = errors.to_string();
    assert!(message.contains("write `use forgotten_events as _;`"), "{message}");
    assert!(message.contains("`gamma` v1 cannot reach v2"), "{message}");
}

#[test]
fn an_event_registered_twice_from_the_same_source_is_one_event() {
    let registry = alpha().event::<AlphaV1>().build().unwrap();
    assert_eq!(registry.iter().count(), 3);
}

#[test]
fn an_empty_registry_is_valid() {
    let registry = Registry::builder().build().unwrap();
    assert!(registry.types().is_empty());
}

#[test]
fn an_unknown_type_without_any_linked_event_says_how_to_link_a_crate() {
    let empty = Registry::builder().build().unwrap();
    let unknown = empty.migrate("alpha", json!({}), v(1), v(2)).unwrap_err();
    let advice = "is not linked: write `use the_event_crate as _;` in the application";
    assert!(unknown.to_string().contains(advice), "{unknown}");
    let error = Error::from(unknown).to_string();
    assert!(error.contains(advice), "{error}");

    let beta = Registry::builder().event::<Beta>().build().unwrap();
    let unknown = beta.migrate("betta", json!({}), v(1), v(2)).unwrap_err();
    let error = Error::from(unknown).to_string();
    assert!(error.contains("expected one of: beta"), "{error}");
}
