//! What is registered under the name of a subscription, compared with what is wanted.

use crate::adapter::Registered;
use crate::error::{Error, Result, SubscriptionError};
use crate::registry::Registry;
use crate::subscription::filter_text::{Written, canonical};

/// Whether two registrations are the same; a type that was renamed is.
pub(crate) fn same(stored: &Registered, wanted: &Registered) -> Result<bool> {
    if stored == wanted {
        return Ok(true);
    }
    let registry = Registry::global()?;
    let text = |it: &Registered| canonical(&it.filter, registry);
    Ok(stored.partitions == wanted.partitions && text(stored) == text(wanted))
}

/// The error for a name that exists with another filter, partition key or number of partitions.
pub(crate) fn conflict(name: &str, stored: &Registered, wanted: &Registered) -> Error {
    let key = |it: &Registered| Written::parse(&it.filter).and_then(|it| it.partition_key);
    let (stored, wanted) = if stored.filter == wanted.filter {
        let partitions = |it: &Registered| format!("{} partitions", it.partitions);
        (partitions(stored), partitions(wanted))
    } else if key(stored) != key(wanted) {
        let key = |it: &Registered| match key(it) {
            Some(name) => format!("the partition key {name:?}"),
            None => "partitions by stream".to_owned(),
        };
        (key(stored), key(wanted))
    } else {
        let filter = |it: &Registered| format!("the filter `{}`", it.filter);
        (filter(stored), filter(wanted))
    };
    SubscriptionError::Conflict { name: name.to_owned(), stored, wanted }.into()
}
