//! [`Digest`]: a checksum of the contents of a store, to compare it with another one.

use std::fmt;
use std::future::IntoFuture;

use crate::adapter::{
    AllOptions, BoxFuture, ListOptions, OwnedSnapshot, ReadOptions, StreamInfo, StreamState,
};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::store::EventStore;
use crate::value::{BatchSize, Scope};

/// A checksum of the contents of a store: streams with their versions and states, links with the events that they refer to, and
/// events in global order with tenant, stream, version, id, type, schema version, payload, metadata and time, byte for byte; on
/// request snapshots, too. Of the positions only the order counts. It detects accidental differences, not deliberate ones.
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
    /// The number of links.
    pub links: u64,
    /// The number of snapshots, if they were asked for.
    pub snapshots: u64,
    hash: u128,
}

/// A digest that is taken when it is awaited; [`EventStore::digest`] creates it.
#[derive(Debug)]
#[must_use = "nothing is read before it is awaited"]
pub struct TakeDigest<'s> {
    store: &'s EventStore,
    snapshots: bool,
}

impl EventStore {
    /// Reads everything that this handle sees, and returns its checksum; `all_tenants()` sees everything.
    ///
    /// # Errors
    /// When awaited: as [`EventStore::read_all`] and [`EventStore::list_streams`].
    pub const fn digest(&self) -> TakeDigest<'_> {
        TakeDigest { store: self, snapshots: false }
    }
}

/// The number of streams whose snapshots are held in memory at a time: a state may be large.
const SNAPSHOTS: usize = 64;

impl TakeDigest<'_> {
    /// Includes snapshots: the states, and what they include. Two stores with the same events may well have taken different
    /// ones.
    pub const fn snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    async fn take(self) -> Result<Digest> {
        let Self { store, snapshots } = self;
        let mut digest = Digest::new();
        let mut options = ListOptions::new().deleted().limit(BatchSize::MAX);
        loop {
            let page = store.list_streams(options.clone()).await?;
            for info in &page {
                digest.stream(info);
                if info.holds_links {
                    digest.links_of(store, info).await?;
                }
            }
            for streams in page.chunks(SNAPSHOTS).filter(|_| snapshots) {
                digest.snapshots_of(store, streams).await?;
            }
            match page.last() {
                Some(last) => options = options.after(last),
                None => break,
            }
        }
        let mut events = store.all_events(AllOptions::new());
        while let Some(event) = events.next().await {
            digest.event(event?.intact()?);
        }
        Ok(digest)
    }
}

impl<'s> IntoFuture for TakeDigest<'s> {
    type Output = Result<Digest>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.take())
    }
}

impl Digest {
    const fn new() -> Self {
        Self { streams: 0, events: 0, links: 0, snapshots: 0, hash: OFFSET }
    }

    /// The links of a stream, by the events that they refer to.
    async fn links_of(&mut self, store: &EventStore, info: &StreamInfo) -> Result<()> {
        let scope = Scope { tenant: info.tenant.clone(), ..store.scope().clone() };
        let store = store.with_scope(scope);
        let mut links = store.stream_events(&info.stream_id, ReadOptions::forward());
        while let Some(link) = links.next().await {
            let link = match link {
                // The stream was deleted after it was listed.
                Err(Error::StreamDeleted { .. }) => return Ok(()),
                link => link?,
            };
            self.links += 1;
            self.number(link.stream_version().get());
            self.bytes(link.event_id().as_uuid().as_bytes());
        }
        Ok(())
    }

    async fn snapshots_of(&mut self, store: &EventStore, streams: &[StreamInfo]) -> Result<()> {
        let names: Vec<_> =
            streams.iter().map(|info| (info.tenant.clone(), info.stream_id.clone())).collect();
        let operation = store.operation("load_snapshots", None);
        let mut found = operation.run(|_| store.adapter().snapshots().of_streams(&names)).await?;
        let key = |it: &OwnedSnapshot| {
            (it.tenant.clone(), it.stream_id.clone(), it.snapshot.kind.clone())
        };
        found.sort_by_key(key);
        for OwnedSnapshot { tenant, stream_id, snapshot } in &found {
            self.snapshots += 1;
            self.text(tenant.as_str());
            self.text(stream_id.as_str());
            self.text(&snapshot.kind);
            self.number(snapshot.version.get().into());
            self.number(snapshot.shape);
            self.number(snapshot.stream_version.get());
            self.bytes(snapshot.event_id.as_uuid().as_bytes());
            self.text(snapshot.data.get());
        }
        Ok(())
    }

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
        let Self { streams, events, links, snapshots, hash } = self;
        write!(f, "{hash:032x} ({streams} streams, {events} events, {links} links")?;
        if *snapshots > 0 {
            write!(f, ", {snapshots} snapshots")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_with_128_bits() {
        let mut digest = Digest::new();
        digest.bytes(b"a");
        assert_eq!(digest.hash, 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(
            digest.to_string(),
            "d228cb696f1a8caf78912b704e4a8964 (0 streams, 0 events, 0 links)"
        );
    }
}
