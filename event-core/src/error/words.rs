//! The parts that the messages of [`Error`](super::Error) share.

use std::sync::Arc;

use super::{BoxError, EventLocation};
use crate::event::EncodeError;
use crate::event::decode_error::NOT_LINKED;
use crate::value::{Escaped, EventId, EventVersion, StreamId, Tenant};

pub(super) fn after_retries(retries: u32) -> String {
    match retries {
        0 => String::new(),
        1 => " (after 1 retry)".into(),
        n => format!(" (after {n} retries)"),
    }
}

pub(super) fn instead(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("; {hint}") }
}

pub(super) fn tenant_list(tenants: &[Tenant]) -> String {
    tenants.iter().map(|tenant| Escaped(tenant.as_str()).to_string()).collect::<Vec<_>>().join(", ")
}

pub(super) fn of_stream(stream_id: Option<&StreamId>) -> String {
    stream_id.map(|id| format!(" stream \"{}\"", Escaped(id.as_str()))).unwrap_or_default()
}

pub(super) fn mixed(stream_id: &StreamId, holds_links: bool) -> String {
    let name = Escaped(stream_id.as_str());
    if holds_links {
        format!(
            "stream \"{name}\" holds links and cannot hold events; append to another stream, and link its events"
        )
    } else {
        format!(
            "stream \"{name}\" holds events and cannot hold links; choose another stream for the links"
        )
    }
}

/// What is known instead of a type or a version that is not.
pub(super) fn expected_of(known: &[String]) -> String {
    if known.is_empty() {
        return NOT_LINKED.into();
    }
    format!("expected one of: {}", known.join(", "))
}

/// Lists the first ids and the number of the others, to keep the message short.
pub(super) fn id_list(ids: &[EventId]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match ids.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{more}", shown.join(", "))
}

pub(super) fn at_index(index: Option<usize>) -> String {
    index.map(|index| format!(" (index {index} of the append)")).unwrap_or_default()
}

/// The version and the path of the value that could not be encoded.
pub(super) fn encoded_place(source: &BoxError) -> String {
    let shared = || source.downcast_ref::<Arc<EncodeError>>().map(AsRef::as_ref);
    source.downcast_ref().or_else(shared).map(EncodeError::place).unwrap_or_default()
}

pub(super) fn at_location(location: Option<&EventLocation>) -> String {
    location.map(|location| format!(" at {location}")).unwrap_or_default()
}

pub(super) fn at_path(path: Option<&str>) -> String {
    path.map(|path| format!(", at `{path}` in its data")).unwrap_or_default()
}

pub(super) fn of_type(event_type: Option<&str>) -> String {
    event_type.map(|name| format!(" `{}`", Escaped(name))).unwrap_or_default()
}

pub(super) fn of_version(version: Option<EventVersion>) -> String {
    version.map(|version| format!(" {version}")).unwrap_or_default()
}
