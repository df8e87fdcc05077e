//! What both SQL backends of `event-core` need and no other backend does.
//!
//! This crate is for authors of backends; applications use `event-postgres` or `event-sqlite`. It is no backend and holds
//! no SQL: a backend brings its driver and its statements, and takes from here what does not depend on either.
//!
//! | module | what it is |
//! |---|---|
//! | [`rows`] | from the values of a row to events, streams, snapshots, leases: [`rows::Values`] is what a driver provides |
//! | [`page`] | what collects the rows of a page while the server still sends |
//! | [`streams`] | the listing and the changes of streams, as values to bind |
//! | [`queue`] | appends that wait at the same time share one transaction |
//! | [`census`] | the versions of event types that a process knows to be recorded |
//! | [`import`] | what an import finds in the store |
//! | [`projector`] | runs a projection in tables, each event exactly once |
//! | [`read_models`] | builds of read models, and the documents of views |
//! | [`inline`] | read models in the transaction of the append |
//! | [`tables`] | the statements of table projections, in both dialects |
//! | [`verify`] | the findings of a verification |
//! | [`migrations`] | whether this program may use a schema, by its history |
//! | [`url_keys`] | the keys of a store's URL |
//! | [`epochs`] | whether the log is the one that a process has read |
//! | [`error`] | errors that both backends make alike |
//!
//! What a row means is decided once, so that every backend refuses the same damage:
//!
//! ```
//! use event_core::adapter::StreamState;
//! use event_sql::rows::{state, state_name};
//!
//! assert_eq!(state("archived_links")?, (StreamState::Archived, true));
//! assert_eq!(state_name(StreamState::Active, false), "active");
//! assert!(state("4").is_err());
//! # Ok::<(), event_core::Error>(())
//! ```

pub mod census;
pub mod epochs;
pub mod error;
pub mod import;
pub mod inline;
pub mod migrations;
pub mod page;
pub mod projector;
pub mod queue;
pub mod read_models;
pub mod rows;
pub mod streams;
pub mod tables;
pub mod url_keys;
pub mod verify;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
