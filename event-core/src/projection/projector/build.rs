//! [`ProjectionBuild`]: which build of a projection is run.

use crate::error::{Error, Result};
use crate::subscription::Filter;

/// One build of a projection: its name, its number, which events it gets, where its tables are.
#[derive(Debug, Clone)]
pub struct ProjectionBuild {
    /// The name of the projection.
    pub name: &'static str,
    /// The number of the build, from 1.
    pub number: u32,
    /// Which events it gets.
    pub filter: Filter,
    /// Where its tables are, as [`ProjectionStatus::schema`](super::ProjectionStatus::schema).
    pub schema: String,
}

impl ProjectionBuild {
    /// The build of a checked name and number; `schema` makes the name of their schema from `<name>_<number>`.
    ///
    /// # Errors
    /// [`Error::Adapter`] unless the name is 1 to 50 of `a`-`z`, `0`-`9` and `_`, without a digit in front, and the
    /// number is one from 1.
    pub fn new(
        operation: &'static str,
        (name, number): (&'static str, u32),
        filter: Filter,
        schema: impl FnOnce(String) -> String,
    ) -> Result<Self> {
        if !is_name(name) || number == 0 || i32::try_from(number).is_err() {
            let reason = "a projection's name is 1 to 50 of `a`-`z`, `0`-`9` and `_`, not starting with a digit; its builds \
                          are numbered from 1";
            let reason = format!("{reason}; found `{}`, build {number}", name.escape_debug());
            return Err(Error::adapter(operation, reason));
        }
        Ok(Self { name, number, filter, schema: schema(format!("{name}_{number}")) })
    }
}

/// The name that a build gives to its tables, `<name>_<number>`; `None` for a name that no projection has. It is computed
/// wherever it is needed: what a row says is not believed.
pub fn own_name(name: &str, number: u32) -> Option<String> {
    is_name(name).then(|| format!("{name}_{number}"))
}

fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=50).contains(&name.len())
        && name.bytes().all(is_letter)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_has_a_plain_name_and_a_number() {
        let build = |name, number| {
            ProjectionBuild::new("test", (name, number), Filter::all(), |own| own + "_")
        };
        assert_eq!(build("doors", 2).unwrap().schema, "doors_2_");
        for (name, number) in [("", 1), ("1a", 1), ("A", 1), ("a b", 1), ("a", 0), ("a", u32::MAX)]
        {
            assert!(build(name, number).is_err(), "{name} {number}");
        }
        assert!(build("a23456789_123456789_123456789_123456789_123456789_1", 1).is_err());
    }
}
