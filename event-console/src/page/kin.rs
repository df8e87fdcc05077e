//! [`Kin`]: what caused an event and what it caused. Causes are found by id. Effects have no index: they are looked for
//! among the events with the same correlation id, in a bounded part of the log after the event.

use std::collections::HashMap;

use event_core::{AllOptions, BatchSize, EventId, EventStore, Position, RecordedEvent};

use super::look::is_full;
use crate::failure::Failure;

/// The positions that one look is over.
pub(super) const WINDOW: u64 = 2_000;
/// The most causes that are followed.
const MOST_CAUSES: usize = 16;
/// The most effects that are shown.
const MOST_EFFECTS: u32 = 60;
/// The bytes of effects that are read at most.
const MOST_BYTES: usize = 4 << 20;
/// The deepest level that is drawn.
const MOST_DEPTH: usize = 8;

/// An event with its causes and effects.
pub(super) struct Kin {
    /// The first cause first, each effect after its cause.
    pub(super) rows: Vec<Row>,
    /// Whether a cause is named that is not there.
    pub(super) is_cause_missing: bool,
    /// Whether there are more effects than are shown.
    pub(super) is_cut: bool,
    /// Whether everything up to the end of the log was looked at.
    pub(super) reached_end: bool,
}

/// An event in the tree.
pub(super) struct Row {
    pub(super) event: RecordedEvent,
    pub(super) depth: usize,
    /// The row of its cause.
    pub(super) cause: Option<usize>,
}

impl Kin {
    /// Looks for them, in so many windows.
    pub(super) async fn of(
        store: &EventStore,
        event: &RecordedEvent,
        look: u64,
    ) -> Result<Self, Failure> {
        let (causes, is_cause_missing) = causes(store, event).await?;
        let correlation = event.metadata().correlation_id().map(std::borrow::Cow::into_owned);
        let correlation = correlation.unwrap_or_else(|| event.event_id().to_string());
        let up_to = event.position().get().saturating_add(WINDOW * look);
        let limit = BatchSize::new(MOST_EFFECTS).unwrap_or_default();
        let options = AllOptions::new()
            .after(event.position())
            .up_to(Position::new(up_to))
            .correlation_id(correlation)
            .limit(limit)
            .limit_bytes(MOST_BYTES);
        let effects = store.read_all(options.clone()).await?;
        let is_cut = match effects.last() {
            Some(last) if is_full(&effects, MOST_EFFECTS, MOST_BYTES) => {
                let next =
                    options.after(last.position()).limit(BatchSize::new(1).unwrap_or_default());
                !store.read_all(next).await?.is_empty()
            }
            _ => false,
        };
        let reached_end = store.head().await?.get() <= up_to;
        let rows = rows(causes, event, effects);
        Ok(Self { rows, is_cause_missing, is_cut, reached_end })
    }
}

/// The causes, the first one first; and whether the chain ends at one that is missing.
async fn causes(
    store: &EventStore,
    event: &RecordedEvent,
) -> Result<(Vec<RecordedEvent>, bool), Failure> {
    let mut causes: Vec<RecordedEvent> = Vec::new();
    while causes.len() < MOST_CAUSES {
        let effect = causes.last().unwrap_or(event);
        let Some(id) = effect.metadata().causation_id() else { break };
        // The id may be that of a command, which is not stored.
        let Ok(id) = id.parse::<EventId>() else { break };
        if id == event.event_id() || causes.iter().any(|cause| cause.event_id() == id) {
            break;
        }
        let Some(cause) = store.read_event(id).await? else {
            causes.reverse();
            return Ok((causes, true));
        };
        causes.push(cause);
    }
    causes.reverse();
    Ok((causes, false))
}

/// The chain of causes, the event, and below it what it caused.
fn rows(
    causes: Vec<RecordedEvent>,
    event: &RecordedEvent,
    effects: Vec<RecordedEvent>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for cause in causes.into_iter().chain([event.clone()]) {
        let above = rows.len().checked_sub(1);
        rows.push(Row { event: cause, depth: rows.len().min(MOST_DEPTH), cause: above });
    }
    let mut by_cause: HashMap<EventId, Vec<RecordedEvent>> = HashMap::new();
    for effect in effects {
        let cause = effect.metadata().causation_id().and_then(|id| id.parse().ok());
        if let Some(cause) = cause {
            by_cause.entry(cause).or_default().push(effect);
        }
    }
    let mut next = vec![rows.len() - 1];
    while let Some(at) = next.pop() {
        let (id, depth) = (rows[at].event.event_id(), rows[at].depth);
        // Each is removed once: a circle ends.
        for effect in by_cause.remove(&id).unwrap_or_default() {
            let row = Row { event: effect, depth: (depth + 1).min(MOST_DEPTH), cause: Some(at) };
            rows.push(row);
            next.push(rows.len() - 1);
        }
    }
    in_order(rows)
}

/// Sorts the rows so that each effect follows its cause, before the next sibling.
fn in_order(rows: Vec<Row>) -> Vec<Row> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    for (at, row) in rows.iter().enumerate() {
        if let Some(cause) = row.cause {
            children[cause].push(at);
        }
    }
    let mut order = Vec::with_capacity(rows.len());
    let mut next = vec![0];
    while let Some(at) = next.pop() {
        order.push(at);
        next.extend(children[at].iter().rev());
    }
    let mut place = vec![0; rows.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let mut sorted: Vec<(usize, Row)> = rows.into_iter().enumerate().collect();
    sorted.sort_by_key(|(old, _)| place[*old]);
    let moved =
        sorted.into_iter().map(|(_, row)| Row { cause: row.cause.map(|it| place[it]), ..row });
    moved.collect()
}
