//! [`SubscriptionError`]: the errors of durable subscriptions.

use crate::error::{BoxError, Category, EventLocation};
use crate::value::Escaped;

/// Why a durable subscription could not be opened, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// No subscription of the name exists.
    #[error("subscription \"{}\" does not exist; it was deleted, or never opened", Escaped(name))]
    NotFound {
        /// The name of the subscription.
        name: String,
    },
    /// The subscription that this consumer belongs to was deleted, and another one was created under its name.
    #[error(
        "subscription \"{}\" was deleted and created again while this consumer was open: it belongs to the deleted one and \
         stores nothing any more; open the subscription again",
        Escaped(name)
    )]
    Replaced {
        /// The name of the subscription.
        name: String,
    },
    /// The subscription was changed, and this consumer was opened before that, or this change lost against another one.
    #[error(
        "subscription \"{}\" was changed meanwhile, and has {stored} now; what this consumer had acknowledged is kept: open it again \
         with these settings",
        Escaped(name)
    )]
    Changed {
        /// The name of the subscription.
        name: String,
        /// The filter and the number of partitions that are stored now.
        stored: String,
    },
    /// A subscription of the name exists with another filter, partition key or number of partitions.
    #[error(
        "subscription \"{}\" is registered with {stored}, not with {wanted}; to keep its checkpoints, call \
         `store.subscription(name).change()` with the new settings, then `.apply()`, which ends open consumers; under another \
         name, or after `delete`, events are delivered again, with their side effects",
        Escaped(name)
    )]
    Conflict {
        /// The name of the subscription.
        name: String,
        /// The stored filter or number of partitions.
        stored: String,
        /// The requested filter or number of partitions.
        wanted: String,
    },
    /// A parked event that was to be looked at, handled again or discarded is not parked any more, or is handled again.
    #[error("{event} of subscription \"{}\" {state}", Escaped(name))]
    NotParked {
        /// The name of the subscription.
        name: String,
        /// The event, by its id or its position.
        event: String,
        /// What became of it.
        state: String,
    },
    /// A name or a setting is out of range.
    #[error("subscription \"{}\" is invalid: {reason}", Escaped(name))]
    Invalid {
        /// The name of the subscription.
        name: String,
        /// The rule that is broken.
        reason: String,
    },
    /// Another consumer holds the lease of the partition: this one's acknowledgements are ignored.
    #[error(
        "partition {partition} of subscription \"{}\" belongs to another consumer now",
        Escaped(name)
    )]
    LeaseLost {
        /// The name of the subscription.
        name: String,
        /// The partition, from 0.
        partition: u32,
    },
    /// An event could not be handled, and the failure policy is to stop. Opened again, the subscription resumes with
    /// this event.
    #[error("subscription \"{}\" stopped at {at} after {attempts} attempts", Escaped(name))]
    Stopped {
        /// The name of the subscription.
        name: String,
        /// The location of the event.
        at: Box<EventLocation>,
        /// How often the event was delivered.
        attempts: u32,
        /// The error of the last attempt.
        source: BoxError,
    },
}

impl SubscriptionError {
    /// Returns the stable code of the error for logs and the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "subscription_not_found",
            Self::Replaced { .. } => "subscription_replaced",
            Self::Changed { .. } => "subscription_changed",
            Self::Conflict { .. } => "subscription_conflict",
            Self::NotParked { .. } => "not_parked",
            Self::Invalid { .. } => "invalid_subscription",
            Self::LeaseLost { .. } => "lease_lost",
            Self::Stopped { .. } => "subscription_stopped",
        }
    }

    /// Returns the category of the error.
    pub const fn category(&self) -> Category {
        match self {
            Self::Conflict { .. } | Self::Invalid { .. } => Category::Validation,
            Self::NotFound { .. }
            | Self::Replaced { .. }
            | Self::Changed { .. }
            | Self::NotParked { .. }
            | Self::LeaseLost { .. } => Category::Concurrency,
            Self::Stopped { .. } => Category::Other,
        }
    }
}
