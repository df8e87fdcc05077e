//! What a stored payload reads as: the event it is decoded to, written again, at its own version and at the latest one.
//!
//! The lock keeps the result. It may change only in what is written: the recorded event, read again, has to be the same.
//! Where functions convert what is read, the event is kept as its `Debug` shows it, too.

use std::collections::BTreeSet;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::DateTime;
use serde_json::Value;
use serde_json::value::RawValue;

use event_core::error::with_causes;
use event_core::registry::Registration;
use event_core::shape::{Form, Tagging};
use event_core::{AnyEvent, EventVersion, Registry};

use crate::lock::memory;

/// What one payload reads as at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The version that the payload is decoded to.
    pub version: EventVersion,
    /// The event, written again as JSON in one line.
    pub json: String,
    /// The event as its `Debug` shows it, where the JSON may hide what is read.
    pub shown: Option<String>,
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
        versions.extend(self.registry.latest(self.event_type).map(Registration::version));
        let mut readings = Vec::new();
        for version in versions {
            let event = self.event(payload, self.version, version)?;
            // A variant that is read and never written has no reading.
            if let Ok(json) = encoded(event.as_ref()) {
                let shown = self.shown(payload, version, event.as_ref());
                readings.push(Reading { version, json: json.to_string(), shown });
            }
        }
        Ok(readings)
    }

    /// As [`readings`](Self::readings), without what only repeats the JSON.
    pub(crate) fn recordable(&self, payload: &str) -> Result<Vec<Reading>, String> {
        let mut readings = self.readings(payload)?;
        for reading in readings.iter_mut().filter(|it| !self.is_hidden(it.version)) {
            reading.shown = None;
        }
        Ok(readings)
    }

    /// The event as its `Debug` shows it; not where that differs from run to run.
    fn shown(&self, payload: &str, to: EventVersion, event: &dyn AnyEvent) -> Option<String> {
        let read_by = self.registry.lookup(self.event_type, to).ok()?;
        let shown = read_by.shown(event)?;
        let again = read_by.shown(self.event(payload, self.version, to).ok()?.as_ref())?;
        memory::difference(&shown, &again).is_none().then_some(shown)
    }

    /// Whether the JSON of a version may hide what is read.
    fn is_hidden(&self, version: EventVersion) -> bool {
        let read_by = self.registry.lookup(self.event_type, version);
        read_by.is_ok_and(|event| memory::is_hidden(&event.shape()))
    }

    /// A written event, read at its version and written again.
    fn again(&self, json: &str, version: EventVersion) -> Result<Value, String> {
        let mut value = encoded(self.event(json, version, version)?.as_ref())?;
        self.remove_tags(&mut value, version);
        Ok(value)
    }

    fn parsed(&self, json: &str, version: EventVersion) -> Result<Value, String> {
        let value = serde_json::from_str(json);
        let mut value = value.map_err(|error| format!("not JSON: {error}"))?;
        self.remove_tags(&mut value, version);
        Ok(value)
    }

    fn remove_tags(&self, value: &mut Value, version: EventVersion) {
        if let Ok(event) = self.registry.lookup(self.event_type, version) {
            remove_tags(&event.shape(), value);
        }
    }

    fn event(
        &self,
        payload: &str,
        from: EventVersion,
        to: EventVersion,
    ) -> Result<Box<dyn AnyEvent>, String> {
        let data = RawValue::from_string(payload.to_owned()).map_err(|error| error.to_string())?;
        let latest = self.registry.latest(self.event_type).map_err(|error| error.to_string())?;
        caught(|| {
            let event = if to == latest.version() {
                self.registry.decode(self.event_type, from, &data)
            } else {
                self.registry.lookup(self.event_type, to).and_then(|it| it.decode(from, &data))
            };
            event.map_err(|error| with_causes(&error))
        })
    }

    /// Compares what a payload reads as with what was recorded; `Err` says what is read differently. `Ok` holds the
    /// readings of now if they have to be recorded.
    pub(crate) fn compare(
        &self,
        payload: &str,
        recorded: &[Reading],
    ) -> Result<Option<Vec<Reading>>, String> {
        let mut now = self.readings(payload)?;
        for reading in &mut now {
            let before = recorded.iter().find(|it| it.version == reading.version);
            match before {
                Some(before) => self.same(payload, before, reading)?,
                None if reading.version == self.version => self.round_trip(payload, reading)?,
                None => {}
            }
            match before.and_then(|before| before.shown.as_ref()) {
                // It holds the same values: names of types are not recorded anew.
                Some(shown) => reading.shown = Some(shown.clone()),
                None if !self.is_hidden(reading.version) => reading.shown = None,
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

    /// Whether a payload reads as what was recorded at every version, as `Debug` shows it.
    pub(crate) fn is_proved(&self, payload: &str, recorded: &[Reading]) -> bool {
        let Ok(now) = self.readings(payload) else { return false };
        let own = |readings: &[Reading]| {
            readings.iter().find(|it| it.version == self.version).and_then(|it| it.shown.clone())
        };
        own(recorded)
            .zip(own(&now))
            .is_some_and(|(before, now)| memory::difference(&before, &now).is_none())
            && self.compare(payload, recorded).is_ok()
    }

    fn same(&self, payload: &str, before: &Reading, now: &Reading) -> Result<(), String> {
        let shown = before.shown.as_ref().zip(now.shown.as_ref());
        if let Some((recorded, current)) = shown
            && let Some(place) = memory::difference(recorded, current)
        {
            return Err(changed(&place, now.version, current, recorded));
        }
        if before.json == now.json {
            return Ok(());
        }
        let recorded = self.parsed(&before.json, now.version)?;
        let current = self.parsed(&now.json, now.version)?;
        let differs = self.differs(now.version);
        let place = difference(&recorded, &current, ".", &differs);
        if place.is_none() {
            let reads_as_now =
                |json: &str| self.again(json, now.version).is_ok_and(|it| equal(&it, &current));
            // A key that was not written before has no other source than the payload.
            let is_known = || {
                let stored = self.parsed(payload, self.version);
                shown.is_some()
                    || (now.version == self.version
                        && stored.is_ok_and(|it| is_extended(&recorded, &current, &it)))
            };
            if reads_as_now(&before.json) || (is_known() && reads_as_now(&now.json)) {
                return Ok(());
            }
        }
        Err(changed(place.as_deref().unwrap_or("."), now.version, &now.json, &before.json))
    }

    /// Whether two values are not names of one variant: it may be written under another of its names.
    fn differs(&self, version: EventVersion) -> impl Fn(&Value, &Value) -> bool {
        // Those that only old events have included.
        let mut names = Vec::new();
        if let Ok(event) = self.registry.lookup(self.event_type, version) {
            collect_names(&event.shape(), &mut names);
        }
        move |left, right| match (left, right) {
            (Value::String(left), Value::String(right)) => {
                !names.iter().any(|names| names.contains(left) && names.contains(right))
            }
            _ => true,
        }
    }

    /// The payload, read and written at its own version, has to be itself.
    fn round_trip(&self, payload: &str, reading: &Reading) -> Result<(), String> {
        let stored = self.parsed(payload, self.version)?;
        let written = self.parsed(&reading.json, self.version)?;
        let again = self.again(&reading.json, self.version);
        // A payload by hand may spell a set, a time or a number as older programs did.
        let differs = self.differs(self.version);
        let converted = |left: &Value, right: &Value| {
            mem::discriminant(left) == mem::discriminant(right) && differs(left, right)
        };
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

fn changed(place: &str, version: EventVersion, now: &str, recorded: &str) -> String {
    format!(
        "it reads as something else at `{place}` of {version}: as {now}, and was recorded as {recorded}; undo the change, or keep the old meaning and add a version"
    )
}

/// Whether a value is a recorded one with more keys, all of them as they are stored.
fn is_extended(recorded: &Value, now: &Value, stored: &Value) -> bool {
    match (recorded, now, stored) {
        (Value::Object(before), Value::Object(after), Value::Object(payload)) => {
            after.iter().all(|(key, value)| match (before.get(key), payload.get(key)) {
                (Some(before), Some(stored)) => is_extended(before, value, stored),
                (Some(before), None) => equal(before, value),
                (None, Some(stored)) => equal(value, stored),
                (None, None) => false,
            })
        }
        (Value::Array(before), Value::Array(after), Value::Array(payload))
            if before.len() == after.len() && after.len() == payload.len() =>
        {
            let mut items = before.iter().zip(after).zip(payload);
            items.all(|((before, after), stored)| is_extended(before, after, stored))
        }
        _ => equal(recorded, now),
    }
}

pub(crate) fn encoded(event: &dyn AnyEvent) -> Result<Value, String> {
    caught(|| {
        let json = event.to_json_any().and_then(|json| serde_json::from_str(json.get()));
        json.map_err(|error| format!("could not be encoded again: {error}"))
    })
}

/// Functions of the event may panic for values that no program has written.
pub(crate) fn caught<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("a function of the event panicked".to_owned()))
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

/// Removes the tags of structs, which are written, and ignored by readers.
fn remove_tags(form: &Form, value: &mut Value) {
    match form {
        Form::Marked(marks, inner) => {
            let tags = marks.iter().filter_map(|mark| mark.strip_prefix("tagged `"));
            for tag in tags.filter_map(|tag| tag.split_once("` as `")).map(|(tag, _)| tag) {
                value.as_object_mut().and_then(|fields| fields.remove(tag));
            }
            remove_tags(inner, value);
        }
        Form::Named(_, inner) | Form::Sampled(_, inner) | Form::Option(inner) => {
            remove_tags(inner, value);
        }
        Form::List(inner) | Form::Set(inner) => {
            value.as_array_mut().into_iter().flatten().for_each(|item| remove_tags(inner, item));
        }
        Form::Map(_, inner) => {
            let entries = value.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
            entries.for_each(|value| remove_tags(inner, value));
        }
        Form::Tuple(forms) => {
            let items = value.as_array_mut().into_iter().flatten();
            forms.iter().zip(items).for_each(|(form, item)| remove_tags(form, item));
        }
        Form::Struct(fields) => {
            for field in fields {
                let inner =
                    if field.flatten { Some(&mut *value) } else { value.get_mut(field.name) };
                if let Some(value) = inner {
                    remove_tags(&field.form, value);
                }
            }
        }
        Form::Enum(tagging, variants) => {
            for variant in variants {
                let inner = match tagging {
                    Tagging::External => value.get_mut(variant.name),
                    Tagging::Adjacent(_, content) => value.get_mut(*content),
                    _ => Some(&mut *value),
                };
                if let (Some(form), Some(value)) = (&variant.form, inner) {
                    remove_tags(form, value);
                }
            }
        }
        _ => {}
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
