//! [`Verdict`]: what a difference between two shapes means for stored payloads.

/// What a difference means for stored payloads, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Nothing: the JSON is the same.
    Same,
    /// More is read than before.
    Wider,
    /// Something else is written than before, and everything stored is read.
    Grown,
    /// Another function reads what is stored: the same only if every recorded payload still reads as recorded.
    Unproven,
    /// Something stored is not read, or may be read as something else.
    Broken,
}
