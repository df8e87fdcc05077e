//! `browse`: the store on the screen. Streams, their events, one event as it is stored beside what it reads as today; the events
//! as they come; subscriptions and projections with what an operator does to them.
//!
//! [`Model`](model::Model) is all that the view knows. `update` takes a message (a key, an answer, a new size) and
//! returns effects; `view` draws. Neither touches the store or the terminal: `worker` carries out effects in the background, and
//! `run` connects them, on a thread of its own, so that no key waits for a store.

mod compare;
mod cursor;
mod keys;
mod layout;
mod model;
mod overlay;
mod pages;
mod press;
mod pretty;
mod request;
mod rows;
mod run;
mod screens;
mod takeover;
mod text;
mod typed;
mod update;
mod view;
mod worker;

#[cfg(test)]
mod tests;

pub(crate) use self::run::browse;
