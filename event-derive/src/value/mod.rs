//! Values: one reader per kind of value, its lexical rules, and the message when a value breaks them.
//!
//! A reader starts at the `=`. It returns `None` after it has reported and skipped a value that it cannot read.

mod literal;
mod number;
mod path;
mod sample;
mod text;

pub(crate) use literal::{equals, flag, switch};
pub(crate) use number::{Number, Pin, later_version, pin, plain_number, version};
pub(crate) use path::{function, module, previous, previous_type, types};
pub(crate) use sample::sample;
pub(crate) use text::{shape_text, type_string};
