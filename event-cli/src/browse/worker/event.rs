//! Reads one event, and compares what is stored with what it reads as today.

use event_core::error::with_causes;
use event_core::{
    AllOptions, BatchSize, Error, EventStore, Position, RecordedEvent, Registry, Result,
};

use event_core::registry::Registration;

use super::scope::of_tenant;
use crate::browse::compare::Comparison;
use crate::browse::pretty::Pretty;
use crate::browse::request::{Answer, EventKey};
use crate::browse::rows::{EventPage, EventRow, Payload, exact_time};

/// Reads an event.
pub(super) async fn event(store: &EventStore, key: EventKey) -> Result<Answer> {
    let event = find(store, &key).await?;
    // A payload may be large, and its migrations are the program's own code.
    let page = tokio::task::spawn_blocking(move || page(&event)).await;
    let page = page.map_err(|error| Error::adapter("show the event", error.to_string()))?;
    Ok(Answer::Event(Box::new(page)))
}

async fn find(store: &EventStore, key: &EventKey) -> Result<RecordedEvent> {
    let scoped = match &key.tenant {
        Some(tenant) => of_tenant(store, tenant.clone()),
        None => store.clone(),
    };
    match scoped.read_event(key.id).await {
        Ok(Some(event)) if event.position() == key.position => return Ok(event),
        // Several tenants may use the id, and a damaged row may not be found by it: it is still at its position.
        Ok(_) | Err(Error::AmbiguousEvent { .. }) => {}
        Err(error) => return Err(error),
    }
    let before = Position::new(key.position.get().saturating_sub(1));
    let one = BatchSize::new(1).unwrap_or_default();
    let page = scoped.read_all(AllOptions::new().after(before).limit(one)).await?;
    let found = page.into_iter().find(|event| event.position() == key.position);
    found.ok_or_else(|| Error::adapter("read the event", "it is not there any more"))
}

fn page(event: &RecordedEvent) -> EventPage {
    let stored = Pretty::new(event.data().get());
    let payload = match event.decode_any().map(|latest| latest.to_json_any()) {
        Ok(Ok(latest)) => {
            let version = Registry::global().ok().and_then(|registry| {
                registry.latest(event.event_type()).ok().map(Registration::version)
            });
            let comparison = Comparison::new(stored, Pretty::new(latest.get()));
            Payload::Compared { comparison, latest: version }
        }
        Ok(Err(error)) => Payload::Unreadable { stored, reason: error.to_string() },
        Err(error) => Payload::Unreadable { stored, reason: with_causes(&error) },
    };
    let metadata = event.metadata();
    let metadata =
        if metadata.is_empty() { Pretty::default() } else { Pretty::new(metadata.as_json()) };
    EventPage {
        row: EventRow::from(event),
        facts: facts(event),
        correlation: event.metadata().correlation_id().map(Into::into),
        payload,
        metadata,
    }
}

fn facts(event: &RecordedEvent) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("type", format!("{} {}", event.event_type(), event.event_version())),
        ("stream", event.stream_id().to_string()),
        ("version", event.stream_version().to_string()),
        ("position", event.position().to_string()),
        ("recorded", exact_time(event.recorded_at())),
        ("id", event.event_id().to_string()),
        ("tenant", event.tenant().to_string()),
    ];
    if let Some((stream, version)) = event.origin() {
        facts.push(("linked from", format!("{stream} {version}")));
    }
    let metadata = event.metadata();
    let ids = [
        ("correlation", metadata.correlation_id()),
        ("causation", metadata.causation_id()),
        ("actor", metadata.actor_id()),
    ];
    facts.extend(ids.into_iter().filter_map(|(label, id)| Some((label, id?.into_owned()))));
    facts.push(("bytes", event.size().to_string()));
    if let Some(damage) = event.damage() {
        facts.insert(0, ("damage", damage.to_owned()));
    }
    facts
}
