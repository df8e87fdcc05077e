//! [`SubscriptionInfo`]: what an operator sees of a durable subscription.

use std::time::Duration;

use crate::adapter::PartitionState;
use crate::value::{Position, Tenant};

/// A durable subscription, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Whose events it is about; none for everybody's.
    pub tenant: Option<Tenant>,
    /// Its name.
    pub name: String,
    /// Its filter, as text.
    pub filter: String,
    /// What it does.
    pub status: SubscriptionStatus,
    /// Why its last consumer gave up, if none went on since.
    pub stopped: Option<String>,
    /// How far all its partitions were handled.
    pub position: Position,
    /// Positions between there and the end of the log: at most so many events are left, its own and others'.
    pub lag: u64,
    /// How long ago the first event that was not looked at was recorded, by the store's clock; none when there is none.
    pub lag_time: Option<Duration>,
    /// Events that are put aside.
    pub parked: u64,
    /// Events that its policies left out.
    pub skipped: u64,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// One partition of a durable subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionInfo {
    /// How far it was handled.
    pub position: Position,
    /// Who holds it.
    pub owner: Option<String>,
}

/// What a durable subscription does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// Somebody consumes it.
    Running,
    /// Nobody does.
    Idle,
    /// Nobody may, until it is resumed.
    Paused,
    /// Its last consumer gave up.
    Stopped,
}

/// The partitions of each subscription together; they come by subscription.
pub(super) fn together(partitions: Vec<PartitionState>) -> Vec<SubscriptionInfo> {
    let mut list: Vec<SubscriptionInfo> = Vec::new();
    for state in partitions {
        let partition = PartitionInfo { position: state.position, owner: state.owner.clone() };
        let lag_time =
            state.behind_since.map(|since| (state.now - since).to_std().unwrap_or_default());
        let before = list.last_mut();
        let same = before.filter(|it| it.name == state.key.name && it.tenant == state.key.tenant);
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
