//! [`SubscriptionInfo`]: the state of a durable subscription, for operators.

use std::time::Duration;

use super::checkpoints::PartitionState;
use crate::value::{Position, Tenant};

/// The state of a durable subscription when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// The tenant whose events it delivers; `None` for the events of all tenants.
    pub tenant: Option<Tenant>,
    /// The name of the subscription.
    pub name: String,
    /// The text of its filter.
    pub filter: String,
    /// Whether it is consumed.
    pub status: SubscriptionStatus,
    /// The error that stopped its last consumer, if none was opened since.
    pub stopped: Option<String>,
    /// The position up to which all its partitions are handled.
    pub position: Position,
    /// The number of positions from there to the end of the log: an upper bound of the events that are left.
    pub lag: u64,
    /// The age, by the store's clock, of the first event after the position; `None` at the end of the log.
    pub lag_time: Option<Duration>,
    /// The number of parked events.
    pub parked: u64,
    /// The number of events skipped by its policies.
    pub skipped: u64,
    /// The partitions, in the order of their numbers.
    pub partitions: Vec<PartitionInfo>,
}

/// The state of one partition of a durable subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// The position up to which the partition is handled.
    pub position: Position,
    /// The consumer that holds its lease; `None` if it is free.
    pub owner: Option<String>,
}

/// Whether a durable subscription is consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// At least one consumer holds a partition.
    Running,
    /// No consumer holds a partition.
    Idle,
    /// Paused by an operator: no consumer can hold a partition until it is resumed.
    Paused,
    /// No consumer holds a partition, and the last one stopped with an error.
    Stopped,
}

impl SubscriptionStatus {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Running, "running"),
        (Self::Idle, "idle"),
        (Self::Paused, "paused"),
        (Self::Stopped, "stopped"),
    ];
}

/// Sets the gauges of subscriptions that were listed.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
pub(crate) fn measure(subscriptions: &[SubscriptionInfo]) {
    for it in subscriptions {
        let tenant = it.tenant.as_ref().map_or("", Tenant::as_str).to_owned();
        let labels = [("subscription", it.name.clone()), ("tenant", tenant.clone())];
        let seconds = it.lag_time.unwrap_or_default().as_secs_f64();
        metrics::gauge!("event_store_subscription_lag_events", &labels).set(it.lag as f64);
        metrics::gauge!("event_store_subscription_lag_seconds", &labels).set(seconds);
        metrics::gauge!("event_store_subscription_parked_events", &labels).set(it.parked as f64);
        for (status, state) in SubscriptionStatus::ALL {
            metrics::gauge!(
                "event_store_subscription_state",
                "subscription" => it.name.clone(), "tenant" => tenant.clone(), "state" => state
            )
            .set(f64::from(u8::from(it.status == status)));
        }
    }
}

/// Groups partitions by subscription; the store lists them in that order.
pub(crate) fn group(partitions: Vec<PartitionState>) -> Vec<SubscriptionInfo> {
    let mut list: Vec<SubscriptionInfo> = Vec::new();
    for state in partitions {
        let partition = PartitionInfo { position: state.position, owner: state.owner.clone() };
        let lag_time =
            state.behind_since.map(|since| (state.now - since).to_std().unwrap_or_default());
        let previous = list.last_mut();
        let same = previous.filter(|it| it.name == state.key.name && it.tenant == state.key.tenant);
        match same {
            Some(info) => {
                info.position = info.position.min(state.position);
                info.lag = info.lag.max(state.lag);
                info.lag_time = info.lag_time.max(lag_time);
                info.skipped += state.skipped;
                info.partitions.push(partition);
            }
            None => list.push(SubscriptionInfo {
                tenant: state.key.tenant,
                name: state.key.name,
                filter: state.filter,
                status: if state.paused {
                    SubscriptionStatus::Paused
                } else {
                    SubscriptionStatus::Idle
                },
                stopped: state.stopped,
                position: state.position,
                lag: state.lag,
                lag_time,
                parked: state.parked,
                skipped: state.skipped,
                partitions: vec![partition],
            }),
        }
    }
    for info in &mut list {
        if info.status == SubscriptionStatus::Idle {
            if info.partitions.iter().any(|partition| partition.owner.is_some()) {
                info.status = SubscriptionStatus::Running;
            } else if info.stopped.is_some() {
                info.status = SubscriptionStatus::Stopped;
            }
        }
    }
    list
}
