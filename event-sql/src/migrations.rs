//! The history of a schema: which migrations are applied, and whether this program may use the store.

use event_core::{Error, Result};

/// How many schema migrations are applied, by the history of a store and the (number, name, checksum) of those that a
/// program knows. The applied ones must be the first of the known ones, unchanged.
///
/// # Errors
/// [`Error::IncompatibleSchema`] where a newer program applied more; [`Error::Adapter`] where one differs.
pub fn applied<'k>(
    history: &[(i64, Vec<u8>)],
    known: impl DoubleEndedIterator<Item = (i64, &'k str, &'k [u8])> + Clone,
) -> Result<usize> {
    let newest = known.clone().next_back().map_or(0, |(number, ..)| number);
    if let Some((found, _)) = history.last().filter(|(number, _)| *number > newest) {
        return Err(Error::IncompatibleSchema { found: *found, known: newest });
    }
    for ((number, name, checksum), (applied, found)) in known.zip(history) {
        if number != *applied || checksum != found.as_slice() {
            let reason = format!(
                "schema migration {name} differs from the one this program carries; the schema was made by another build"
            );
            return Err(Error::adapter("migrate the schema", reason));
        }
    }
    Ok(history.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [(i64, &str, &[u8]); 2] = [(1, "0001_a", &[1]), (2, "0002_b", &[2])];

    fn count(history: &[(i64, Vec<u8>)]) -> Result<usize> {
        applied(history, KNOWN.into_iter())
    }

    #[test]
    fn the_first_known_migrations_may_be_applied() {
        assert_eq!(count(&[]).unwrap(), 0);
        assert_eq!(count(&[(1, vec![1])]).unwrap(), 1);
        assert_eq!(count(&[(1, vec![1]), (2, vec![2])]).unwrap(), 2);
    }

    #[test]
    fn a_newer_schema_and_a_changed_migration_are_refused() {
        let newer = count(&[(1, vec![1]), (2, vec![2]), (3, vec![3])]);
        assert!(matches!(newer, Err(Error::IncompatibleSchema { found: 3, known: 2 })));
        assert!(matches!(count(&[(1, vec![9])]), Err(Error::Adapter { .. })));
    }
}
