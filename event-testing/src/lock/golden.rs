//! Golden payloads: one stored payload per version, recorded once, read for ever after, on every way.
//!
//! An event crate ships its own ([`golden!`](crate::golden!)), so that crates that build on it run them too.

use serde_json::Value;
use serde_json::value::RawValue;

use event_core::error::with_causes;
use event_core::event::{DecodeError, Migration};
use event_core::registry::Registration;
use event_core::shape::{Generator, sample};
use event_core::{AnyEvent, EventVersion, Registry};

/// A golden payload, as an event crate ships it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Golden {
    /// The name of its file, `<type>.v<N>`.
    pub name: &'static str,
    /// The payload.
    pub json: &'static str,
}

/// The golden payloads of the calling crate, by the names of their files: `golden!["card_drawn.v1", "card_drawn.v2"]`.
///
/// Hand the list to [`check`] in any crate that builds on these events.
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

/// Reads every payload on every way through the migrations of this binary.
///
/// # Panics
/// With every payload that does not read, or reads differently on another way: that is how a test fails.
pub fn check(payloads: &[Golden]) {
    let registry = match Registry::global() {
        Ok(registry) => registry,
        Err(errors) => panic!("{errors}"),
    };
    let mut wrong = Vec::new();
    for payload in payloads {
        let verified = named(payload.name)
            .ok_or_else(|| "expected a name like `card_drawn.v1`".to_owned())
            .and_then(|(event_type, version)| verify(registry, event_type, version, payload.json));
        if let Err(reason) = verified {
            wrong.push(format!("{}: {reason}", payload.name));
        }
    }
    assert!(wrong.is_empty(), "golden payloads do not read:\n{}", wrong.join("\n"));
}

fn named(name: &str) -> Option<(&str, EventVersion)> {
    let (event_type, version) = name.rsplit_once(".v")?;
    Some((event_type, EventVersion::try_from(version.parse::<u32>().ok()?).ok()?))
}

/// Reads a payload as stored, along every way to the latest version; all must come to the same.
pub(crate) fn verify(
    registry: &Registry,
    event_type: &str,
    version: EventVersion,
    json: &str,
) -> Result<(), String> {
    let data: Box<RawValue> = serde_json::from_str(json)
        .map_err(|error| format!("not JSON: {error}; restore it from version control"))?;
    let told = |error: &DecodeError| {
        format!(
            "{}; what is stored like this could not be read: mend the migration, never the payload",
            with_causes(error)
        )
    };
    let plain = registry.decode(event_type, version, &data).map_err(|error| told(&error))?;
    let plain = encoded(plain.as_ref())?;
    for way in registry.paths(event_type, version).map_err(|error| told(&error))? {
        let event = registry.decode_along(event_type, version, &data, &way);
        let event =
            event.map_err(|error| format!("along {}: {}", shown(version, &way), told(&error)))?;
        if encoded(event.as_ref())? != plain {
            return Err(format!(
                "reads differently along {}; alternative migrations must give equal events",
                shown(version, &way)
            ));
        }
    }
    Ok(())
}

fn encoded(event: &dyn AnyEvent) -> Result<Value, String> {
    let json = event.to_json_any().and_then(|json| serde_json::from_str(json.get()));
    json.map_err(|error| format!("could not be written again: {error}"))
}

fn shown(from: EventVersion, way: &[Migration]) -> String {
    way.iter().fold(from.to_string(), |text, step| format!("{text} → {}", step.to()))
}

/// A payload made from the shape of a version, that the version itself reads.
pub(crate) fn recorded(event: &Registration) -> Result<String, String> {
    let value = sample(&event.shape(), &mut Generator::Fixed).map_err(|error| error.to_string())?;
    let mut text = serde_json::to_string_pretty(&value).map_err(|error| error.to_string())?;
    let data = RawValue::from_string(text.clone()).map_err(|error| error.to_string())?;
    event.decode(event.version(), &data).map_err(|error| {
        format!("a payload of its shape does not read ({})", with_causes(&error))
    })?;
    text.push('\n');
    Ok(text)
}
