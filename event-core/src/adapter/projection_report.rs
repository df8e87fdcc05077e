//! [`ProjectionReport`]: what a backend says of a projection in its tables.

use chrono::{DateTime, Utc};

use super::builds::ModelKind;
use crate::value::Position;

/// A build of a projection in tables, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectionReport {
    /// The name of the projection.
    pub name: String,
    /// What it is.
    pub kind: ModelKind,
    /// The number of the build.
    pub build: u32,
    /// Whether readers are meant to read it.
    pub is_current: bool,
    /// Everything up to here that passes the filter is in the tables.
    pub position: Position,
    /// Events in the tables.
    pub events: u64,
    /// When the last of them was recorded.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Where the tables are: the schema that holds them or, in a file, what their names begin with.
    pub schema: String,
    /// The filter of the build, as text.
    pub filter: String,
}

impl ProjectionReport {
    /// For authors of backends: a build that has read nothing yet.
    pub const fn new(name: String, build: u32, schema: String, filter: String) -> Self {
        Self {
            name,
            kind: ModelKind::Own,
            build,
            is_current: false,
            position: Position::START,
            events: 0,
            last_event_at: None,
            schema,
            filter,
        }
    }
}
