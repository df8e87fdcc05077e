//! What a stored payload reads as: the event it is decoded to, written again, at its own version and at the latest one.
//!
//! The lock keeps the result. It may change only in what is written: the recorded event, read again, has to be the same.

use std::collections::BTreeSet;
use std::mem;

use chrono::DateTime;
use serde_json::Value;
use serde_json::value::RawValue;

use event_core::error::with_causes;
use event_core::shape::Form;
use event_core::{AnyEvent, EventVersion, Registry};

/// What one payload reads as at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The version that the payload is decoded to.
    pub version: EventVersion,
    /// The event, written again as JSON in one line.
    pub json: String,
}

/// A payload beside the golden one, with what it reads as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The payload; `None` for the golden one, which has a file of its own.
    pub payload: Option<String>,
    /// What it reads as, by version.
    pub readings: Vec<Reading>,
}

/// How a payload of one version is read by a registry.
pub(crate) struct Reader<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) event_type: &'a str,
    pub(crate) version: EventVersion,
}

impl Reader<'_> {
    /// Reads a payload at its own version, if that is still defined, and at the latest.
    pub(crate) fn readings(&self, payload: &str) -> Result<Vec<Reading>, String> {
        let mut versions = BTreeSet::new();
        versions.extend(self.registry.lookup(self.event_type, self.version).map(|_| self.version));
        versions.extend(
            self.registry.latest(self.event_type).map(event_core::registry::Registration::version),
        );
        let mut readings = Vec::new();
        for version in versions {
            let event = self.event(payload, self.version, version)?;
            // A variant that is read and never written has no reading.
            if let Ok(json) = encoded(event.as_ref()) {
                readings.push(Reading { version, json: json.to_string() });
            }
        }
        Ok(readings)
    }

    /// Reads a payload stored at one version as another version.
    fn read(&self, payload: &str, from: EventVersion, to: EventVersion) -> Result<Value, String> {
        encoded(self.event(payload, from, to)?.as_ref())
    }

    fn event(
        &self,
        payload: &str,
        from: EventVersion,
        to: EventVersion,
    ) -> Result<Box<dyn AnyEvent>, String> {
        let data = RawValue::from_string(payload.to_owned()).map_err(|error| error.to_string())?;
        let latest = self.registry.latest(self.event_type).map_err(|error| error.to_string())?;
        let event = if to == latest.version() {
            self.registry.decode(self.event_type, from, &data)
        } else {
            self.registry.lookup(self.event_type, to).and_then(|it| it.decode(from, &data))
        };
        event.map_err(|error| with_causes(&error))
    }

    /// Compares what a payload reads as with what was recorded; `Err` says what is read differently. `Ok` holds the
    /// readings of now if they have to be recorded.
    pub(crate) fn compare(
        &self,
        payload: &str,
        recorded: &[Reading],
    ) -> Result<Option<Vec<Reading>>, String> {
        let now = self.readings(payload)?;
        for reading in &now {
            let before = recorded.iter().find(|it| it.version == reading.version);
            match before {
                Some(before) => self.same(before, reading)?,
                None if reading.version == self.version => self.round_trip(payload, reading)?,
                None => {}
            }
        }
        // A version that nothing reads any more has left its record for whoever wonders.
        let mut all = now;
        let gone = recorded.iter().filter(|it| all.iter().all(|now| now.version != it.version));
        let gone: Vec<Reading> = gone.cloned().collect();
        all.extend(gone);
        all.sort_by_key(|it| it.version);
        Ok((all != recorded).then_some(all))
    }

    fn same(&self, before: &Reading, now: &Reading) -> Result<(), String> {
        if before.json == now.json {
            return Ok(());
        }
        let (recorded, current) = (parsed(&before.json)?, parsed(&now.json)?);
        let again = self.read(&before.json, now.version, now.version);
        let names = self.names(now.version);
        let differs = |left: &Value, right: &Value| match (left, right) {
            // A variant may be written under another of its names.
            (Value::String(left), Value::String(right)) => {
                !names.iter().any(|names| names.contains(left) && names.contains(right))
            }
            _ => true,
        };
        let place = difference(&recorded, &current, ".", &differs);
        if place.is_none() && again.is_ok_and(|it| equal(&it, &current)) {
            return Ok(());
        }
        let place = place.unwrap_or_else(|| ".".to_owned());
        Err(format!(
            "it reads as something else at `{place}` of {}: as {}, and was recorded as {}; undo the change, or keep the old meaning and add a version",
            now.version, now.json, before.json
        ))
    }

    /// The names of each variant inside of a version, those that only old events have included.
    fn names(&self, version: EventVersion) -> Vec<BTreeSet<String>> {
        let mut names = Vec::new();
        if let Ok(event) = self.registry.lookup(self.event_type, version) {
            collect_names(&event.shape(), &mut names);
        }
        names
    }

    /// The payload, read and written at its own version, has to be itself.
    fn round_trip(&self, payload: &str, reading: &Reading) -> Result<(), String> {
        let (stored, written) = (parsed(payload)?, parsed(&reading.json)?);
        let again = self.read(&reading.json, self.version, self.version);
        // A payload by hand may spell a set, a time or a number as older programs did.
        let converted =
            |left: &Value, right: &Value| mem::discriminant(left) == mem::discriminant(right);
        let place = difference(&stored, &written, ".", &converted);
        let place = match again {
            Ok(again) if place.is_none() => difference(&again, &written, ".", &|_, _| true),
            Ok(_) => place,
            Err(error) => {
                return Err(format!(
                    "it is read, and written as {}, which is not read ({error}): the type does not read what it writes",
                    reading.json
                ));
            }
        };
        place.map_or(Ok(()), |place| {
            Err(format!(
                "it reads as something else at `{place}`: written again it is {}; the type does not read what it writes",
                reading.json
            ))
        })
    }
}

