//! The answers of the server functions: one enum for each kind, parsed from its word.

use std::fmt;

use event_core::adapter::StreamState;
use event_core::{Error, Result};
use event_sql::rows;

use crate::row::Cells;

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Reads the status of a row.
            pub(crate) fn read(operation: &'static str, cells: &Cells<'_>) -> Result<Self> {
                Self::parse(operation, cells.get("status")?)
            }

            /// The status that a word means.
            pub(crate) fn parse(operation: &'static str, word: &str) -> Result<Self> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(unknown(operation, word)),
                }
            }
        })*
    };
}

statuses! {
    /// The outcome of an append to one stream; `migrations/0002_append.sql` has the legend.
    AppendStatus {
        Stored = "stored",
        AlreadyStored = "already_stored",
        WrongVersion = "wrong_version",
        NotActive = "not_active",
        IdConflict = "id_conflict",
        LimitReached = "limit_reached",
        /// This stream would have accepted its events; another stream of the commit refused.
        ClaimHolds = "claim_holds",
    }

    /// The outcome of a change of a stream; `migrations/0003_streams_and_links.sql` has the legend.
    ChangeStatus {
        Changed = "changed",
        WrongVersion = "wrong_version",
        Deleted = "deleted",
        NotFound = "not_found",
        /// The first version to keep is greater than the next one.
        BeyondEnd = "beyond_end",
    }

    /// The outcome of links; `migrations/0003_streams_and_links.sql` has the legend.
    LinkStatus {
        Stored = "stored",
        AlreadyStored = "already_stored",
        WrongVersion = "wrong_version",
        NotActive = "not_active",
        IdConflict = "id_conflict",
        LimitReached = "limit_reached",
        EventsNotFound = "events_not_found",
    }

    /// Whether a build of a projection became the current one.
    SwitchStatus {
        Switched = "switched",
        Behind = "behind",
        NotFound = "not_found",
    }

    /// Whether a build of a projection was dropped.
    DropStatus {
        Dropped = "dropped",
        Current = "current",
        NotFound = "not_found",
    }
}

fn unknown(operation: &'static str, word: &str) -> Error {
    let reason = format!("the answer has status `{word}`, which this program does not know");
    Error::adapter(operation, reason)
}

/// The state of a stream in an answer, and whether the stream holds links; `None` if this program does not know it.
pub(crate) fn stream_state(state: Option<&str>) -> Option<(StreamState, bool)> {
    state.and_then(|state| rows::state(state).ok())
}

/// The error for a status that does not go with the stream state beside it.
pub(crate) fn unexpected(
    operation: &'static str,
    status: impl fmt::Debug,
    state: Option<&str>,
) -> Error {
    let reason = format!(
        "the answer has status {status:?} and stream state {state:?}, which this program does not know"
    );
    Error::adapter(operation, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_its_status_and_no_other_is() {
        assert_eq!(AppendStatus::parse("append", "stored").unwrap(), AppendStatus::Stored);
        assert_eq!(ChangeStatus::parse("change", "beyond_end").unwrap(), ChangeStatus::BeyondEnd);
        for word in ["", "Stored", "0", "lost"] {
            let error =
                event_core::error::with_causes(&AppendStatus::parse("append", word).unwrap_err());
            assert!(
                error.contains(&format!("status `{word}`, which this program does not know")),
                "{error}"
            );
        }
    }

    #[test]
    fn an_unknown_state_is_no_state() {
        assert_eq!(stream_state(Some("archived_links")), Some((StreamState::Archived, true)));
        assert_eq!(stream_state(Some("lost")), None);
        assert_eq!(stream_state(None), None);
    }
}
