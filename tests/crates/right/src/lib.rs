//! An event crate whose event type and version another crate defines as well: linked together they do not compile.

use event_core::Event;
use serde::{Deserialize, Serialize};

/// Defined in both crates.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "link.drawn", version = 1)]
pub struct Drawn;
