//! Carries out effects on the store, each in a task of its own.

mod act;
mod carry;
mod event;
mod follow;
mod read;
mod scope;

pub(super) use self::carry::Worker;
