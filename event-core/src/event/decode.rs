//! The one decode door: every path from stored JSON to a typed event goes through [`decode_at`], or through
//! [`decode_boxed`], which is the same behind a pointer.
//!
//! The parse is plain; only the text of a payload that failed is looked at again, to name the place in it.

use std::any::type_name;
use std::error::Error as _;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::event::{
    AnyEvent, Chain, DecodeError, EdgeKind, Event, History, JsonStep, Migration, MigrationError,
    Typed, Upcast, guarded, path_at,
};
use crate::value::EventVersion;

/// Decodes data stored at `version` as `E`, along the history that `E` declares; needs no registry.
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
    match older::<E>(version)? {
        Older::Typed(step) => (step.decode)(version, data),
        Older::Json(steps) => parse(&walk_json(E::TYPE, E::VERSION, steps, version, data)?),
    }
}

/// The same behind a pointer; the event moves once, from the parser into its box.
///
/// This is what each registration holds, so the deserializer stands in it once: it is most of what an event costs to
/// compile.
pub(crate) fn decode_boxed<E: Event>(
    version: EventVersion,
    data: &RawValue,
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    if version != E::VERSION {
        return decode_older_boxed::<E>(version, data);
    }
    match E::from_json(data) {
        Ok(event) => Ok(Box::new(event)),
        Err(error) => Err(locate(E::TYPE, E::VERSION, data, error)),
    }
}

#[cold]
#[inline(never)]
fn decode_older_boxed<E: Event>(
    version: EventVersion,
    data: &RawValue,
) -> Result<Box<dyn AnyEvent>, DecodeError> {
    match older::<E>(version)? {
        Older::Typed(step) => Ok(Box::new((step.decode)(version, data)?)),
        Older::Json(steps) => {
            let data = walk_json(E::TYPE, E::VERSION, steps, version, data)?;
            decode_boxed::<E>(E::VERSION, &data)
        }
    }
}

