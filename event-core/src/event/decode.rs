//! Decodes stored JSON into typed events: [`decode_at`] for a known Rust type, [`decode_boxed`] for the registry.
//!
//! The parser does not track its path; only a payload that failed is looked at again, to report the JSON path.

use std::any::type_name;
use std::error::Error as _;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::event::{
    AnyEvent, Between, Chain, DecodeError, EdgeKind, Event, History, JsonStep, Migration,
    MigrationError, Predecessor, ReadFn, Source, Step, Upcast, catch_panic, field_path,
    parse_exact,
};
use crate::value::EventVersion;

/// Decodes data stored at `version` as `E`, migrated along the history of `E`; needs no registry.
///
/// # Errors
/// [`DecodeError::FromTheFuture`], [`DecodeError::UnknownVersion`], [`DecodeError::Step`] or
/// [`DecodeError::Payload`].
#[inline]
pub fn decode_at<E: Event>(version: EventVersion, data: &RawValue) -> Result<E, DecodeError> {
    if version == E::VERSION { parse(data) } else { decode_older(version, data) }
}

#[cold]
#[inline(never)]
fn decode_older<E: Event>(version: EventVersion, data: &RawValue) -> Result<E, DecodeError> {
    decode_older_with(const { &E::HISTORY }, version, data)
}

/// As [`decode_at`], along a given history of `E`.
fn decode_with<E: Event>(
    history: &'static History<E>,
    version: EventVersion,
    data: &RawValue,
) -> Result<E, DecodeError> {
    if version == E::VERSION { parse(data) } else { decode_older_with(history, version, data) }
}

fn decode_older_with<E: Event>(
    history: &'static History<E>,
    version: EventVersion,
    data: &RawValue,
) -> Result<E, DecodeError> {
    match upgrade(history, version)? {
        Upgrade::Typed(step) => step.decode(version, data),
        Upgrade::Json(steps) => parse(&run_json_steps(E::TYPE, E::VERSION, steps, version, data)?),
    }
}

/// As [`decode_at`], boxed; the event moves once, from the parser into its box.
///
/// Each registration holds this function, so it contains the deserializer only once ([`read_boxed`]): that is most of
/// the code generated for an event.
pub(crate) fn decode_boxed<E: Event>(
    version: EventVersion,
    data: &RawValue,
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    if version != E::VERSION {
        return decode_older_boxed::<E>(version, data);
    }
    read_boxed::<E>(data).map_err(|error| locate(E::TYPE, E::VERSION, data, error, read_boxed::<E>))
}

/// Parses data of the version of `E`. Not inlined: the search for a failed field calls it as well.
#[inline(never)]
pub(crate) fn read_boxed<E: Event>(
    data: &RawValue,
) -> Result<Box<dyn AnyEvent>, serde_json::Error> {
    match E::from_json(data) {
        Ok(event) => Ok(Box::new(event)),
        Err(error) => Err(error),
    }
}

#[cold]
#[inline(never)]
fn decode_older_boxed<E: Event>(
    version: EventVersion,
    data: &RawValue,
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    match upgrade(const { &E::HISTORY }, version)? {
        Upgrade::Typed(step) => Ok(Box::new(step.decode(version, data)?)),
        Upgrade::Json(steps) => {
            let data = run_json_steps(E::TYPE, E::VERSION, steps, version, data)?;
            decode_boxed::<E>(E::VERSION, &data)
        }
    }
}

