//! The lines of an export: each is a JSON object with one key, which names the kind of the line.

use std::borrow::Cow;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::adapter::import::{ImportBatch, ImportedLink};
use crate::adapter::{StreamInfo, StreamState};
use crate::envelope::{RecordedEvent, RecordedParts};
use crate::error::{Error, Result};
use crate::transfer::selection::Exported;
use crate::value::{EventId, EventVersion, Metadata, Position, StreamId, StreamVersion, Tenant};

/// The version of the line format; other versions are refused.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Export(Header),
    #[serde(borrow)]
    Stream(StreamLine<'a>),
    #[serde(borrow)]
    Event(Box<EventLine<'a>>),
    #[serde(borrow)]
    Link(LinkLine<'a>),
    End(End),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamLine<'a> {
    tenant: Cow<'a, Tenant>,
    stream_id: Cow<'a, StreamId>,
    version: StreamVersion,
    first_version: StreamVersion,
    state: State,
    links: bool,
    created_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum State {
    Active,
    Archived,
    SoftDeleted,
    HardDeleted,
}

/// An event. Payload and metadata are embedded as JSON, or as a string in `…_text` if they contain a line break.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine<'a> {
    tenant: Cow<'a, Tenant>,
    stream_id: Cow<'a, StreamId>,
    stream_version: StreamVersion,
    position: Position,
    event_id: EventId,
    event_type: Cow<'a, str>,
    event_version: EventVersion,
    recorded_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    metadata: Option<Cow<'a, RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata_text: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    data: Option<Cow<'a, RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_text: Option<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkLine<'a> {
    tenant: Cow<'a, Tenant>,
    stream_id: Cow<'a, StreamId>,
    stream_version: StreamVersion,
    event_id: EventId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    streams: u64,
    events: u64,
    links: u64,
}

/// Deserializes a present value, `null` included; serde would make `None` of `null`.
fn present<'de, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(|raw| Some(Cow::Owned(raw)))
}

/// The first line.
pub(super) fn header() -> Result<String> {
    let mut text = Vec::new();
    write(&mut text, &Line::Export(Header { format: FORMAT }))?;
    whole(text)
}

/// The last line.
pub(super) fn end(exported: &Exported) -> Result<String> {
    let mut text = Vec::new();
    let Exported { streams, events, links } = *exported;
    write(&mut text, &Line::End(End { streams, events, links }))?;
    whole(text)
}

/// The lines of a batch.
pub(super) fn lines(batch: &ImportBatch) -> Result<String> {
    let mut text = Vec::new();
    match batch {
        ImportBatch::Streams(streams) => {
            streams.iter().try_for_each(|info| write(&mut text, &Line::Stream(of_stream(info))))?;
        }
        ImportBatch::Events { events, .. } => {
            for event in events {
                write(&mut text, &Line::Event(Box::new(of_event(event)?)))?;
            }
        }
        ImportBatch::Links(links) => {
            links.iter().try_for_each(|link| write(&mut text, &Line::Link(of_link(link))))?;
        }
    }
    whole(text)
}

const WRITE: &str = "write a line of the export";

fn write(text: &mut Vec<u8>, line: &Line<'_>) -> Result<()> {
    serde_json::to_writer(&mut *text, line).map_err(|error| Error::adapter(WRITE, error))?;
    text.push(b'\n');
    Ok(())
}

fn whole(text: Vec<u8>) -> Result<String> {
    String::from_utf8(text).map_err(|error| Error::adapter(WRITE, error))
}

fn of_stream(info: &StreamInfo) -> StreamLine<'_> {
    StreamLine {
        tenant: Cow::Borrowed(&info.tenant),
        stream_id: Cow::Borrowed(&info.stream_id),
        version: info.version,
        first_version: info.first_version,
        state: match info.state {
            StreamState::Active => State::Active,
            StreamState::Archived => State::Archived,
            StreamState::SoftDeleted => State::SoftDeleted,
            StreamState::HardDeleted => State::HardDeleted,
        },
        links: info.holds_links,
        created_at: info.created_at,
    }
}

fn of_event(event: &RecordedEvent) -> Result<EventLine<'_>> {
    event.intact()?;
    let fail = |error| Error::adapter(WRITE, error);
    let breaks = |json: &str| json.contains(['\n', '\r']);
    let (data, metadata) = (event.data(), event.metadata().as_json());
    let (metadata, metadata_text) = if breaks(metadata) {
        (None, Some(Cow::Borrowed(metadata)))
    } else {
        (Some(Cow::Borrowed(serde_json::from_str(metadata).map_err(fail)?)), None)
    };
    let (data, data_text) = if breaks(data.get()) {
        (None, Some(Cow::Borrowed(data.get())))
    } else {
        (Some(Cow::Borrowed(data)), None)
    };
    Ok(EventLine {
        tenant: Cow::Borrowed(event.tenant()),
        stream_id: Cow::Borrowed(event.stream_id()),
        stream_version: event.stream_version(),
        position: event.position(),
        event_id: event.event_id(),
        event_type: Cow::Borrowed(event.event_type()),
        event_version: event.event_version(),
        recorded_at: event.recorded_at(),
        metadata,
        metadata_text,
        data,
        data_text,
    })
}