/// How data of another version than its own becomes an `E`.
enum Older<E: 'static> {
    Typed(&'static Typed<E>),
    Json(&'static [JsonStep]),
}

fn older<E: Event>(version: EventVersion) -> Result<Older<E>, DecodeError> {
    if version > E::VERSION {
        return Err(from_the_future(E::TYPE, version, E::VERSION));
    }
    let History { since, chain, .. } = const { &E::HISTORY };
    match chain {
        Chain::Typed(step) if version.get() >= *since => Ok(Older::Typed(step)),
        Chain::Json(steps) if version.get() >= *since => Ok(Older::Json(steps)),
        _ => Err(unknown_version(E::TYPE, E::VERSION, *since, version)),
    }
}

/// Walks JSON steps from the stored version up; below the first step stands a struct with its own history.
fn walk_json(
    event_type: &'static str,
    latest: EventVersion,
    steps: &[JsonStep],
    stored: EventVersion,
    data: &RawValue,
) -> Result<Box<RawValue>, DecodeError> {
    let below = steps.first().filter(|step| stored.get() < step.from).and_then(|step| step.below);
    let mut version = stored.get();
    let mut value: Value = match (below, steps.first()) {
        (Some(below), Some(first)) => {
            version = first.from;
            (below.decode)(stored, data)?
        }
        _ => serde_json::from_str(data.get())
            .map_err(|source| payload_error(event_type, stored, ".".into(), source))?,
    };
    while version < latest.get() {
        let step = steps.iter().find(|step| step.from == version).ok_or_else(|| {
            let since = steps.first().map_or(latest.get(), |step| step.from);
            unknown_version(event_type, latest, since, stored)
        })?;
        value = guarded(|| (step.with)(value))
            .map_err(|source| step_error(event_type, latest, step.from, step.to, source))?;
        version = step.to;
    }
    to_raw_value(&value).map_err(|source| payload_error(event_type, latest, ".".into(), source))
}

/// Parses data that already has the shape of `E`.
#[inline]
fn parse<E: Event>(data: &RawValue) -> Result<E, DecodeError> {
    match E::from_json(data) {
        Ok(event) => Ok(event),
        Err(error) => Err(locate(E::TYPE, E::VERSION, data, error)),
    }
}

/// Looks for the place at which the parser stopped.
#[cold]
#[inline(never)]
fn locate(
    event_type: &str,
    version: EventVersion,
    data: &RawValue,
    source: serde_json::Error,
) -> DecodeError {
    let path = path_at(data.get(), source.line(), source.column());
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
    // Both numbers come from consts that were checked to be versions.
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

/// The edges that an event's own history declares, those of the structs before it included.
pub(crate) fn edges_of<E: Event>() -> Vec<Migration> {
    let mut edges = chain_of::<E>();
    edges.extend(E::HISTORY.also.iter().map(|also| (also.edge)()));
    edges
}

/// Whether data of this type string may be an `E`: its own, or one it or a version before was stored under.
#[cold]
#[inline(never)]
pub(crate) fn is_named<E: Event>(event_type: &str) -> bool {
    let before = match E::HISTORY.chain {
        Chain::First => false,
        Chain::Typed(step) => (step.is_named)(event_type),
        Chain::Json(steps) => {
            steps.iter().filter_map(|step| step.below).any(|below| (below.is_named)(event_type))
        }
    };
    before || event_type == E::TYPE || E::FACTS.aliases.contains(&event_type)
}

fn chain_of<E: Event>() -> Vec<Migration> {
    match E::HISTORY.chain {
        Chain::First => Vec::new(),
        Chain::Typed(step) => (step.edges)(),
        Chain::Json(steps) => {
            let mut edges: Vec<_> = steps
                .iter()
                .filter_map(|step| step.below)
                .flat_map(|below| (below.edges)())
                .collect();
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

pub(crate) fn typed_edges<P: Event, T: Event + Upcast<P>>() -> Vec<Migration> {
    let mut edges = edges_of::<P>();
    edges.push(Migration {
        from: P::VERSION,
        to: T::VERSION,
        apply: typed_edge::<P, T>,
        declared_by: type_name::<T>(),
        kind: EdgeKind::Chain,
    });
    edges
}

/// A shortcut of the graph, from a version further below.
pub(crate) fn also_edge<P: Event, T: Event + Upcast<P>>() -> Migration {
    Migration {
        from: P::VERSION,
        to: T::VERSION,
        apply: typed_edge::<P, T>,
        declared_by: type_name::<T>(),
        kind: EdgeKind::Also,
    }
}

/// A typed step as a JSON step, for ways that mix both.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a JSON step")]
fn typed_edge<P: Event, T: Event + Upcast<P>>(data: Value) -> Result<Value, MigrationError> {
    let raw = to_raw_value(&data)?;
    let previous = parse::<P>(&raw).map_err(|error| in_step(&error))?;
    let next = T::upcast(previous)?;
    Ok(serde_json::from_str(next.to_json()?.get())?)
}

/// The reason and the place in the payload, for the step that reports them.
fn in_step(error: &DecodeError) -> MigrationError {
    let reason = error.source().map(|source| format!(": {source}"));
    MigrationError::new(format!("{error}{}", reason.unwrap_or_default()))
}

pub(crate) fn decode_through<P: Event, T: Event + Upcast<P>>(
    version: EventVersion,
    data: &RawValue,
) -> Result<T, DecodeError> {
    let previous = decode_at::<P>(version, data)?;
    guarded(|| T::upcast(previous)).map_err(|source| {
        step_error(T::TYPE, T::VERSION, P::VERSION.get(), T::VERSION.get(), source)
    })
}

pub(crate) fn decode_to_value<P: Event>(
    version: EventVersion,
    data: &RawValue,
) -> Result<Value, DecodeError> {
    let event = decode_at::<P>(version, data)?;
    let value = event.to_json().and_then(|raw| serde_json::from_str(raw.get()));
    value.map_err(|source| DecodeError::Payload {
        event_type: P::TYPE.into(),
        version: P::VERSION,
        path: ".".into(),
        source,
    })
}