/// How data of an older version becomes an `E`.
enum Upgrade<E: 'static> {
    Typed(&'static dyn Step<E>),
    Json(&'static [JsonStep]),
}

fn upgrade<E: Event>(
    history: &'static History<E>,
    version: EventVersion,
) -> Result<Upgrade<E>, DecodeError> {
    if version > E::VERSION {
        return Err(from_the_future(E::TYPE, version, E::VERSION));
    }
    let History { since, chain, .. } = history;
    match chain {
        Chain::Typed(step) if version.get() >= *since => Ok(Upgrade::Typed(*step)),
        Chain::Json(steps) if version.get() >= *since => Ok(Upgrade::Json(steps)),
        _ => Err(unknown_version(E::TYPE, E::VERSION, *since, version)),
    }
}

/// Runs JSON steps from the stored version up to the latest. Data older than the first step is decoded by the struct
/// of the step's source version, along that struct's own history.
fn run_json_steps(
    event_type: &'static str,
    latest: EventVersion,
    steps: &[JsonStep],
    stored: EventVersion,
    data: &RawValue,
) -> Result<Box<RawValue>, DecodeError> {
    let first = steps.first().filter(|step| stored.get() < step.from);
    let mut version = stored.get();
    let mut value: Value = match first.and_then(|step| Some((step.from, step.predecessor?))) {
        Some((from, predecessor)) => {
            version = from;
            predecessor.decode_to_value(stored, data)?
        }
        _ => parse_exact(data.get())
            .map_err(|source| payload_error(event_type, stored, ".".into(), source))?,
    };
    while version < latest.get() {
        let step = steps.iter().find(|step| step.from == version).ok_or_else(|| {
            let since = steps.first().map_or(latest.get(), |step| step.from);
            unknown_version(event_type, latest, since, stored)
        })?;
        value = catch_panic(|| (step.with)(value))
            .map_err(|source| step_error(event_type, latest, step.from, step.to, source))?;
        version = step.to;
    }
    to_raw_value(&value).map_err(|source| payload_error(event_type, latest, ".".into(), source))
}

/// Parses data of the version of `E`.
#[inline]
fn parse<E: Event>(data: &RawValue) -> Result<E, DecodeError> {
    match E::from_json(data) {
        Ok(event) => Ok(event),
        Err(error) => Err(locate(E::TYPE, E::VERSION, data, error, read_boxed::<E>)),
    }
}

/// Adds the JSON path of the value that the parser rejected.
#[cold]
#[inline(never)]
fn locate(
    event_type: &str,
    version: EventVersion,
    data: &RawValue,
    source: serde_json::Error,
    read: ReadFn,
) -> DecodeError {
    let path = field_path(data.get(), &source, read);
    payload_error(event_type, version, path, source)
}

fn payload_error(
    event_type: &str,
    version: EventVersion,
    path: String,
    source: serde_json::Error,
) -> DecodeError {
    DecodeError::Payload { event_type: event_type.into(), version, path, source }
}

#[cold]
fn step_error(
    event_type: &str,
    latest: EventVersion,
    from: u32,
    to: u32,
    source: MigrationError,
) -> DecodeError {
    // Both numbers come from constants that were checked at compile time.
    let version = |n: u32| EventVersion::try_from(n).unwrap_or(latest);
    DecodeError::Step {
        event_type: event_type.into(),
        from: version(from),
        to: version(to),
        source,
    }
}

#[cold]
fn from_the_future(event_type: &str, found: EventVersion, known: EventVersion) -> DecodeError {
    DecodeError::FromTheFuture { event_type: event_type.into(), found, known }
}

#[cold]
fn unknown_version(
    event_type: &str,
    latest: EventVersion,
    since: u32,
    version: EventVersion,
) -> DecodeError {
    let known = (since..=latest.get())
        .rev()
        .take(8)
        .filter_map(|n| EventVersion::try_from(n).ok())
        .collect();
    DecodeError::UnknownVersion { event_type: event_type.into(), version, known }
}

/// The migrations that an event's history declares, including those of the structs of older versions.
pub(crate) fn edges_of<E: Event>() -> Vec<Migration> {
    edges_along(const { &E::HISTORY })
}

/// Whether `event_type` is the type string of `E`, or an alias of `E` or of one of its older versions.
#[cold]
#[inline(never)]
pub(crate) fn matches_type<E: Event>(event_type: &str) -> bool {
    matches_along(const { &E::HISTORY }, event_type)
}

fn matches_along<E: Event>(history: &'static History<E>, event_type: &str) -> bool {
    let older_version = match history.chain {
        Chain::First => false,
        Chain::Typed(step) => step.matches_type(event_type),
        Chain::Json(steps) => steps
            .iter()
            .filter_map(|step| step.predecessor)
            .any(|predecessor| predecessor.matches_type(event_type)),
    };
    older_version || event_type == E::TYPE || E::FACTS.aliases.contains(&event_type)
}

fn edges_along<E: Event>(history: &'static History<E>) -> Vec<Migration> {
    let mut edges = whole_chain(history);
    edges.retain(|edge| edge.from.get() >= history.since);
    edges.extend(history.also.iter().map(|also| (also.edge)()));
    edges
}

fn whole_chain<E: Event>(history: &'static History<E>) -> Vec<Migration> {
    match history.chain {
        Chain::First => Vec::new(),
        Chain::Typed(step) => step.edges(),
        Chain::Json(steps) => {
            let mut edges: Vec<_> =
                steps.iter().filter_map(|step| step.predecessor).flat_map(Source::edges).collect();
            edges.extend(steps.iter().filter_map(json_edge::<E>));
            edges
        }
    }
}

fn json_edge<E: Event>(step: &JsonStep) -> Option<Migration> {
    let from = EventVersion::try_from(step.from).ok()?;
    let to = EventVersion::try_from(step.to).ok()?;
    Some(Migration {
        from,
        to,
        apply: step.with,
        declared_by: type_name::<E>(),
        kind: EdgeKind::Chain,
    })
}

/// A shortcut for the migration graph, from an older version than the previous one.
pub(crate) fn also_edge<P: Event, T: Event + Upcast<P>>() -> Migration {
    Migration {
        from: P::VERSION,
        to: T::VERSION,
        apply: typed_edge::<P, T>,
        declared_by: type_name::<T>(),
        kind: EdgeKind::Also,
    }
}

/// A typed step on JSON, for paths that mix typed and JSON steps.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a JSON step")]
fn typed_edge<P: Event, T: Event + Upcast<P>>(data: Value) -> Result<Value, MigrationError> {
    let raw = to_raw_value(&data)?;
    let previous = parse::<P>(&raw).map_err(|error| migration_error(&error))?;
    let next = T::upcast(previous)?;
    Ok(parse_exact(next.to_json()?.get())?)
}

/// The error and its cause in one message, with the JSON path.
fn migration_error(error: &DecodeError) -> MigrationError {
    let reason = error.source().map(|source| format!(": {source}"));
    MigrationError::new(format!("{error}{}", reason.unwrap_or_default()))
}

impl<P: Event, T: Event + Upcast<P>> Step<T> for Between<P, T> {
    fn decode(&self, version: EventVersion, data: &RawValue) -> Result<T, DecodeError> {
        let previous = decode_with((self.history)(), version, data)?;
        catch_panic(|| T::upcast(previous)).map_err(|source| {
            step_error(T::TYPE, T::VERSION, P::VERSION.get(), T::VERSION.get(), source)
        })
    }

    fn edges(&self) -> Vec<Migration> {
        let mut edges = edges_along((self.history)());
        edges.push(Migration {
            from: P::VERSION,
            to: T::VERSION,
            apply: typed_edge::<P, T>,
            declared_by: type_name::<T>(),
            kind: EdgeKind::Chain,
        });
        edges
    }

    fn matches_type(&self, event_type: &str) -> bool {
        matches_along((self.history)(), event_type)
    }
}

impl<P: Event> Source for Predecessor<P> {
    fn decode_to_value(
        &self,
        version: EventVersion,
        data: &RawValue,
    ) -> Result<Value, DecodeError> {
        let event = decode_with((self.history)(), version, data)?;
        let value = event.to_json().and_then(|raw| parse_exact(raw.get()));
        value.map_err(|source| payload_error(P::TYPE, P::VERSION, ".".into(), source))
    }

    fn edges(&self) -> Vec<Migration> {
        edges_along((self.history)())
    }

    fn matches_type(&self, event_type: &str) -> bool {
        matches_along((self.history)(), event_type)
    }
}
