//! Validated value types: names, numbers, ids, expected versions, metadata, scopes and the clock.
//!
//! Constructors validate, so an invalid value never reaches a store.

pub(crate) mod clock;
pub(crate) mod expected_version;
pub(crate) mod id;
pub(crate) mod metadata;
pub(crate) mod number;
pub(crate) mod printable;
pub(crate) mod scope;
pub(crate) mod stream_id;
pub(crate) mod version;

pub(crate) use self::clock::Clock;
pub(crate) use self::expected_version::{Conflict, ExpectedVersion};
pub(crate) use self::id::EventId;
pub(crate) use self::metadata::Metadata;
pub(crate) use self::number::{BatchSize, InvalidBatchSize, Position, StreamVersion};
pub(crate) use self::scope::Scope;
pub(crate) use self::stream_id::{InvalidStreamId, StreamId, Tenant};
pub(crate) use self::version::EventVersion;

pub use self::id::InvalidEventId;
pub use self::metadata::InvalidMetadata;
pub use self::number::{InvalidStartVersion, InvalidStoredNumber};
pub use self::printable::{Escaped, Printable};
pub use self::stream_id::InvalidTenant;
pub use self::version::InvalidEventVersion;
