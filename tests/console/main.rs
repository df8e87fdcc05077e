//! The web console over HTTP: a real server on a free port of this machine, asked as browsers, scrapers and attackers do.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod filled;
mod site;

mod hostile;
mod mounted;
mod pages;
mod refused;
mod tails;
