//! [`Digest`]: a checksum of the contents of a store, to compare it with another one.

use std::fmt;

use crate::adapter::{AllOptions, ListOptions, StreamInfo, StreamState};
use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::store::EventStore;
use crate::value::BatchSize;

/// A checksum of the contents of a store: streams with their versions and states, and events in global order with tenant, stream,
/// version, id, type, schema version, payload, metadata and time, byte for byte. Of the positions only the order counts. It
/// detects accidental differences, not deliberate ones.
///
/// ```
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StreamId};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
/// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// let (store, other) = (EventStore::in_memory()?, EventStore::in_memory()?);
/// assert_eq!(store.digest().await?, other.digest().await?);
/// store.append(&StreamId::new("clock")?, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
/// let digest = store.digest().await?;
/// assert_eq!((digest.streams, digest.events), (1, 2));
/// assert_ne!(digest, other.digest().await?);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digest {
    /// The number of streams, including deleted ones.
    pub streams: u64,
    /// The number of events.
    pub events: u64,
    hash: u128,
}

impl EventStore {
    /// Reads everything that this handle sees, and returns its checksum; `all_tenants()` sees everything.
    ///
    /// # Errors
    /// As [`EventStore::read_all`] and [`EventStore::list_streams`].
    pub async fn digest(&self) -> Result<Digest> {
        let mut digest = Digest { streams: 0, events: 0, hash: OFFSET };
        let mut options = ListOptions::new().deleted().limit(BatchSize::MAX);
        loop {
            let page = self.list_streams(options.clone()).await?;
            for info in &page {
                digest.stream(info);
            }
            match page.last() {
                Some(last) => options = options.after(last),
                None => break,
            }
        }
        let mut events = self.all_events(AllOptions::new());
        while let Some(event) = events.next().await {
            digest.event(event?.intact()?);
        }
        Ok(digest)
    }
}

impl Digest {
    fn stream(&mut self, info: &StreamInfo) {
        let state: u64 = match info.state {
            StreamState::Active => 0,
            StreamState::Archived => 1,
            StreamState::SoftDeleted => 2,
            StreamState::HardDeleted => 3,
        };
        self.streams += 1;
        self.text(info.tenant.as_str());
        self.text(info.stream_id.as_str());
        self.number(info.version.get());
        self.number(info.first_version.get());
        self.number(state);
        self.number(info.holds_links.into());
    }

    fn event(&mut self, event: &RecordedEvent) {
        self.events += 1;
        self.text(event.tenant().as_str());
        self.text(event.stream_id().as_str());
        self.number(event.stream_version().get());
        self.bytes(event.event_id().as_uuid().as_bytes());
        self.text(event.event_type());
        self.number(event.event_version().get().into());
        self.text(event.data().get());
        self.text(event.metadata().as_json());
        self.number(event.recorded_at().timestamp_micros().cast_unsigned());
    }

    /// Hashes a text with its length, so that the boundary between two texts counts.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// FNV-1a with 128 bits, which gives the same hash on every machine and in every version.
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }
}

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x} ({} streams, {} events)", self.hash, self.streams, self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_with_128_bits() {
        let mut digest = Digest { streams: 0, events: 0, hash: OFFSET };
        digest.bytes(b"a");
        assert_eq!(digest.hash, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(digest.to_string(), "d228cb696f1a8caf78912b704e4a8964 (0 streams, 0 events)");
    }
}
