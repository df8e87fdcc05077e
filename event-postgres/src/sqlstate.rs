//! The one table of SQLSTATEs: what a code means for a caller, and whether its connection can be used again.
//!
//! `error.rs` turns the meaning into an error, `pool` decides by the same row about the connection. The first row that
//! fits counts; a row names a whole code or how codes begin.
//!
//! | codes | means | connection |
//! |---|---|---|
//! | `25006` | a standby, or a server set to read only: another host may take the write | closed |
//! | `08` `25` `40003` `57` `58` | unreachable, or the answer was lost: the outcome is unknown | closed |
//! | `26` `34` `42P05` `0A000` | the session's prepared statements do not fit the server any more: nothing was done | closed |
//! | `40` `53` `55006` `57014` `72` | not done: a conflict, no room, a limit of time | kept |
//! | `55P03` | not done: a lock was not granted in time | kept |
//! | `2D` `3B` `XX` | final, and the state of the transaction is in doubt | closed |
//! | all else | final: rights, names, data | kept |
//!
//! Three codes need more than the code, because servers and poolers put several troubles under them. `0A000` is only
//! final where a fresh connection answers the same and the server's planner is not its source; `08P01` of a pooler is
//! final for a setting or a name that it refuses; `XX000` is passing for texts of [`PASSING`]. Poolers and the server's
//! internal errors have no translations, so their texts are as stable as codes. An error that ends the session closes
//! the connection whatever its code is.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing was done: a conflict with another transaction, no room, or no time.
    Busy,
    /// Nothing was done: a lock was not granted in time.
    Locked,
    /// The server cannot be reached, or its answer was lost: what was done is unknown.
    Lost,
    /// Nothing was done: what the session remembers does not fit the server any more.
    Stale,
    /// Nothing was done: the server does not take writes.
    ReadOnly,
    /// Trying again changes nothing.
    Final,
}

/// Whether the connection can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    Close,
}

struct Row {
    codes: &'static [&'static str],
    meaning: Meaning,
    fate: Fate,
}

const fn row(codes: &'static [&'static str], meaning: Meaning, fate: Fate) -> Row {
    Row { codes, meaning, fate }
}

const TABLE: &[Row] = &[
    row(&["25006"], Meaning::ReadOnly, Fate::Close),
    row(&["57014"], Meaning::Busy, Fate::Keep),
    row(&["08", "25", "40003", "57", "58"], Meaning::Lost, Fate::Close),
    row(&["26", "34", "42P05", "0A000"], Meaning::Stale, Fate::Close),
    row(&["40002"], Meaning::Final, Fate::Keep),
    row(&["40", "53", "55006", "72"], Meaning::Busy, Fate::Keep),
    row(&["55P03"], Meaning::Locked, Fate::Keep),
    row(&["2D", "3B", "XX"], Meaning::Final, Fate::Close),
];

/// What a pooler refuses for good, under the code of a lost connection.
const REFUSALS: &[&str] =
    &["unsupported startup parameter", "no such database", "no such user", "unsupported protocol"];

/// Internal errors that pass: a change of the schema at the same moment, and poolers without a code of their own.
const PASSING: &[&str] = &[
    "tuple concurrently",
    "cache lookup failed",
    "could not open relation with oid",
    "max client",
    "maxclients",
    "connect to",
    "terminat",
    "timeout",
    "timed out",
];

/// The meaning of a code, and what becomes of the connection.
pub(crate) fn of_code(code: &str) -> (Meaning, Fate) {
    let fits = |row: &&Row| row.codes.iter().any(|prefix| code.starts_with(prefix));
    TABLE.iter().find(fits).map_or((Meaning::Final, Fate::Keep), |row| (row.meaning, row.fate))
}

/// The same for an error of the server or of a pooler.
pub(crate) fn of(error: &PgDatabaseError) -> (Meaning, Fate) {
    let (meaning, fate) = of_code(error.code());
    let ends = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    let text = || error.message().to_ascii_lowercase();
    let meaning = match error.code() {
        "08P01" if REFUSALS.iter().any(|refusal| text().starts_with(refusal)) => Meaning::Final,
        "XX000" if PASSING.iter().any(|passing| text().contains(passing)) => Meaning::Busy,
        _ => meaning,
    };
    (meaning, if ends { Fate::Close } else { fate })
}

/// Whether a stale error is about what the session remembers. Those of `0A000` that the planner does not raise are about
/// what the server cannot do at all.
pub(crate) fn is_of_session(error: &PgDatabaseError) -> bool {
    error.code() != "0A000"
        || error.routine() == Some("RevalidateCachedQuery")
        || error.message() == "cached plan must not change result type"
}

/// Whether a statement met a session that it was not prepared in, by an error that does not end the session.
pub(crate) fn is_mix_up(error: &PgDatabaseError) -> bool {
    let ends = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
    !ends && matches!(error.code(), "26000" | "42P05" | "08P01")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_that_fits_counts() {
        for (code, expected) in [
            ("57014", (Meaning::Busy, Fate::Keep)),
            ("57P01", (Meaning::Lost, Fate::Close)),
            ("57P05", (Meaning::Lost, Fate::Close)),
            ("25006", (Meaning::ReadOnly, Fate::Close)),
            ("25P02", (Meaning::Lost, Fate::Close)),
            ("25P04", (Meaning::Lost, Fate::Close)),
            ("40001", (Meaning::Busy, Fate::Keep)),
            ("40002", (Meaning::Final, Fate::Keep)),
            ("40003", (Meaning::Lost, Fate::Close)),
            ("26000", (Meaning::Stale, Fate::Close)),
            ("42P05", (Meaning::Stale, Fate::Close)),
            ("42P01", (Meaning::Final, Fate::Keep)),
            ("53300", (Meaning::Busy, Fate::Keep)),
            ("55P03", (Meaning::Locked, Fate::Keep)),
            ("55000", (Meaning::Final, Fate::Keep)),
            ("XX001", (Meaning::Final, Fate::Close)),
            ("P0001", (Meaning::Final, Fate::Keep)),
            ("", (Meaning::Final, Fate::Keep)),
        ] {
            assert_eq!(of_code(code), expected, "{code}");
        }
    }

    #[test]
    fn every_row_can_be_reached() {
        for (index, row) in TABLE.iter().enumerate() {
            for code in row.codes {
                let first =
                    TABLE.iter().position(|row| row.codes.iter().any(|it| code.starts_with(it)));
                assert_eq!(first, Some(index), "{code}");
            }
        }
    }
}
