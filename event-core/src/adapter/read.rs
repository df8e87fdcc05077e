//! What backends share in answering reads.

use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};

/// The event that is meant by an id, of those that have it.
///
/// # Errors
/// [`Error::AmbiguousEvent`] where several tenants use the id.
pub fn only_event(found: impl IntoIterator<Item = RecordedEvent>) -> Result<Option<RecordedEvent>> {
    let mut found = found.into_iter();
    let (Some(first), rest) = (found.next(), found.collect::<Vec<_>>()) else { return Ok(None) };
    if rest.is_empty() {
        return Ok(Some(first));
    }
    let event_id = first.event_id();
    let mut tenants: Vec<_> =
        std::iter::once(&first).chain(&rest).map(|event| event.tenant().clone()).collect();
    tenants.sort();
    Err(Error::AmbiguousEvent { event_id, tenants })
}
