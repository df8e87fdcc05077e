//! [`Snapshots`]: how snapshots of an aggregate are taken, so that recovery reads only later events.
//!
//! A snapshot has a kind, a schema version and a hash of its shape. One with another version or shape is stale, and is not
//! decoded.

use std::fmt;
use std::num::NonZeroU64;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::event::{EncodeError, encode_proven};
use crate::shape::{Shape, form_of};
use crate::value::EventVersion;

/// How snapshots of an aggregate are taken: the value of [`Aggregate::SNAPSHOTS`](crate::Aggregate::SNAPSHOTS).
///
/// The state is encoded with serde and derives [`Shape`]. Raise the version whenever its fields or their meaning change. A changed
/// shape is detected by its hash even if the version was not raised. Fields that serde skips are not in the snapshot. A state
/// that would not read back as it is, such as one with a NaN, is not saved, and the report says so.
///
/// ```
/// use event_core::{Aggregate, Shape, Snapshots};
/// # use event_core::{Event, EventSet, EventStore, EventVersion, ExpectedVersion, RecordedEvent, Result, StreamId};
/// # use event_core::registry::Registration;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Moved { by: i64 }
/// # impl Event for Moved { const TYPE: &'static str = "moved"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # enum AccountEvent { Moved(Moved) }
/// # impl EventSet for AccountEvent {
/// #     const TYPES: &'static [&'static str] = &["moved"];
/// #     const REGISTRATIONS: &'static [Registration] = &[Registration::of::<Moved>()];
/// #     fn decode(recorded: &RecordedEvent) -> Result<Self> { recorded.decode().map(Self::Moved) }
/// #     fn as_event(&self) -> Option<&dyn event_core::AnyEvent> { let Self::Moved(moved) = self; Some(moved) }
/// # }
/// #[derive(Default, serde::Serialize, serde::Deserialize, Shape)]
/// struct Account { balance: i64 }
///
/// impl Aggregate for Account {
///     type Event = AccountEvent;
///     const SNAPSHOTS: Option<Snapshots<Self>> = Some(Snapshots::new("account", 1).every(100));
///
///     fn apply(&mut self, event: AccountEvent) {
///         let AccountEvent::Moved(moved) = event;
///         self.balance += moved.by;
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let store = EventStore::in_memory()?;
/// # let account = StreamId::new("account-1")?;
/// # store.append(&account, ExpectedVersion::NoStream, vec![Moved { by: 1 }; 250]).await?;
///
/// let first = store.recover::<Account>(&account).await?;
/// assert_eq!((first.report.applied, first.report.saved_snapshot.map(|at| at.get())), (250, Some(250)));
///
/// # store.append(&account, ExpectedVersion::Any, [Moved { by: 2 }]).await?;
/// let second = store.recover::<Account>(&account).await?; // one event later
/// assert_eq!((second.report.applied, second.state.balance), (1, 252));
/// # Ok(()) }
/// ```
pub struct Snapshots<A> {
    kind: &'static str,
    version: EventVersion,
    every: Option<NonZeroU64>,
    encode: fn(&A) -> Result<Box<RawValue>, EncodeError>,
    decode: fn(&RawValue) -> serde_json::Result<A>,
    shape: fn() -> u64,
}

impl<A> Snapshots<A> {
    /// Snapshots of this kind and schema version. Without [`every`](Self::every) only
    /// [`EventStore::snapshot`](crate::EventStore::snapshot) takes them.
    ///
    /// The kind is stored and must not change: 1 to 255 of the characters `a`-`z`, `0`-`9`, `_` and `.`. Versions start at 1.
    ///
    /// # Panics
    /// For any other kind or version; in a `const` this is a compile error.
    pub const fn new(kind: &'static str, version: u32) -> Self
    where
        A: Serialize + DeserializeOwned + Shape,
    {
        let bytes = kind.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 255, "a kind has 1 to 255 characters");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'),
                "a kind consists of a-z, 0-9, `_` and `.`"
            );
            at += 1;
        }
        Self {
            kind,
            version: EventVersion::new(version),
            every: None,
            encode: encode_proven::<A>,
            decode: |data| serde_json::from_str(data.get()),
            shape: || form_of::<A>().fingerprint(),
        }
    }

    /// Saves a snapshot after each recovery that applied at least this many events. 0 counts as 1.
    #[must_use]
    pub const fn every(mut self, events: u64) -> Self {
        self.every = Some(match NonZeroU64::new(events) {
            Some(events) => events,
            None => NonZeroU64::MIN,
        });
        self
    }

    /// The kind, which names the state.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The schema version of the state.
    pub const fn version(&self) -> EventVersion {
        self.version
    }

    /// Whether a recovery that applied this many events saves a snapshot.
    pub(crate) fn is_due(&self, events: u64) -> bool {
        self.every.is_some_and(|every| events >= every.get())
    }

    /// The hash of the state's shape.
    pub(crate) fn shape(&self) -> u64 {
        (self.shape)()
    }

    pub(crate) fn encode(&self, state: &A) -> Result<Box<RawValue>, EncodeError> {
        (self.encode)(state)
    }

    pub(crate) fn decode(&self, data: &RawValue) -> serde_json::Result<A> {
        (self.decode)(data)
    }
}

impl<A> fmt::Debug for Snapshots<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, version, every, .. } = self;
        f.debug_struct("Snapshots")
            .field("kind", kind)
            .field("version", version)
            .field("every", every)
            .finish_non_exhaustive()
    }
}
