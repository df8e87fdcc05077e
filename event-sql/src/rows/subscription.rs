//! Rows of durable subscriptions: checkpoints, leases, parked events.

use event_core::adapter::{
    Checkpoint, DiscardedEvent, Heartbeat, Incarnation, Lease, ParkedEvent, PartitionState, Passed,
    Registered, Registration, SubscriptionKey,
};
use event_core::{Position, Result, Tenant};

use super::{Record, Values, checked};

/// A row of a subscription: `filter`, `partitions`, `incarnation`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn registration(values: &impl Values) -> Result<Registration> {
    let row = Record(values);
    let registered =
        Registered { filter: row.text("filter")?, partitions: row.small("partitions")? };
    Ok(Registration { incarnation: incarnation(values)?, registered })
}

/// The column `incarnation`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn incarnation(values: &impl Values) -> Result<Incarnation> {
    Record(values).count("incarnation").map(Incarnation::new)
}

/// A row of a subscription, as the answer to a heartbeat: `partitions`, `paused`, `replays`. The leases are not in it.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn heartbeat(values: &impl Values, members: u32, rank: u32) -> Result<Heartbeat> {
    let row = Record(values);
    Ok(Heartbeat {
        partitions: row.small("partitions")?,
        members,
        rank,
        paused: row.flag("paused")?,
        replays: row.count("replays")?,
        leases: Vec::new(),
        unrenewed: Vec::new(),
    })
}

/// A row of a lease: `partition`, `token`, the position of its checkpoint in the column `position`, `event_position`,
/// `event_id`. `None` where the partition is missing.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn lease(values: &impl Values, position: &'static str) -> Result<Option<Lease>> {
    let row = Record(values);
    let Some(partition) = row.optional("partition", Record::small)? else { return Ok(None) };
    let checkpoint = Checkpoint {
        position: row.position(position)?,
        event: row.event_at("event_id", "event_position")?,
    };
    Ok(Some(Lease { partition, token: row.count("token")?, checkpoint }))
}

/// A row of a change of a subscription: `incarnation`, `filter`, `up_to` as positions separated by commas, `new_after`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn passed(values: &impl Values) -> Result<Passed> {
    let row = Record(values);
    let position = |text: &str| checked(text.parse::<u64>().map(Position::new));
    Ok(Passed {
        incarnation: incarnation(values)?,
        filter: row.text("filter")?,
        up_to: row.text("up_to")?.split(',').map(position).collect::<Result<_>>()?,
        new_after: row.optional("new_after", Record::position)?,
    })
}

/// A row of a parked event.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn parked_event(values: &impl Values) -> Result<ParkedEvent> {
    let row = Record(values);
    Ok(ParkedEvent {
        position: row.position("position")?,
        event_id: row.event_id("event_id")?,
        partition: row.small("partition")?,
        attempts: row.small("attempts")?,
        error: row.text("error")?,
        parked_at: row.time("parked_at")?,
        replay: row.flag("replay")?,
    })
}

/// A row of a discarded event: that of the parked one, `reason`, `discarded_at`.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn discarded_event(values: &impl Values) -> Result<DiscardedEvent> {
    let row = Record(values);
    Ok(DiscardedEvent {
        parked: parked_event(values)?,
        reason: row.text("reason")?,
        discarded_at: row.time("discarded_at")?,
    })
}

/// A row of the list of partitions.
///
/// # Errors
/// [`Error::Corrupt`](event_core::Error::Corrupt).
pub fn partition_state(values: &impl Values) -> Result<PartitionState> {
    let row = Record(values);
    let tenant = row.text("tenant")?;
    let tenant = if tenant.is_empty() { None } else { Some(Tenant::new(tenant)?) };
    Ok(PartitionState {
        key: SubscriptionKey { tenant, name: row.text("name")? },
        filter: row.text("filter")?,
        paused: row.flag("paused")?,
        stopped: row.optional("stopped", Record::text)?,
        parked: row.count("parked")?,
        partition: row.small("partition")?,
        position: row.position("position")?,
        skipped: row.count("skipped")?,
        owner: row.optional("owner", Record::text)?,
        lag: row.count("lag")?,
        behind_since: row.optional("behind_since", Record::time)?,
        now: row.time("now")?,
    })
}
