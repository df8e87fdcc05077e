//! [`SubscriptionError`]: what can be wrong with a durable subscription.

use crate::error::{BoxError, Category, EventLocation};
use crate::value::Escaped;

/// What is wrong with a durable subscription, or stopped it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Nothing is stored under the name.
    #[error("there is no subscription \"{}\"; it was deleted, or never opened", Escaped(name))]
    NotFound {
        /// The name.
        name: String,
    },
    /// The name belongs to a subscription that differs in what never changes.
    #[error(
        "subscription \"{}\" exists with {stored}, not with {wanted}; choose another name, or delete it first",
        Escaped(name)
    )]
    Conflict {
        /// The name.
        name: String,
        /// What is stored: its filter, or its number of parts.
        stored: String,
        /// What it was opened with.
        wanted: String,
    },
    /// A name or a setting that cannot be.
    #[error("subscription \"{}\" cannot be: {reason}", Escaped(name))]
    Invalid {
        /// The name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Another consumer has the partition now: nothing that this one still does to it counts.
    #[error(
        "partition {partition} of subscription \"{}\" belongs to another consumer now",
        Escaped(name)
    )]
    LeaseLost {
        /// The name.
        name: String,
        /// The partition.
        partition: u32,
    },
    /// An event could not be handled, and the policy says to stop there. It is the next one when the subscription is
    /// opened again.
    #[error("subscription \"{}\" stopped at {at}, tried {attempts} times", Escaped(name))]
    Stopped {
        /// The name.
        name: String,
        /// The event.
        at: Box<EventLocation>,
        /// How often it was tried.
        attempts: u32,
        /// Why it could not be handled.
        source: BoxError,
    },
}

impl SubscriptionError {
    /// Stable text for logs and wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "subscription_not_found",
            Self::Conflict { .. } => "subscription_conflict",
            Self::Invalid { .. } => "invalid_subscription",
            Self::LeaseLost { .. } => "lease_lost",
            Self::Stopped { .. } => "subscription_stopped",
        }
    }

    /// The seed's family.
    pub const fn category(&self) -> Category {
        match self {
            Self::Conflict { .. } | Self::Invalid { .. } => Category::Validation,
            Self::NotFound { .. } | Self::LeaseLost { .. } => Category::Concurrency,
            Self::Stopped { .. } => Category::Other,
        }
    }
}
