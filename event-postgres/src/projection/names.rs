//! How a build is named in the store's own statements.

use event_sql::projector::ProjectionBuild;
use event_sql::rows::to_i32;

use crate::sql::{PgQuery, Schema, Statement};

/// What the schema of a build says of itself. Nobody but its owner can make it say so.
pub(super) fn mark(store: &Schema, name: &str, build: u32) -> String {
    format!("{}: projection {name}, build {build}", store.as_str())
}

/// A statement about one build: its name and its number come first.
pub(super) fn named<'q>(statement: &Statement, build: &ProjectionBuild) -> PgQuery<'q> {
    statement.query().bind(build.name).bind(to_i32(build.number))
}
