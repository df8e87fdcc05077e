//! The pages of the console: each is a handler and its template.

pub(crate) mod change;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod health;
mod kin;
mod look;
pub(crate) mod overview;
mod parked;
pub(crate) mod projections;
pub(crate) mod sign_in;
pub(crate) mod stream;
pub(crate) mod streams;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod tenants;
pub(crate) mod types;
mod which;
