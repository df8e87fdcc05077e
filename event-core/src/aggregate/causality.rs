//! [`Causes`]: checks that causes precede their effects within a stream.

use std::collections::HashMap;

use crate::envelope::RecordedEvent;
use crate::value::StreamVersion;

/// The ids of the events read so far, and the causes that they name.
#[derive(Default)]
pub(super) struct Causes {
    /// The event ids and source ids of the events read so far.
    happened: HashMap<String, StreamVersion>,
    /// Named causes that no earlier event matches, with the version of the event that names them.
    awaited: HashMap<String, StreamVersion>,
    /// Whether earlier events are unknown because recovery started from a snapshot.
    partial: bool,
}

impl Causes {
    /// The causes of a stream whose first events are not read.
    pub(super) fn after_a_snapshot() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Checks the next event. A cause within this stream must precede its effect; a cause in another stream is not checked. So a
    /// violation is found at the event that is the cause, when an earlier event has named it.
    pub(super) fn violation(&mut self, recorded: &RecordedEvent) -> Option<String> {
        let version = recorded.stream_version();
        let mut names = vec![recorded.event_id().to_string()];
        names.extend(recorded.metadata().source_id().map(Into::into));
        let mut fault = None;
        if let Some(cause) = recorded.metadata().causation_id() {
            if names[0] == *cause {
                fault = Some("it names itself as its cause".to_owned());
            } else if !self.happened.contains_key(&*cause)
                && !names.contains(&cause.clone().into_owned())
            {
                self.awaited.entry(cause.into_owned()).or_insert(version);
            }
        }
        for (at, name) in names.into_iter().enumerate() {
            // Several events may have one source id: after a snapshot the first of them may not have been read. An event id
            // is unique.
            let is_conclusive = at == 0 || !self.partial;
            if let Some(effect) = self.awaited.remove(&name).filter(|_| is_conclusive) {
                fault.get_or_insert_with(|| {
                    format!("version {effect} names it as its cause, and comes before it")
                });
            }
            self.happened.entry(name).or_insert(version);
        }
        fault
    }
}
