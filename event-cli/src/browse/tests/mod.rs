//! The view without a terminal: keys, answers and what is drawn, at three sizes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod drawn;
mod given_back;
mod handled;
mod stage;
