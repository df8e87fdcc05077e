//! [`Filter`]: which events a subscription is about.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::adapter::AllOptions;
use crate::envelope::RecordedEvent;
use crate::value::StreamId;

/// Which events a subscription gets. Whose they are is said by the store's scope: one tenant's, or everybody's under
/// [`EventStore::all_tenants`](crate::EventStore::all_tenants).
///
/// Category, stream and event types are asked of the backend; the predicate is asked here, of what passed them.
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

/// A condition in code, and what it is called.
#[derive(Clone)]
struct Predicate {
    name: String,
    holds: Arc<dyn Fn(&RecordedEvent) -> bool + Send + Sync>,
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only one stream.
    #[must_use]
    pub fn stream(mut self, stream_id: StreamId) -> Self {
        self.stream = Some(stream_id);
        self
    }

    /// Only streams of a category: the text before the first `-` of their name.
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Only events of these types, under every name that they were stored under; an empty list matches nothing.
    #[must_use]
    pub fn event_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.event_types = Some(types.into_iter().map(Into::into).collect());
        self
    }

    /// Only events for which a condition holds. The name stands for the condition where filters are compared: change it
    /// when the condition changes.
    #[must_use]
    pub fn predicate(
        mut self,
        name: impl Into<String>,
        holds: impl Fn(&RecordedEvent) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Predicate { name: name.into(), holds: Arc::new(holds) });
        self
    }

    /// What the backend is asked for.
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

    /// Whether the condition in code holds.
    pub(crate) fn holds(&self, event: &RecordedEvent) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| (predicate.holds)(event))
    }
}

impl fmt::Display for Filter {
    /// One text for each filter: what a durable subscription keeps of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut partitions = Vec::new();
        if let Some(stream_id) = &self.stream {
            partitions.push(format!("stream {:?}", stream_id.as_str()));
        }
        if let Some(category) = &self.category {
            partitions.push(format!("category {category:?}"));
        }
        if let Some(types) = &self.event_types {
            let names: Vec<_> = types.iter().map(|name| format!("{name:?}")).collect();
            partitions.push(format!("types {}", names.join(" ")));
        }
        if let Some(predicate) = &self.predicate {
            partitions.push(format!("predicate {:?}", predicate.name));
        }
        if partitions.is_empty() {
            partitions.push("everything".to_owned());
        }
        f.write_str(&partitions.join(", "))
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
    fn equal_filters_have_one_text_and_different_ones_do_not() {
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
