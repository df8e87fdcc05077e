//! [`Passages`]: which events a subscription had passed before it was changed, and so are not handled again.
//!
//! A change keeps the places: what was handled is not handled again under another filter or in other partitions. An event
//! that was passed and matches only since is handled if the change asked for it. So the log is read again from where new
//! events were asked for, or from the partition that was furthest behind, and what was passed is left out.

use super::partitioning::{PartitionKey, Partitioning};
use crate::adapter::{AllOptions, Passed};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::registry::Registry;
use crate::subscription::Filter;
use crate::subscription::filter_text::Written;
use crate::value::Position;

/// All changes of a subscription, the latest last.
#[derive(Debug, Default)]
pub(super) struct Passages {
    passages: Vec<Passage>,
    /// Nothing after it was passed before the latest change.
    last: Position,
}

/// What was passed before one change.
#[derive(Debug)]
struct Passage {
    /// The filter until then, as a query for events in memory; its predicate, and the partitions, if their code is known.
    query: AllOptions,
    filter: Result<Filter, Unknown>,
    partitioning: Result<Partitioning, Unknown>,
    up_to: Vec<Position>,
    last: Position,
    new_after: Option<Position>,
}

/// What was passed cannot be told: the code of an earlier filter is not here. The text says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) String);

impl Passages {
    /// Reads what is stored; predicates and partition keys of the same name as those of now are the same.
    ///
    /// # Errors
    /// Those of the registry.
    pub(super) fn new(
        passed: Vec<Passed>,
        filter: &Filter,
        key: Option<&PartitionKey>,
    ) -> Result<Self> {
        let registry = Registry::global()?;
        let passages: Vec<Passage> =
            passed.into_iter().map(|it| Passage::new(it, filter, key, registry)).collect();
        let last = passages.iter().map(|passage| passage.last).max().unwrap_or_default();
        Ok(Self { passages, last })
    }

    /// Whether an event is left out: it was handled before a change, or was passed by one that did not ask for it.
    pub(super) fn skips(&self, event: &RecordedEvent) -> Result<bool, Unknown> {
        if event.position() > self.last {
            return Ok(false);
        }
        let mut was_passed = false;
        for passage in self.passages.iter().rev() {
            if !passage.covers(event)? {
                continue;
            }
            // The latest change that the event was passed before decides whether it is asked for.
            let asked = || passage.new_after.is_some_and(|after| event.position() > after);
            if !was_passed && !asked() {
                return Ok(true);
            }
            was_passed = true;
            if passage.matches(event)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether an event was passed before a change, and is handled nevertheless.
    pub(super) fn is_asked_for(&self, event: &RecordedEvent) -> Result<bool, Unknown> {
        for passage in &self.passages {
            if passage.covers(event)? {
                return Ok(!self.skips(event)?);
            }
        }
        Ok(false)
    }

    /// Nothing after this position was passed before a change.
    pub(super) const fn last(&self) -> Position {
        self.last
    }

    /// Refuses passages that cannot be told for events after a position.
    pub(super) fn check(&self, from: Position) -> Result<(), Unknown> {
        for (at, passage) in self.passages.iter().enumerate() {
            if passage.last <= from {
                continue;
            }
            if !passage.is_even() {
                passage.partitioning.as_ref().map_err(Unknown::clone)?;
            }
            let later = self.passages.get(at..).unwrap_or_default();
            let asks = |it: &Passage| it.new_after.is_some_and(|after| after < passage.last);
            if later.iter().any(|it| it.last > from && asks(it)) {
                passage.filter.as_ref().map_err(Unknown::clone)?;
            }
        }
        Ok(())
    }
}

impl Passage {
    fn new(
        passed: Passed,
        filter: &Filter,
        key: Option<&PartitionKey>,
        registry: &Registry,
    ) -> Self {
        let Passed { filter: text, up_to, new_after, .. } = passed;
        let written = Written::parse(&text);
        let unreadable = || Unknown(format!("the filter `{text}` was written by another version"));
        let query = written.as_ref().map_or_else(Filter::all, |written| written.filter.clone());
        let query = query.with_current_names(registry).options().with_stored_names(registry);
        let predicate = match &written {
            None => Err(unreadable()),
            Some(Written { predicate: None, .. }) => Ok(Filter::all()),
            Some(Written { predicate: Some(name), .. })
                if filter.predicate_name() == Some(name) =>
            {
                Ok(Filter::all().with_predicate_of(filter))
            }
            Some(Written { predicate: Some(name), .. }) => {
                Err(Unknown(format!("the code of its earlier predicate {name:?}")))
            }
        };
        let count = u32::try_from(up_to.len()).unwrap_or(u32::MAX);
        let partitioning = match written.map(|written| written.partition_key) {
            None => Err(unreadable()),
            Some(None) => Ok(Partitioning { count, key: None }),
            Some(Some(name)) => match key.filter(|key| key.name == name) {
                Some(key) => Ok(Partitioning { count, key: Some(key.clone()) }),
                None => Err(Unknown(format!("the code of its earlier partition key {name:?}"))),
            },
        };
        let last = up_to.iter().max().copied().unwrap_or_default();
        Self { query, filter: predicate, partitioning, up_to, last, new_after }
    }

    /// Whether all partitions had come equally far.
    fn is_even(&self) -> bool {
        self.up_to.iter().all(|position| *position == self.last)
    }

    /// Whether the partition of an event had passed it.
    fn covers(&self, event: &RecordedEvent) -> Result<bool, Unknown> {
        if event.position() > self.last {
            return Ok(false);
        }
        if self.is_even() {
            return Ok(true);
        }
        let partitioning = self.partitioning.as_ref().map_err(Unknown::clone)?;
        let place = self.up_to.get(partitioning.of(event) as usize);
        Ok(place.is_some_and(|place| event.position() <= *place))
    }

    /// Whether the filter of that time selects an event.
    fn matches(&self, event: &RecordedEvent) -> Result<bool, Unknown> {
        let predicate = self.filter.as_ref().map_err(Unknown::clone)?;
        Ok(self.query.admits(event) && predicate.matches_predicate(event))
    }
}
