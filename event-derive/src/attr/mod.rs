//! The grammar of `#[event(...)]`: the keys that a struct, an enum, a variant and a field take.
//!
//! - struct: `type = "a.b"`, `version = 1`, `from = Type`, `since = 2`, `also_from(Type, …)`, `migrate(from, to, with)`,
//!   `alias = "old"`, `validate = path`, `readonly`, `register = false`, `shape = 0x…`, `crate = path`
//! - enum, and a type that derives `Shape`: `crate = path`
//! - variant: `other`
//! - field: `shape = "…"`, `opaque`
//!
//! Several attributes on one item count as one. Rules that need more than one value are in `check`.

mod docs;
mod event;
mod list;
mod migrate;
mod set;
mod shape;

pub(crate) use docs::docs;
pub(crate) use event::StructKeys;
pub(crate) use migrate::{Migrate, Source};
pub(crate) use set::{EnumKeys, other};
pub(crate) use shape::{FieldKeys, shape_crate};
