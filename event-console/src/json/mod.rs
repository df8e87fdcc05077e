//! JSON as lines that a page shows, and the comparison of two of them.

mod compare;
mod lines;

pub(crate) use self::compare::{Mark, compare};
pub(crate) use self::lines::{Line, Lines};
