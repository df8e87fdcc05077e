//! Golden payloads: one stored payload of each version, recorded once and decoded along every path of migrations in every
//! later test run.
//!
//! An event crate can ship its payloads ([`golden!`](crate::golden!)), so that crates that add migrations check them too.

use serde_json::value::RawValue;

use event_core::error::with_causes;
use event_core::event::{DecodeError, Migration};
use event_core::registry::Registration;
use event_core::shape::{Generator, sample};
use event_core::{EventVersion, Registry};

use crate::lock::reading::{encoded, equal};

/// A golden payload, included in an event crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Golden {
    /// The name of its file without the extension: `<type>.v<N>`.
    pub name: &'static str,
    /// The payload, as JSON.
    pub json: &'static str,
}

/// Includes golden payloads of the calling crate, by the names of their files: `golden!["card_drawn.v1", "card_drawn.v2"]`.
///
/// Pass the list to [`check`](crate::lock::golden::check) in any crate that uses these events.
#[macro_export]
macro_rules! golden {
    ($($name:literal),* $(,)?) => {
        &[$($crate::lock::golden::Golden {
            name: $name,
            json: ::core::include_str!(::core::concat!(
                ::core::env!("CARGO_MANIFEST_DIR"), "/fixtures/", $name, ".json"
            )),
        }),*]
    };
}

/// Decodes every payload along every path of the migrations that are linked into this binary.
///
/// # Panics
/// Panics with every payload that does not decode, or decodes differently on another path.
pub fn check(payloads: &[Golden]) {
    let registry = match Registry::global() {
        Ok(registry) => registry,
        Err(errors) => panic!("{errors}"),
    };
    let mut wrong = Vec::new();
    for payload in payloads {
        let verified = parse_name(payload.name)
            .ok_or_else(|| "expected a name like `card_drawn.v1`".to_owned())
            .and_then(|(event_type, version)| verify(registry, event_type, version, payload.json));
        if let Err(reason) = verified {
            wrong.push(format!("{}: {reason}", payload.name));
        }
    }
    assert!(wrong.is_empty(), "golden payloads do not decode:\n{}", wrong.join("\n"));
}

fn parse_name(name: &str) -> Option<(&str, EventVersion)> {
    let (event_type, version) = name.rsplit_once(".v")?;
    Some((event_type, EventVersion::try_from(version.parse::<u32>().ok()?).ok()?))
}

/// Decodes a stored payload along every path to the latest version; the results must be equal.
pub(crate) fn verify(
    registry: &Registry,
    event_type: &str,
    version: EventVersion,
    json: &str,
) -> Result<(), String> {
    let data: Box<RawValue> = serde_json::from_str(json)
        .map_err(|error| format!("not JSON: {error}; restore it from version control"))?;
    let message = |error: &DecodeError| {
        format!(
            "{}; events stored like this could not be read: fix the migration, never the payload",
            with_causes(error)
        )
    };
    let expected = registry.decode(event_type, version, &data).map_err(|error| message(&error))?;
    let expected = encoded(expected.as_ref())?;
    for path in registry.paths(event_type, version).map_err(|error| message(&error))? {
        let event = registry.decode_along(event_type, version, &data, &path);
        let event = event
            .map_err(|error| format!("along {}: {}", shown(version, &path), message(&error)))?;
        if !equal(&encoded(event.as_ref())?, &expected) {
            return Err(format!(
                "decodes differently along {}; alternative migrations must give equal events",
                shown(version, &path)
            ));
        }
    }
    Ok(())
}

fn shown(from: EventVersion, path: &[Migration]) -> String {
    path.iter().fold(from.to_string(), |text, step| format!("{text} → {}", step.to()))
}

/// Generates a payload from the shape of a version, and checks that the version decodes it.
pub(crate) fn generate(event: &Registration) -> Result<String, String> {
    let value = sample(&event.shape(), &mut Generator::Fixed).map_err(|error| error.to_string())?;
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    decodes(event, &text)?;
    text.push('\n');
    Ok(text)
}

/// Generates a payload without the keys that may be missing, in one line; `None` if every key is required.
pub(crate) fn generate_least(event: &Registration) -> Option<String> {
    let form = event.shape();
    let all = sample(&form, &mut Generator::Fixed).ok()?;
    let least = sample(&form, &mut Generator::Least).ok().filter(|least| *least != all)?;
    let text = least.to_string();
    decodes(event, &text).ok().map(|()| text)
}

fn decodes(event: &Registration, text: &str) -> Result<(), String> {
    let data = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
    event.decode(event.version(), &data).map_err(|error| {
        format!("a payload of its shape does not decode ({})", with_causes(&error))
    })?;
    Ok(())
}
