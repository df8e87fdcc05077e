//! What both backends do alike when they verify a store: they ask one question for each kind of fault, and read every
//! event.

use event_core::adapter::{Adapter, TenantView};
use event_core::error::with_causes;
use event_core::health::Finding;
use event_core::{AllOptions, Error, Result};

use crate::rows::{Values, corrupt};

/// The answer to the question for one kind of fault: a row for each of the first places, with `found`, the number of all
/// of them, and `place`.
///
/// # Errors
/// [`Error::Corrupt`].
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

/// Reads every event of every tenant, and finds those that cannot be read.
///
/// # Errors
/// Those of the backend, without those of what it stores.
pub async fn events(adapter: &impl Adapter) -> Result<Finding> {
    let mut finding = Finding::new("unreadable_event");
    let mut options = AllOptions::new();
    loop {
        let page = match adapter.read_all(&TenantView::All, &options).await {
            Ok(page) => page,
            Err(error @ Error::Corrupt { .. }) => {
                finding.add(with_causes(&error));
                return Ok(finding);
            }
            Err(error) => return Err(error),
        };
        let Some(last) = page.last() else { return Ok(finding) };
        options = options.after(last.position());
        for event in page {
            if let Some(damage) = event.damage() {
                finding.add(format!("{}: {damage}", event.location()));
            }
        }
    }
}
