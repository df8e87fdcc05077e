//! Encodes a value, and proves that it can be read back before it is stored.
//!
//! serde's two halves are independent: what is written may not be readable, or may read as another value. So the text is
//! read and written again, and both texts have to be equal. Two values can have one text, `null`; what serde was asked to
//! write there is compared as well ([`Nulls`]).

mod difference;
mod nulls;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use self::difference::Difference;
use self::nulls::Null;
pub(crate) use self::nulls::Nulls;
use crate::event::field_path::field_path;
use crate::event::json_path::path_at;
use crate::event::{AnyEvent, InvalidEvent};
use crate::value::EventVersion;

/// Why a value cannot be stored.
#[derive(Debug, thiserror::Error)]
#[error("the value at `{path}` cannot be stored: {reason}")]
pub(crate) struct EncodeError {
    version: Option<EventVersion>,
    /// JSON path of the value; `.` for the whole.
    path: String,
    reason: String,
    source: Option<serde_json::Error>,
}

impl EncodeError {
    /// For a stored event that could not be read, and so cannot be stored again.
    pub(crate) fn of_damage(reason: &str) -> Self {
        let reason = format!("the stored event could not be read: {reason}");
        Self { version: None, path: ".".into(), reason, source: None }
    }

    /// Where in an event of which version the value is, for the message of a failed append.
    pub(crate) fn place(&self) -> String {
        let version = self.version.map(|it| format!(" {it}")).unwrap_or_default();
        format!("{version} at `{}`", self.path)
    }
}

impl From<EncodeError> for InvalidEvent {
    fn from(error: EncodeError) -> Self {
        // Lines and columns of a text that nobody has.
        let source = error.source.map(|source| source.to_string()).unwrap_or_default();
        let cause = source.split(" at line ").next().filter(|cause| !cause.is_empty());
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let reason = format!("cannot be stored: {}{cause}", error.reason);
        Self { field: (error.path != ".").then_some(error.path), reason }
    }
}

/// Encodes an event that reads back as the same event. What is compiled for each type of event is behind [`AnyEvent`], so
/// that writing and reading are not compiled again for the proof; only noting the nulls is added.
pub(crate) fn encode_event(event: &dyn AnyEvent) -> Result<Box<RawValue>, EncodeError> {
    proven_event(event)
        .map_err(|error| EncodeError { version: Some(event.event_version()), ..error })
}

fn proven_event(event: &dyn AnyEvent) -> Result<Box<RawValue>, EncodeError> {
    let data = event.to_json_any().map_err(unwritable)?;
    let read = match event.reader()(&data) {
        Ok(read) => read,
        Err(error) => {
            let path = |error: &_| field_path(data.get(), error, event.reader());
            return Err(unreadable(data.get(), error, &Nulls::of_event(event), path));
        }
    };
    let again = read.to_json_any().map_err(unwritable)?;
    same(data, &again, || (Nulls::of_event(event), Nulls::of_event(&*read)))
}

/// Encodes a value that reads back as the same value.
pub(crate) fn encode_proven<T: Serialize + DeserializeOwned>(
    value: &T,
) -> Result<Box<RawValue>, EncodeError> {
    let data = to_raw_value(value).map_err(unwritable)?;
    let read: T = match serde_json::from_str(data.get()) {
        Ok(read) => read,
        Err(error) => {
            let path = |error: &serde_json::Error| path_of(data.get(), error);
            return Err(unreadable(data.get(), error, &Nulls::of(value), path));
        }
    };
    let again = to_raw_value(&read).map_err(unwritable)?;
    same(data, &again, || (Nulls::of(value), Nulls::of(&read)))
}

/// Returns the text of a value if what it reads back as is written alike.
fn same(
    data: Box<RawValue>,
    again: &RawValue,
    nulls: impl FnOnce() -> (Vec<Null>, Vec<Null>),
) -> Result<Box<RawValue>, EncodeError> {
    // A null is rare enough that the others need not be asked what they stand for.
    let may_hide = data.get().contains("null");
    if data.get() == again.get() && !may_hide {
        return Ok(data);
    }
    let (nulls, nulls_again) = if may_hide { nulls() } else { Default::default() };
    match reads_as_another(data.get(), again.get(), &nulls, &nulls_again) {
        None => Ok(data),
        Some(error) => Err(error),
    }
}

#[cold]
fn unwritable(source: serde_json::Error) -> EncodeError {
    let reason = "serde cannot write it as JSON".to_owned();
    EncodeError { version: None, path: ".".to_owned(), reason, source: Some(source) }
}

/// The error for a text that its own type does not read.
#[cold]
fn unreadable(
    data: &str,
    source: serde_json::Error,
    nulls: &[Null],
    path: impl FnOnce(&serde_json::Error) -> String,
) -> EncodeError {
    // A number that is none is the likely cause: the parser only complains about the `null` in its place.
    let number = nulls.iter().enumerate().find_map(|(at, null)| null.number().map(|it| (at, it)));
    if let Some((at, number)) = number {
        let path = difference::path_of_null(data, at).unwrap_or_else(|| path_of(data, &source));
        let reason =
            format!("JSON has no number {number}, and the `null` in its place is not read");
        return EncodeError { version: None, path, reason, source: None };
    }
    let reason = "the type does not read what it writes".to_owned();
    EncodeError { version: None, path: path(&source), reason, source: Some(source) }
}

/// Where the parser stopped.
fn path_of(data: &str, error: &serde_json::Error) -> String {
    path_at(data, error.line(), error.column())
}

fn reads_as_another(
    written: &str,
    again: &str,
    nulls: &[Null],
    nulls_again: &[Null],
) -> Option<EncodeError> {
    // The items of hashed sets and maps have no order: such texts are compared without it.
    if written != again
        && let Some(Difference { path, left, right }) = difference::between(written, again)
    {
        let reason = format!("it is written as {left} and would read back as {right}");
        return Some(EncodeError { version: None, path, reason, source: None });
    }
    if written != again && Null::same_kinds(nulls, nulls_again) {
        return None;
    }
    let at = (0..nulls.len()).find(|at| nulls_again.get(*at) != nulls.get(*at))?;
    let path = difference::path_of_null(written, at).unwrap_or_else(|| ".".to_owned());
    let was = nulls[at];
    let reason = match was.number() {
        Some(number) => format!(
            "JSON has no number {number}, and the `null` in its place reads back as no value"
        ),
        None => {
            "`Some` of an empty value is written as `null` and would read back as `None`".to_owned()
        }
    };
    Some(EncodeError { version: None, path, reason, source: None })
}
