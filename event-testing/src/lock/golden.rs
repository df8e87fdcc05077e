//! Golden payloads: one stored payload of each version, recorded once and decoded along every path of migrations in every
//! later test run.
//!
//! An event crate can ship its payloads ([`golden!`](crate::golden!)), so that crates that add migrations check them too.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use event_core::error::with_causes;
use event_core::event::{DecodeError, Migration};
use event_core::registry::Registration;
use event_core::shape::{Generator, Turns, sample, sample_beside};
use event_core::{EventVersion, Registry};

use crate::lock::probes::probes;
use crate::lock::reading::{caught, encoded, equal};

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

/// The most payloads that are kept beside the golden one.
const MOST: usize = 40;

/// Generates payloads beside the golden one, each in one line: one without the keys that may be missing, and those that show
/// the other variants of its enums, with these keys and without. What cannot be generated is taken from the golden payload.
pub(crate) fn beside(event: &Registration, golden: &str) -> Vec<String> {
    let form = event.shape();
    let Ok(golden) = serde_json::from_str::<Value>(golden) else { return Vec::new() };
    let mut found = vec![golden.clone()];
    let mut keep = |value: Value| {
        if !found.contains(&value) && decodes(event, &value.to_string()).is_ok() {
            found.push(value);
        }
    };
    if let Ok(least) = sample_beside(&form, &mut Generator::Least, &golden) {
        keep(least);
    }
    for least in [false, true] {
        let mut generator = Generator::Turns(Turns::new(least));
        // An enum inside of a variant has its turns only where the variant has its own.
        for _ in 0..MOST {
            if let Ok(value) = sample_beside(&form, &mut generator, &golden)
                && matches!(&generator, Generator::Turns(turns) if turns.is_new)
            {
                keep(value);
            }
            if let Generator::Turns(turns) = &mut generator {
                turns.is_new = false;
            }
        }
    }
    found.iter().skip(1).take(MOST).map(Value::to_string).collect()
}

/// Payloads like the given ones with other values where a function reads them, as far as it reads these. It may not write
/// what it reads.
pub(crate) fn converted<'a>(
    event: &Registration,
    payloads: impl Iterator<Item = &'a str>,
) -> Vec<String> {
    let form = event.shape();
    let (mut found, mut seen): (Vec<String>, _) = (Vec::new(), BTreeSet::new());
    for payload in payloads.filter_map(|json| serde_json::from_str(json).ok()) {
        for probe in probes(&form, &payload, &mut seen) {
            let probe = probe.to_string();
            if found.len() < MOST && !found.contains(&probe) && decodes(event, &probe).is_ok() {
                found.push(probe);
            }
        }
    }
    found
}

fn decodes(event: &Registration, text: &str) -> Result<(), String> {
    let data = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
    caught(|| {
        let event = event.decode(event.version(), &data);
        event.map(drop).map_err(|error| {
            format!("a payload of its shape does not decode ({})", with_causes(&error))
        })
    })
}
