//! [`Causes`]: checks that causes precede their effects within a stream.

use std::collections::HashMap;

use crate::envelope::RecordedEvent;
use crate::value::StreamVersion;

/// The causes that the events read so far name.
///
/// Only event ids are compared. A source id is that of a message, and one message may lead to several appends: it says nothing
/// about the order of events.
#[derive(Default)]
pub(super) struct Causes {
    /// Named causes, with the version of the first event that names them. One that has happened already is never found.
    named: HashMap<String, StreamVersion>,
}

impl Causes {
    /// Notes the cause that the payload of the event read last names.
    pub(super) fn name(&mut self, recorded: &RecordedEvent, cause: &str) -> Option<String> {
        if cause == recorded.event_id().to_string() {
            return Some("it names itself as its cause".to_owned());
        }
        self.named.entry(cause.to_owned()).or_insert_with(|| recorded.stream_version());
        None
    }

    /// Checks the next event. A cause within this stream must precede its effect; a cause in another stream is not checked. So a
    /// violation is found at the event that is the cause, when an earlier event has named it.
    pub(super) fn violation(&mut self, recorded: &RecordedEvent) -> Option<String> {
        let cause = recorded.metadata().causation_id();
        if cause.is_none() && self.named.is_empty() {
            return None;
        }
        let id = recorded.event_id().to_string();
        let effect = self.named.remove(&id);
        if let Some(cause) = cause
            && let Some(reason) = self.name(recorded, &cause)
        {
            return Some(reason);
        }
        effect.map(|effect| format!("version {effect} names it as its cause, and comes before it"))
    }
}
