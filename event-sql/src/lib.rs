//! What both SQL backends of `event-core` need and no other backend does.
//!
//! It is no backend and holds no SQL: a backend brings its driver and its statements, and takes from here what the rows
//! of those statements mean, how a page is bounded, how a projection in tables is run.

pub mod census;
pub mod error;
pub mod import;
pub mod inline;
pub mod migrations;
pub mod page;
pub mod projector;
pub mod queue;
pub mod rows;
pub mod streams;
pub mod url_keys;
