//! [`Causes`]: whether causes stand before their effects.

use std::collections::HashMap;

use crate::envelope::RecordedEvent;
use crate::value::StreamVersion;

/// Which names stand for events of this stream, and which causes were named before they happened.
#[derive(Default)]
pub(super) struct Causes {
    /// Event ids and source ids seen so far.
    happened: HashMap<String, StreamVersion>,
    /// Causes named by an event that nothing before it goes by.
    awaited: HashMap<String, StreamVersion>,
    /// Whether the events before are unknown, since a snapshot holds them.
    partial: bool,
}

impl Causes {
    /// Of a stream whose first events are not read.
    pub(super) fn after_a_snapshot() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// A cause that names an event of this stream must name an earlier one; one from elsewhere is not ours to
    /// check. So the fault shows when the cause turns up, at the event that is the cause.
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
            // Several events may come from one source: after a snapshot the first of them may be out of sight. An event
            // has its id alone.
            let tells = at == 0 || !self.partial;
            if let Some(effect) = self.awaited.remove(&name).filter(|_| tells) {
                fault.get_or_insert_with(|| {
                    format!("version {effect} names it as its cause, and comes before it")
                });
            }
            self.happened.entry(name).or_insert(version);
        }
        fault
    }
}
