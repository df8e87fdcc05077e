//! The web console over HTTP: a real server on a free port of this machine, asked as browsers, scrapers and attackers do.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod filled;
#[cfg(feature = "postgres")]
#[path = "../support/pg.rs"]
mod pg;
mod site;

mod audit;
mod backends;
mod hostile;
mod mounted;
mod outage;
mod pages;
mod rebuilt;
mod refused;
mod tails;
