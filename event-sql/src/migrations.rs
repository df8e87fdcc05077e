//! The history of a schema: which migrations are applied, and whether this program may use the store.

use event_core::adapter::SchemaMigration;
use event_core::{Error, Migrate, Result};

const OPERATION: &str = "open the store";
const HOW: &str = "apply them with `EventStore::connect(url).schema().await?.apply()`, or by hand with the script of `.sql()`, or \
                   open the store with `Migrate::OnConnect`";

/// Refuses a schema that lacks migrations, as `migrate` says. `optional` tells which of them a program does without.
///
/// # Errors
/// [`Error::Adapter`] that lists the missing migrations.
pub fn refuse(
    migrate: Migrate,
    pending: &[SchemaMigration],
    optional: impl Fn(&SchemaMigration) -> bool,
) -> Result<()> {
    let is_enough = match migrate {
        Migrate::OnConnect => true,
        Migrate::Never => pending.iter().all(optional),
        Migrate::Check => pending.is_empty(),
    };
    if is_enough {
        return Ok(());
    }
    let names: Vec<_> = pending.iter().map(|it| it.name.as_str()).collect();
    let reason = format!(
        "its schema lacks {} migrations, and was not changed: {}; {HOW}",
        names.len(),
        names.join(", ")
    );
    Err(Error::adapter(OPERATION, reason))
}

/// A statement's text without its comments and without a semicolon at its end, for a script.
pub fn plain(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.trim().trim_end_matches(';').to_owned()
}

/// The script that applies migrations in one transaction, with the record of them: `begin` opens it, and `record` writes
/// the statement that records the migration with a checksum. Empty where nothing is pending.
pub fn script(
    begin: &str,
    pending: &[(SchemaMigration, Vec<u8>)],
    record: impl Fn(&SchemaMigration, &str) -> String,
) -> String {
    if pending.is_empty() {
        return String::new();
    }
    let parts = pending.iter().map(|(migration, checksum)| {
        let checksum: Vec<_> = checksum.iter().map(|byte| format!("{byte:02x}")).collect();
        let record = record(migration, &checksum.concat());
        format!("\n-- {}\n\n{}\n\n{record};\n", migration.name, migration.sql.trim_end())
    });
    let parts: Vec<_> = parts.collect();
    format!("{}\n{}\nCOMMIT;\n", begin.trim_end(), parts.concat())
}

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
