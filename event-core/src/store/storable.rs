//! What every backend can store and every reader can read, checked before an append is sent.

use std::collections::HashMap;

use chrono::Datelike;

use crate::envelope::{EventData, RecordedEvent};
use crate::error::{Context, Error, Result};
use crate::event::DEEPEST;

/// The longest type string, in bytes.
const MAX_TYPE: usize = 255;

/// The first year that every backend stores, as astronomers count: 4713 BC.
const FIRST_YEAR: i32 = -4712;

/// Refuses an event that not all backends could store, or that no reader could parse.
pub(super) fn check(index: usize, event: &EventData) -> Result<()> {
    let json = [("data", event.data.get()), ("metadata", event.metadata.as_json())];
    match fault(&event.event_type, json) {
        Some(reason) => Err(refused(index, event, reason)),
        None => Ok(()),
    }
}

/// The same for an event of another store.
pub(super) fn check_imported(event: &RecordedEvent) -> Result<()> {
    let json = [("data", event.data().get()), ("metadata", event.metadata().as_json())];
    let year = event.recorded_at().year();
    let reason = fault(event.event_type(), json).or_else(|| {
        (year < FIRST_YEAR)
            .then(|| "it was recorded before the first year that every backend stores".to_owned())
    });
    let Some(reason) = reason else { return Ok(()) };
    let reason = format!("event {} cannot be stored: {reason}", event.event_id());
    Err(Error::invalid_import(Some(event.stream_id().clone()), reason))
}

/// Why not all backends could store a type and its JSON, or no reader could parse it.
fn fault(event_type: &str, json: [(&str, &str); 2]) -> Option<String> {
    if event_type.is_empty()
        || event_type.len() > MAX_TYPE
        || event_type.chars().any(char::is_control)
    {
        return Some(format!("its type must have 1 to {MAX_TYPE} bytes and no control characters"));
    }
    let (what, _) = json.into_iter().find(|(_, json)| is_too_deep(json.as_bytes()))?;
    Some(format!("its {what} is nested deeper than {DEEPEST} lists and objects"))
}

/// Refuses an event of an append that names itself, or a later one, as its cause: recovery would refuse the stream.
pub(super) fn check_causes(events: Vec<EventData>) -> Result<Vec<EventData>> {
    if events.iter().all(|event| event.metadata.causation_id().is_none()) {
        return Ok(events);
    }
    let places: HashMap<String, usize> =
        events.iter().enumerate().map(|(index, event)| (event.id.to_string(), index)).collect();
    for (index, event) in events.iter().enumerate() {
        let cause = event.metadata.causation_id();
        let at = cause.and_then(|cause| places.get(&*cause).copied());
        if let Some(at) = at.filter(|at| *at >= index) {
            let reason = if at == index {
                "it names itself as its cause".to_owned()
            } else {
                format!("it names event {at} of the append as its cause, which comes after it")
            };
            return Err(refused(index, event, reason));
        }
    }
    Ok(events)
}

fn refused(index: usize, event: &EventData, reason: String) -> Error {
    Error::InvalidEventData {
        index: Some(index),
        event_type: Some(event.event_type.clone().into_owned()),
        reason,
        context: Context::default(),
    }
}

/// Whether valid JSON nests deeper than the limit.
fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_brackets_outside_of_strings_nest() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        assert!(is_too_deep(nested(100_000).as_bytes()));
        assert!(serde_json::from_str::<serde_json::Value>(&nested(DEEPEST)).is_ok());
        let text = format!(r#"{{"a":"\\\"{}"}}"#, "[".repeat(500));
        assert!(!is_too_deep(text.as_bytes()), "{text}");
        assert!(!is_too_deep(format!("[{}]", vec!["[1]"; 500].join(",")).as_bytes()));
    }
}
