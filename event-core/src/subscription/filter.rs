//! [`Filter`]: selects the events of a subscription.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::adapter::AllOptions;
use crate::envelope::RecordedEvent;
use crate::error::{Result, SubscriptionError};
use crate::registry::Registry;
use crate::store::EventStore;
use crate::value::{Escaped, StreamId};

/// Selects the events that a subscription delivers. The scope of the store determines the tenant: one, or all of them
/// under [`EventStore::all_tenants`](crate::EventStore::all_tenants).
///
/// The backend filters by category, stream and event types; the predicate is evaluated in this process, on the events that
/// remain.
///
/// ```
/// use event_core::Filter;
///
/// let filter = Filter::all().category("game").event_types(["game_completed", "game_started"]);
/// assert_eq!(filter.to_string(), r#"category "game", types "game_completed" "game_started""#);
/// ```
#[derive(Clone, Default)]
pub struct Filter {
    stream: Option<StreamId>,
    category: Option<String>,
    event_types: Option<BTreeSet<String>>,
    predicate: Option<Predicate>,
}

/// A condition in code, with the name that identifies it.
#[derive(Clone)]
struct Predicate {
    name: String,
    test: Arc<dyn Fn(&RecordedEvent) -> bool + Send + Sync>,
}

impl Filter {
    /// Selects every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects only the events of one stream.
    #[must_use]
    pub fn stream(mut self, stream_id: StreamId) -> Self {
        self.stream = Some(stream_id);
        self
    }

    /// Selects only streams of a category: the text before the first `-` of their name.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Selects only events of these types, under every alias that they were stored under; an empty list matches nothing.
    #[must_use]
    pub fn event_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.event_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Selects only events for which a predicate returns `true`. Filters are compared by the name of their predicate:
    /// change the name when the predicate changes.
    #[must_use]
    pub fn predicate(
        mut self,
        name: impl Into<String>,
        test: impl Fn(&RecordedEvent) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Predicate { name: name.into(), test: Arc::new(test) });
        self
    }

    /// The same filter with the types under their current names.
    pub(crate) fn with_current_names(mut self, registry: &Registry) -> Self {
        self.event_types = self
            .event_types
            .map(|types| types.iter().map(|name| registry.current_name(name).to_owned()).collect());
        self
    }

    /// The stream, if it selects one.
    pub(crate) const fn get_stream(&self) -> Option<&StreamId> {
        self.stream.as_ref()
    }

    /// The name of the predicate, if there is one.
    pub(crate) fn predicate_name(&self) -> Option<&str> {
        self.predicate.as_ref().map(|predicate| &*predicate.name)
    }

    /// The same filter with the predicate of another one.
    pub(crate) fn with_predicate_of(mut self, other: &Self) -> Self {
        self.predicate.clone_from(&other.predicate);
        self
    }

    /// The filter as a query to the backend, without the predicate.
    pub(crate) fn options(&self) -> AllOptions {
        let mut options = AllOptions::new();
        if let Some(stream_id) = &self.stream {
            options = options.stream(stream_id.clone());
        }
        if let Some(category) = &self.category {
            options = options.category(category);
        }
        if let Some(types) = &self.event_types {
            options = options.event_types(types);
        }
        options
    }

    /// Refuses a stream of links: its events are in the log under their own streams, so that a subscription to it would wait
    /// for ever.
    pub(crate) async fn check(&self, store: &EventStore, name: &str) -> Result<()> {
        let Some(stream_id) = &self.stream else { return Ok(()) };
        if !store.holds_links(stream_id).await? {
            return Ok(());
        }
        let reason = format!(
            "stream \"{}\" holds links, and the log has their events under their own streams; subscribe to those, or read the \
             links with `stream_events`",
            Escaped(stream_id.as_str())
        );
        Err(SubscriptionError::Invalid { name: name.to_owned(), reason }.into())
    }

    /// Whether an event satisfies the predicate, if there is one.
    pub(crate) fn matches_predicate(&self, event: &RecordedEvent) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| (predicate.test)(event))
    }
}

impl fmt::Display for Filter {
    /// Writes equal filters as equal text, which a durable subscription stores to compare filters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut conditions = Vec::new();
        if let Some(stream_id) = &self.stream {
            conditions.push(format!("stream {:?}", stream_id.as_str()));
        }
        if let Some(category) = &self.category {
            conditions.push(format!("category {category:?}"));
        }
        if let Some(types) = &self.event_types {
            let names: Vec<_> = types.iter().map(|name| format!("{name:?}")).collect();
            conditions.push(format!("types {}", names.join(" ")));
        }
        if let Some(predicate) = &self.predicate {
            conditions.push(format!("predicate {:?}", predicate.name));
        }
        if conditions.is_empty() {
            conditions.push("everything".to_owned());
        }
        f.write_str(&conditions.join(", "))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_filters_have_equal_text_and_different_filters_do_not() {
        let text = |filter: Filter| filter.to_string();
        assert_eq!(
            text(Filter::all().event_types(["b", "a", "b"])),
            text(Filter::all().event_types(["a", "b"]))
        );
        let different = [
            Filter::all(),
            Filter::all().category("a"),
            Filter::all().stream(StreamId::new("a").unwrap()),
            Filter::all().event_types(["a"]),
            Filter::all().event_types(["a\" \"b"]),
            Filter::all().event_types(["a", "b"]),
            Filter::all().event_types(Vec::<String>::new()),
            Filter::all().predicate("a", |_| true),
            Filter::all().category("a").predicate("a", |_| true),
        ];
        let texts: BTreeSet<_> = different.into_iter().map(text).collect();
        assert_eq!(texts.len(), 9, "{texts:?}");
    }
}
