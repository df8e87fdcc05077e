//! [`expected_number`]: an expected version as the server functions take it.

use event_core::ExpectedVersion;
use event_sql::rows::to_i64;

/// Expected versions that are no version; `migrations/0002_append.sql` names them too.
const ANY: i64 = -1;
const STREAM_EXISTS: i64 = -2;
const NO_STREAM: i64 = 0;

/// An expected version as the server functions take it.
pub(crate) fn expected_number(expected: ExpectedVersion) -> i64 {
    match expected {
        ExpectedVersion::Any => ANY,
        ExpectedVersion::StreamExists => STREAM_EXISTS,
        ExpectedVersion::NoStream => NO_STREAM,
        ExpectedVersion::Exact(version) => to_i64(version.get()),
    }
}
