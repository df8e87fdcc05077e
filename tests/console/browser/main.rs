//! The web console in a real browser: Chromium without a window, driven by chromedriver. `tests/run` installs it and fetches
//! axe-core; where one is missing, the tests fail and say so.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

#[path = "../filled.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod filled;
#[path = "../site.rs"]
#[allow(dead_code, reason = "shared with the tests over HTTP")]
mod site;

mod clicks;
mod driver;
mod looks;
