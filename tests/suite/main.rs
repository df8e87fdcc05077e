//! Tests that need no server: one file per behaviour, one binary.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

event_core::link!(game_events);

#[path = "../support/contested.rs"]
mod contested;
#[path = "../support/filled.rs"]
mod filled;
#[path = "../support/flaky.rs"]
mod flaky;
#[path = "../support/games.rs"]
mod games;
#[path = "../support/jumps.rs"]
mod jumps;
#[path = "../support/model.rs"]
mod model;
#[path = "../support/readers.rs"]
mod readers;
#[path = "../support/travel.rs"]
mod travel;

mod accepted;
mod agreement;
mod architecture;
mod broadcast;
mod catalogue;
mod codec;
mod connect;
mod copying;
mod decide;
mod event_rules;
mod exact;
mod field_path;
mod grammar;
mod helpers;
mod history;
mod hygiene;
mod memory;
mod projections;
mod promises;
mod read_ahead;
mod recovery;
mod registry;
mod retry;
mod rules;
mod shapes;
mod snapshots;
mod sqlite;
mod statistics;
mod transcripts;
mod transfer;
mod transfer_faults;
mod views;
mod watch;
