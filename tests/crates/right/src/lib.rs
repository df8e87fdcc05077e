//! An event crate whose event another crate claims, too: linked together they do not compile.

use event_core::Event;
use serde::{Deserialize, Serialize};

/// Claimed here and there.
#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "link.drawn", version = 1)]
pub struct Drawn;
