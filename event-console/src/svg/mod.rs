//! Drawings, made on the server: shapes only, with classes that the stylesheet colours. What they show also stands in text.

pub(crate) mod migrations;
pub(crate) mod plot;
pub(crate) mod tree;