fn parsed(json: &str) -> Result<Value, String> {
    serde_json::from_str(json).map_err(|error| format!("not JSON: {error}"))
}

pub(crate) fn encoded(event: &dyn AnyEvent) -> Result<Value, String> {
    let json = event.to_json_any().and_then(|json| serde_json::from_str(json.get()));
    json.map_err(|error| format!("could not be encoded again: {error}"))
}

/// Whether two values are the same; the items of a list may be in another order, as those of a hashed set are.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, value)| theirs.get(key).is_some_and(|it| equal(value, it)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let mut rest: Vec<&Value> = theirs.iter().collect();
            ours.len() == theirs.len()
                && ours.iter().all(|item| {
                    let found = rest.iter().position(|it| equal(item, it));
                    found.map(|at| rest.swap_remove(at)).is_some()
                })
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            ours == theirs || (ours.as_f64() == theirs.as_f64() && ours.is_f64() != theirs.is_f64())
        }
        (Value::String(ours), Value::String(theirs)) => ours == theirs || same_time(ours, theirs),
        _ => left == right,
    }
}

fn same_time(left: &str, right: &str) -> bool {
    let time = |text| DateTime::parse_from_rfc3339(text).ok();
    time(left).is_some_and(|left| time(right) == Some(left))
}

/// The path of the first value that both texts have and that is not the same, where `counts` says that it matters.
fn difference(
    left: &Value,
    right: &Value,
    path: &str,
    counts: &dyn Fn(&Value, &Value) -> bool,
) -> Option<String> {
    match (left, right) {
        (Value::Object(ours), Value::Object(theirs)) => ours.iter().find_map(|(key, value)| {
            let path = if path == "." { key.clone() } else { format!("{path}.{key}") };
            difference(value, theirs.get(key)?, &path, counts)
        }),
        (Value::Array(ours), Value::Array(theirs))
            if ours.len() == theirs.len() && !equal(left, right) =>
        {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(at, (a, b))| difference(a, b, &format!("{path}[{at}]"), counts))
        }
        _ => (!equal(left, right) && counts(left, right)).then(|| path.to_owned()),
    }
}

fn collect_names(form: &Form, names: &mut Vec<BTreeSet<String>>) {
    match form {
        Form::Named(_, form)
        | Form::Marked(_, form)
        | Form::Sampled(_, form)
        | Form::Option(form)
        | Form::List(form)
        | Form::Set(form) => collect_names(form, names),
        Form::Map(key, value) => {
            collect_names(key, names);
            collect_names(value, names);
        }
        Form::Tuple(items) => items.iter().for_each(|item| collect_names(item, names)),
        Form::Struct(fields) => fields.iter().for_each(|field| collect_names(&field.form, names)),
        Form::Enum(_, variants) => {
            for variant in variants {
                let written = variant.marks.iter().filter_map(|it| it.strip_prefix("written as `"));
                let written = written.map(|name| name.trim_end_matches('`'));
                let aliases = variant.aliases.iter().copied();
                names.push(aliases.chain(written).chain([variant.name]).map(Into::into).collect());
                variant.form.iter().for_each(|form| collect_names(form, names));
            }
        }
        _ => {}
    }
}
