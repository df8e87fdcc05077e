//! Mistakes a user of the derive can make, and what the compiler then says: one case and one text per mistake.
//!
//! The texts are those of the pinned compiler; `TRYBUILD=overwrite` writes them anew, and the diff is to be read.
//! Only failing cases belong here: a single passing one makes every case a build of its own. Accepted spellings
//! are ordinary tests of the suite.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}
