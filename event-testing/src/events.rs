//! The events of the contract suite, for tests of adapters.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use event_core::{Event, EventVersion, InvalidEvent, NewEvent};

/// An event with some text, which is invalid if it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The text.
    pub text: String,
}

impl Noted {
    /// Creates a note.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// Creates `n` new events, with their index in the text.
    pub fn many(n: usize) -> Vec<NewEvent> {
        (0..n).map(|i| Self::new(format!("note {i}")).into()).collect()
    }
}

impl Event for Noted {
    const TYPE: &'static str = "contract.noted";
    const VERSION: EventVersion = EventVersion::FIRST;

    fn validate(&self, _now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.text.is_empty() {
            return Err(InvalidEvent::field("text", "must not be empty"));
        }
        Ok(())
    }
}

/// An event of another type, for filters; its event version is 3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// A name.
    pub by: String,
}

impl Event for Closed {
    const TYPE: &'static str = "contract.closed";
    const VERSION: EventVersion = EventVersion::new(3);
}