const fn of_link(link: &ImportedLink) -> LinkLine<'_> {
    LinkLine {
        tenant: Cow::Borrowed(&link.tenant),
        stream_id: Cow::Borrowed(&link.stream_id),
        stream_version: link.stream_version,
        event_id: link.event_id,
    }
}

/// A parsed line.
pub(super) enum Parsed {
    Header,
    Stream(StreamInfo),
    Event(Box<RecordedEvent>),
    Link(ImportedLink),
    End(Exported),
}

/// The error of a line: its column, from 1, or 0 for the whole line, and the reason.
pub(super) type Fault = (usize, String);

/// Parses a line.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let line = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        // The location is reported separately.
        let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
        (error.column(), format!("{reason}; one line of an export is one JSON object"))
    })?;
    match line {
        Line::Export(Header { format: FORMAT }) => Ok(Parsed::Header),
        Line::Export(Header { format }) => Err((
            0,
            format!(
                "the export has format {format}, this program reads {FORMAT}; use one that knows both"
            ),
        )),
        Line::Stream(line) => to_stream(line).map(Parsed::Stream),
        Line::Event(line) => to_event(*line).map(|event| Parsed::Event(Box::new(event))),
        Line::Link(LinkLine { tenant, stream_id, stream_version, event_id }) => {
            check_number("stream_version", stream_version.get())?;
            Ok(Parsed::Link(ImportedLink {
                tenant: tenant.into_owned(),
                stream_id: stream_id.into_owned(),
                stream_version,
                event_id,
            }))
        }
        Line::End(End { streams, events, links }) => {
            Ok(Parsed::End(Exported { streams, events, links }))
        }
    }
}

fn to_stream(line: StreamLine<'_>) -> Result<StreamInfo, Fault> {
    check_number("first_version", line.first_version.get())?;
    if line.version.get() > StreamVersion::MAX.get() || line.version.next() < line.first_version {
        return Err((0, format!("`version` {} is out of range", line.version)));
    }
    Ok(StreamInfo {
        tenant: line.tenant.into_owned(),
        stream_id: line.stream_id.into_owned(),
        version: line.version,
        first_version: line.first_version,
        state: match line.state {
            State::Active => StreamState::Active,
            State::Archived => StreamState::Archived,
            State::SoftDeleted => StreamState::SoftDeleted,
            State::HardDeleted => StreamState::HardDeleted,
        },
        created_at: line.created_at.trunc_subsecs(6),
        holds_links: line.links,
    })
}

fn to_event(line: EventLine<'_>) -> Result<RecordedEvent, Fault> {
    check_number("stream_version", line.stream_version.get())?;
    check_number("position", line.position.get())?;
    let json = |name: &str, raw: Option<Cow<'_, RawValue>>, text: Option<Cow<'_, str>>| match (
        raw, text,
    ) {
        (Some(raw), None) => Ok(raw.into_owned()),
        (None, Some(text)) => RawValue::from_string(text.into_owned())
            .map_err(|error| (0, format!("`{name}_text` is no JSON: {error}"))),
        _ => Err((0, format!("an event has either `{name}` or `{name}_text`"))),
    };
    let metadata = json("metadata", line.metadata, line.metadata_text)?;
    let metadata = match metadata.get() {
        "{}" => Metadata::new(),
        text => Metadata::from_json(text).map_err(|error| (0, error.to_string()))?,
    };
    Ok(RecordedEvent::from_parts(RecordedParts {
        tenant: line.tenant.into_owned(),
        stream_id: line.stream_id.into_owned(),
        stream_version: line.stream_version,
        position: line.position,
        event_id: line.event_id,
        event_type: line.event_type.into_owned().into(),
        event_version: line.event_version,
        data: json("data", line.data, line.data_text)?,
        metadata,
        recorded_at: line.recorded_at.trunc_subsecs(6),
    }))
}

/// Refuses a number that no store can hold.
fn check_number(name: &str, number: u64) -> Result<(), Fault> {
    if number == 0 || number > StreamVersion::MAX.get() {
        return Err((0, format!("`{name}` {number} is out of range")));
    }
    Ok(())
}
