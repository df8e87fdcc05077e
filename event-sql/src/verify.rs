//! What both backends do alike when they verify a store: they ask one question for each kind of fault.

use event_core::Result;
use event_core::health::Finding;

use crate::rows::{Values, corrupt};

/// The answer to the question for one kind of fault: a row for each of the first places, with `found`, the number of all
/// of them, and `place`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn finding<'r, V: Values + 'r>(
    kind: &'static str,
    rows: impl IntoIterator<Item = V>,
) -> Result<Finding> {
    let mut finding = Finding::new(kind);
    let mut count = 0;
    for row in rows {
        let found = row.number((0, "found")).map_err(corrupt)?;
        count = u64::try_from(found).unwrap_or_default();
        finding.add(row.text((1, "place")).map_err(corrupt)?);
    }
    finding.count = count;
    Ok(finding)
}
