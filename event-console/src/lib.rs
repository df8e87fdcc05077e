//! A web console over any event store of `event-core`: streams, events with their causes and effects, event types,
//! subscriptions and parked events, health, metrics. Pages are HTML that is rendered here and works without JavaScript; a
//! small script follows the log as it grows.
//!
//! It is not a public website: it shows everything that is stored to every visitor with access.
//!
//! # Serve it
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use event_console::Console;
//! use event_core::EventStore;
//!
//! let store = EventStore::connect("memory:").await?;
//! Console::new(&store).serve(([127, 0, 0, 1], 4200).into()).await?;
//! # Ok(()) }
//! ```
//!
//! # Mount it in an application
//!
//! ```
//! # fn routes(store: &event_core::EventStore) -> axum::Router {
//! axum::Router::new().nest("/console", event_console::router(store.clone()))
//! # }
//! ```
//!
//! # What it refuses
//!
//! - An address that other machines reach, without a token ([`Console::token`]).
//! - Any change, unless [`Console::allow_actions`] is set. A change is a form of this console, with the token of its session
//!   and an origin of its own; each leaves a line with the target `event_console::audit`.
//! - A host other than `localhost`, an IP address or a name of [`Console::host`], which defeats DNS rebinding.
//!
//! Payloads are in pages only: not in addresses, and not in what it logs.

mod action;
mod assets;
mod console;
mod error;
mod failure;
mod guard;
mod html;
mod json;
mod links;
mod live;
mod page;
mod rebuilds;
mod routes;
mod sample;
mod scrape;
mod session;
mod settings;
mod shared;
mod svg;
mod tail;
mod text;
mod visit;

use std::borrow::Borrow;

use axum::Router;
use event_core::EventStore;

pub use self::console::{Console, Listening};
pub use self::error::ConsoleError;

/// The routes of a console that only shows, for this machine; to be merged into an application or nested under a path.
///
/// An application that other machines reach configures a [`Console`] with a token and its host name.
///
/// # Panics
/// If the system gives no random bytes.
pub fn router(store: impl Borrow<EventStore>) -> Router {
    let console = Console::new(store).router();
    console.expect("the defaults are valid, and the system gives random bytes")
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
