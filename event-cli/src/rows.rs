//! [`Rows`]: events as rows of a table or as lines of JSON, as they are stored or as this program knows them now.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::ValueEnum;
use event_core::error::with_causes;
use event_core::{EventVersion, RecordedEvent};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::{Column, Output, Style, Table};

/// Which form of an event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Form {
    /// Migrated to the latest version that this program knows.
    Latest,
    /// Byte for byte as it is stored.
    #[default]
    Stored,
}

/// An event in one of its forms.
pub(crate) struct Shown<'e> {
    pub(crate) event_type: Cow<'e, str>,
    pub(crate) version: EventVersion,
    pub(crate) data: Cow<'e, RawValue>,
    /// Why it is shown as it is stored, although the latest version was asked for.
    pub(crate) error: Option<Cow<'e, str>>,
}

impl<'e> Shown<'e> {
    pub(crate) fn of(event: &'e RecordedEvent, form: Form) -> Self {
        let stored = |error| Self {
            event_type: Cow::Borrowed(event.event_type()),
            version: event.event_version(),
            data: Cow::Borrowed(event.data()),
            error,
        };
        if form == Form::Stored {
            return stored(event.damage().map(Cow::Borrowed));
        }
        let decoded = match event.decode_any() {
            Ok(decoded) => decoded,
            Err(error) => return stored(Some(with_causes(&error).into())),
        };
        match decoded.to_json_any() {
            Ok(data) => Self {
                event_type: Cow::Owned(decoded.event_type().to_owned()),
                version: decoded.event_version(),
                data: Cow::Owned(data),
                error: None,
            },
            Err(error) => stored(Some(error.to_string().into())),
        }
    }
}

/// An event as an object of JSON.
#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    tenant: &'a str,
    stream: &'a str,
    version: u64,
    id: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    event_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_version: Option<u32>,
    recorded_at: String,
    data: &'a RawValue,
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// An event as one line of JSON.
pub(crate) fn json(event: &RecordedEvent, form: Form) -> Result<String, Failure> {
    let shown = Shown::of(event, form);
    let line = Line {
        position: event.position().get(),
        tenant: event.tenant().as_str(),
        stream: event.stream_id().as_str(),
        version: event.stream_version().get(),
        id: event.event_id().to_string(),
        event_type: &shown.event_type,
        event_version: shown.version.get(),
        stored_version: (form == Form::Latest).then(|| event.event_version().get()),
        recorded_at: time(event.recorded_at()),
        data: &shown.data,
        metadata: serde_json::from_str(event.metadata().as_json()).ok(),
        error: shown.error.as_deref(),
    };
    serde_json::to_string(&line)
        .map_err(|error| Failure::general(format!("could not write JSON: {error}")))
}

/// A time as text.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Prints events while they come.
pub(crate) struct Rows {
    /// `None` for JSON.
    table: Option<Table>,
    form: Form,
    of_stream: bool,
}

impl Rows {
    /// The events of one stream, or of all.
    pub(crate) fn new(json: bool, form: Form, of_stream: bool) -> Self {
        let first: &[Column] = if of_stream {
            &[Column::number("VERSION"), Column::number("POSITION")]
        } else {
            &[Column::number("POSITION"), Column::text("STREAM"), Column::number("VERSION")]
        };
        let rest = [
            Column::text("TYPE"),
            Column::text("V"),
            Column::text("RECORDED"),
            Column::cut("DATA"),
        ];
        let table = (!json).then(|| Table::new([first, &rest].concat()));
        Self { table, form, of_stream }
    }

    pub(crate) fn event(&mut self, out: &mut Output, event: &RecordedEvent) -> Result<(), Failure> {
        let Some(table) = &mut self.table else {
            return out.json_line(&json(event, self.form)?);
        };
        let shown = Shown::of(event, self.form);
        let (version, position) = (event.stream_version(), event.position());
        let mut cells = if self.of_stream {
            vec![version.into(), cell(position, Style::Dim)]
        } else {
            vec![position.into(), event.stream_id().as_str().into(), version.into()]
        };
        cells.push(cell(&*shown.event_type, Style::Accent));
        cells.push(shown.version.into());
        cells.push(cell(
            event.recorded_at().to_rfc3339_opts(SecondsFormat::Millis, true),
            Style::Dim,
        ));
        cells.push(match &shown.error {
            None => shown.data.get().into(),
            Some(error) => {
                let why = short(error);
                cell(format!("{} (as stored: {why})", shown.data.get()), Style::Bad)
            }
        });
        table.row(out, cells)
    }

    /// Shows what has come so far.
    pub(crate) fn flush(&mut self, out: &mut Output) -> Result<(), Failure> {
        if let Some(table) = &mut self.table {
            table.flush(out)?;
        }
        out.flush()
    }
}

/// The beginning of an error, for a cell; `show` and `--json` have all of it.
fn short(error: &str) -> String {
    const MOST: usize = 60;
    match error.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &error[..end]),
        None => error.to_owned(),
    }
}
