//! The tool as a process: its output and its exit codes, on SQLite.

#![allow(missing_debug_implementations, reason = "a helper of tests is not printed")]
#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod browse;
mod captured;
mod doctor;
mod following;
mod interrupted;
mod operating;
mod reading;
mod screen;
mod support;
mod tables;
mod writing;
