//! [`ParkedScreen`]: the parked events of a subscription.

use event_core::Position;
use event_core::adapter::{ParkedEvent, SubscriptionKey};
use event_core::subscription::SubscriptionInfo;

use crate::browse::pages::Pages;

/// The parked events of one subscription.
#[derive(Debug, Clone)]
pub(in crate::browse) struct ParkedScreen {
    pub(in crate::browse) subscription: SubscriptionKey,
    pub(in crate::browse) list: Pages<ParkedEvent, Position>,
}

impl ParkedScreen {
    pub(in crate::browse) fn new(subscription: SubscriptionKey) -> Self {
        Self { subscription, list: Pages::new(Position::START) }
    }
}

/// Which subscription it is.
pub(in crate::browse) fn key_of(info: &SubscriptionInfo) -> SubscriptionKey {
    SubscriptionKey { tenant: info.tenant.clone(), name: info.name.clone() }
}
