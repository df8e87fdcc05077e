//! [`Partitioning`]: to which partition an event belongs.

use std::fmt;
use std::sync::Arc;

use crate::envelope::RecordedEvent;

/// A partition key of the application's own, with the name that identifies it.
#[derive(Clone)]
pub(super) struct PartitionKey {
    pub(super) name: String,
    of: Arc<dyn Fn(&RecordedEvent) -> String + Send + Sync>,
}

impl PartitionKey {
    pub(super) fn new(
        name: String,
        of: impl Fn(&RecordedEvent) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { name, of: Arc::new(of) }
    }
}

impl fmt::Debug for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PartitionKey").field(&self.name).finish()
    }
}

/// How the events of a subscription are divided.
#[derive(Debug, Clone)]
pub(super) struct Partitioning {
    pub(super) count: u32,
    /// By stream without one, so that the order within a stream is kept.
    pub(super) key: Option<PartitionKey>,
}

impl Partitioning {
    /// The partition of an event. Never changes, and is the same on every backend: FNV-1a of tenant, NUL and key, modulo the
    /// number of partitions.
    pub(super) fn of(&self, event: &RecordedEvent) -> u32 {
        if self.count <= 1 {
            return 0;
        }
        match &self.key {
            None => self.partition(event, event.stream_id().as_str()),
            Some(key) => self.partition(event, &(key.of)(event)),
        }
    }

    fn partition(&self, event: &RecordedEvent, key: &str) -> u32 {
        let bytes = event.tenant().as_str().bytes().chain([0]).chain(key.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        u32::try_from(hash % u64::from(self.count)).unwrap_or_default()
    }
}
