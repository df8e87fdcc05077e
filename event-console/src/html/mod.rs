//! What the pages are made of: the document around them, and parts that several use.

pub(crate) mod document;
pub(crate) mod form;
pub(crate) mod parts;
