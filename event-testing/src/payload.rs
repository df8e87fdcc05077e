//! Random events and payloads, generated from the shapes that the derive records.

use fastrand::Rng;
use serde_json::Value;
use serde_json::value::to_raw_value;

use event_core::error::with_causes;
use event_core::event::decode_at;
use event_core::registry::Registration;
use event_core::shape::{Dice, NoSample, sample};
use event_core::{Event, Registry};

/// Generates a random payload of a version.
///
/// # Errors
/// [`NoSample`] for a field whose type has no known shape.
pub fn arbitrary_payload(event: &Registration, rng: &mut Rng) -> Result<Value, NoSample> {
    sample(&event.shape(), &mut Dice::Random(rng.fork()))
}

/// Generates a random event from the shape of its type. It need not satisfy the rules of its `validate`.
///
/// # Panics
/// Panics if the shape is not known, or if a payload of the shape does not decode, which means that the shape is wrong.
pub fn arbitrary<E: Event>(rng: &mut Rng) -> E {
    let payload = arbitrary_payload(&Registration::of::<E>(), rng);
    let payload = payload.unwrap_or_else(|error| panic!("{} {}: {error}", E::TYPE, E::VERSION));
    let raw = to_raw_value(&payload).unwrap_or_else(|error| panic!("{error}"));
    decode_at(E::VERSION, &raw)
        .unwrap_or_else(|error| panic!("{}, in {payload}", with_causes(&error)))
}

/// Decodes `runs` random payloads of every version that a crate registers, to the latest version, and asserts that none
/// fails.
///
/// # Panics
/// Panics with the version, the step, the JSON path and the payload of the first failure of each version.
pub fn upcasts_never_fail(crate_name: &str, runs: u64) {
    match Registry::global() {
        Ok(registry) => upcasts_never_fail_in(registry, crate_name, runs),
        Err(errors) => panic!("{errors}"),
    }
}

/// As [`upcasts_never_fail`], with a given registry.
///
/// # Panics
/// As [`upcasts_never_fail`].
pub fn upcasts_never_fail_in(registry: &Registry, crate_name: &str, runs: u64) {
    let own: Vec<_> = registry.iter().filter(|it| it.origin().krate == crate_name).collect();
    assert!(!own.is_empty(), "no event of `{crate_name}` is registered");
    let failures: Vec<String> =
        own.iter().filter_map(|event| first_failure(registry, event, runs)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn first_failure(registry: &Registry, event: &Registration, runs: u64) -> Option<String> {
    let (event_type, version) = (event.event_type(), event.version());
    for seed in 0..runs {
        let payload = match arbitrary_payload(event, &mut Rng::with_seed(seed)) {
            Ok(payload) => payload,
            Err(error) => return Some(format!("{event_type} {version}: {error}")),
        };
        let raw = match to_raw_value(&payload) {
            Ok(raw) => raw,
            Err(error) => return Some(format!("{event_type} {version}: {error}")),
        };
        if let Err(error) = registry.decode(event_type, version, &raw) {
            return Some(format!(
                "{event_type} {version}, payload {seed}: {}\n  {payload}",
                with_causes(&error)
            ));
        }
    }
    None
}
