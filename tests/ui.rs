//! Mistakes in the use of the derive, and the compiler's message for each: one case per mistake.
//!
//! The messages are those of the pinned compiler. `TRYBUILD=overwrite` regenerates them; review the diff.
//! Only failing cases belong here: with a single passing one, trybuild builds every case on its own. Accepted
//! spellings are tested in `suite`.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
