//! [`Error`]: the errors of a store, each with a stable code and a category.
//!
//! The errors of value constructors convert into it. A message describes the failed operation; the cause is in
//! `source()` and is not repeated.

mod causes;
mod classify;
mod context;
mod make;
mod subscription;
mod words;

use std::error::Error as StdError;
use std::fmt;

pub use self::causes::with_causes;
pub use self::context::{Context, Tries};
pub use self::subscription::SubscriptionError;
use self::words::{
    after_retries, at_index, at_location, at_path, encoded_place, expected_of, id_list, instead,
    mixed, of_stream, of_type, of_version, tenant_list,
};
use crate::event::DecodeError;
use crate::registry::RegistryErrors;
use crate::value::{
    Escaped, EventId, EventVersion, ExpectedVersion, InvalidBatchSize, InvalidStartVersion,
    InvalidStreamId, InvalidTenant, Position, StreamId, StreamVersion, Tenant,
};

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A boxed error of another library or of the application.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The category of an error: decides who handles it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Invalid input: the caller must change it.
    Validation,
    /// The state of the store is not as expected: the caller reads it again and decides.
    Concurrency,
    /// A failure of the store, the network or stored data: an operator acts.
    Infrastructure,
    /// An event or aggregate that breaks its rules, or is not registered.
    Domain,
    /// Any other failure.
    Other,
}

/// The location of a stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLocation {
    /// The stream.
    pub stream_id: StreamId,
    /// The event's number in the stream, from 1.
    pub stream_version: StreamVersion,
    /// The event's position in the global order.
    pub position: Position,
}

impl fmt::Display for EventLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream_id, stream_version, position } = self;
        let stream_id = Escaped(stream_id.as_str());
        write!(f, "version {stream_version} of stream \"{stream_id}\", position {position}")
    }
}

/// An error of a store.
///
/// [`code`](Self::code) is a stable identifier for logs and the wire, [`category`](Self::category) tells who handles the
/// error, and [`is_transient`](Self::is_transient) whether the same call may succeed later. A store has already retried
/// a transient error when it returns one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A string is not a valid stream id.
    #[error(transparent)]
    InvalidStreamId(#[from] InvalidStreamId),
    /// A string is not a valid tenant.
    #[error(transparent)]
    InvalidTenant(#[from] InvalidTenant),
    /// A start version is above the maximum.
    #[error(transparent)]
    InvalidStartVersion(#[from] InvalidStartVersion),
    /// The size of a page or an append is out of range.
    #[error(transparent)]
    InvalidBatchSize(#[from] InvalidBatchSize),
    /// A store URL is malformed or not supported.
    #[error("cannot open a store at \"{}\": {reason}", Escaped(given))]
    InvalidUrl {
        /// The URL, without its password.
        given: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// The stream is not at the expected version; nothing was written. Reload the stream and decide again.
    #[error("stream \"{}\" is at version {actual}, expected {expected}{context}", Escaped(stream_id.as_str()))]
    WrongExpectedVersion {
        /// The stream.
        stream_id: StreamId,
        /// The expected version.
        expected: ExpectedVersion,
        /// The version of the stream; 0 if it does not exist.
        actual: StreamVersion,
        /// The scope of the operation.
        context: Context,
    },
    /// The stream does not exist.
    #[error("stream \"{}\" does not exist{context}", Escaped(stream_id.as_str()))]
    StreamNotFound {
        /// The stream.
        stream_id: StreamId,
        /// The scope of the operation.
        context: Context,
    },
    /// The stream was deleted; its name cannot be used again.
    #[error("stream \"{}\" is deleted{context}", Escaped(stream_id.as_str()))]
    StreamDeleted {
        /// The stream.
        stream_id: StreamId,
        /// The scope of the operation.
        context: Context,
    },
    /// The stream is archived: it can be read but not appended to.
    #[error("stream \"{}\" is archived and read-only{context}", Escaped(stream_id.as_str()))]
    StreamArchived {
        /// The stream.
        stream_id: StreamId,
        /// The scope of the operation.
        context: Context,
    },
    /// A stream holds either events or links to events of other streams, not both; nothing was written.
    #[error("{}{context}", mixed(stream_id, *holds_links))]
    MixedStream {
        /// The stream.
        stream_id: StreamId,
        /// Whether the stream holds links and an append was rejected; otherwise it holds events and a link was rejected.
        holds_links: bool,
        /// The scope of the operation.
        context: Context,
    },
    /// Events to link are not stored; nothing was written.
    #[error("cannot link to stream \"{}\", events not found: {}{context}", Escaped(stream_id.as_str()), id_list(event_ids))]
    EventsNotFound {
        /// The stream of links.
        stream_id: StreamId,
        /// The ids that are not stored, in the order of the call.
        event_ids: Vec<EventId>,
        /// The scope of the operation.
        context: Context,
    },
    /// Imported data conflicts with the store or with itself; nothing of its batch was written.
    #[error("cannot import{}: {reason}{context}", of_stream(stream_id.as_ref()))]
    InvalidImport {
        /// The stream, if the problem concerns a single one.
        stream_id: Option<StreamId>,
        /// What conflicts, and what to do.
        reason: String,
        /// The scope of the operation.
        context: Context,
    },
    /// A line of an export is malformed; nothing of its batch was written.
    #[error("line {line}, column {column}: {reason}")]
    InvalidLine {
        /// The number of the line, from 1.
        line: u64,
        /// The column in bytes, from 1; 0 for the whole line.
        column: usize,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The append would exceed the stream limit; nothing was written.
    #[error("stream \"{}\" holds {actual} events, this append would exceed its limit of {limit}; archive it, or start a new stream{context}", Escaped(stream_id.as_str()))]
    StreamLimitReached {
        /// The stream.
        stream_id: StreamId,
        /// The maximum number of events in a stream.
        limit: u64,
        /// The number of events in the stream.
        actual: u64,
        /// The scope of the operation.
        context: Context,
    },
    /// An event id of the append belongs to another event; nothing was written.
    #[error("event ids of the append to stream \"{}\" are taken: {reason}{context}", Escaped(stream_id.as_str()))]
    EventIdConflict {
        /// The stream of the append.
        stream_id: StreamId,
        /// One of the conflicting ids, if it is known.
        event_id: Option<EventId>,
        /// What the ids conflict with.
        reason: &'static str,
        /// The scope of the operation.
        context: Context,
    },
    /// The store could not be reached, or its response was lost. Transient.
    #[error("could not {operation}{}{context}", after_retries(*retries))]
    Connection {
        /// The operation, to follow "could not": "append to the stream".
        operation: &'static str,
        /// How often the operation was retried.
        retries: u32,
        /// The driver's error.
        source: BoxError,
        /// The scope of the operation.
        context: Context,
    },
    /// The store has no capacity for this call; nothing was sent. Transient.
    #[error("could not {operation}: {reason}{}{context}", after_retries(*retries))]
    Overloaded {
        /// The operation, to follow "could not".
        operation: &'static str,
        /// How often the operation was retried.
        retries: u32,
        /// Which limit was reached.
        reason: String,
        /// The scope of the operation.
        context: Context,
    },
    /// An event could not be encoded; nothing was written.
    #[error("could not encode event `{event_type}`{}{}", encoded_place(source), at_index(*index))]
    Serialization {
        /// The index of the event in the append, from 0.
        index: Option<usize>,
        /// The type string.
        event_type: String,
        /// The encoder's error.
        source: BoxError,
    },
    /// Stored data could not be decoded.
    #[error("could not decode event `{event_type}` {version}{}{}{context}", at_location(at.as_deref()), at_path(source.json_path()))]
    Deserialization {
        /// The stored type string.
        event_type: String,
        /// The stored version.
        version: EventVersion,
        /// The location of the event, if it is stored.
        at: Option<Box<EventLocation>>,
        /// The cause.
        source: Box<DecodeError>,
        /// The scope of the operation.
        context: Context,
    },
    /// A stored row holds a value that the store never writes.
    #[error("stored data is corrupt{}: {reason}", at_location(at.as_deref()))]
    Corrupt {
        /// The location of the event, if it can be read.
        at: Option<Box<EventLocation>>,
        /// The invalid value and the rule it breaks.
        reason: String,
    },
    /// The stored version of an event is newer than this binary knows.
    #[error("event `{event_type}` is stored as {found}{}, this binary knows it up to {known}; deploy readers before writers", at_location(at.as_deref()))]
    FromTheFuture {
        /// The type string.
        event_type: String,
        /// The stored version.
        found: EventVersion,
        /// The newest version that this binary knows.
        known: EventVersion,
        /// The location of the event, if it is stored.
        at: Option<Box<EventLocation>>,
    },
    /// This binary does not know an event type, or a version of it.
    #[error("unknown event type `{}`{}{}; {}", Escaped(event_type), of_version(*version), at_location(at.as_deref()), expected_of(known))]
    UnknownEventType {
        /// The type string.
        event_type: String,
        /// The unknown version; `None` if the type is unknown.
        version: Option<EventVersion>,
        /// The known type strings, or the known versions of the type.
        known: Vec<String>,
        /// The location of the event, if it is stored.
        at: Option<Box<EventLocation>>,
    },
    /// An event, or an append as a whole, breaks a rule; nothing was written.
    #[error("event{}{} is not valid: {reason}{context}", of_type(event_type.as_deref()), at_index(*index))]
    InvalidEventData {
        /// The index of the event in the append, from 0; `None` for the append as a whole.
        index: Option<usize>,
        /// The type string; `None` for the append as a whole.
        event_type: Option<String>,
        /// The broken rule.
        reason: String,
        /// The scope of the operation.
        context: Context,
    },
    /// A payload could not be migrated between two versions.
    #[error("could not migrate the data")]
    Migration(#[source] Box<DecodeError>),
    /// The events of this binary are inconsistent.
    #[error(transparent)]
    Registry(#[from] RegistryErrors),
    /// An event is not allowed after the events before it in the stream.
    #[error("stream \"{}\" cannot be recovered: version {stream_version}: {reason}{context}", Escaped(stream_id.as_str()))]
    InvalidSequence {
        /// The stream.
        stream_id: StreamId,
        /// The version of the event.
        stream_version: StreamVersion,
        /// The rule that the event breaks.
        reason: String,
        /// The scope of the operation.
        context: Context,
    },
    /// The recovered aggregate is invalid.
    #[error("stream \"{}\", recovered to version {stream_version}, has an invalid state: {reason}{context}", Escaped(stream_id.as_str()))]
    InvalidState {
        /// The stream.
        stream_id: StreamId,
        /// The version of the last applied event.
        stream_version: StreamVersion,
        /// The rule that the state breaks.
        reason: String,
        /// The scope of the operation.
        context: Context,
    },
    /// The schema of the store is newer than this binary.
    #[error(
        "the store's schema is at version {found}, this binary knows it up to {known}; use a newer binary"
    )]
    IncompatibleSchema {
        /// The version of the schema.
        found: i64,
        /// The newest version that this binary knows.
        known: i64,
    },
    /// A durable subscription could not be opened, or stopped.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// The reader's position is not in this log: the store was restored from an older copy, replaced, or failed over to a
    /// server that lacks the last commits, and events that the reader has seen are gone.
    #[error(
        "\"{}\" is at position {position}, but {reason}: the log was restored or replaced; either empty its read model and start it from the beginning, or restore the log that it has read",
        Escaped(name)
    )]
    LogDiverged {
        /// The name of the subscription, the projection or the reader.
        name: String,
        /// Its position: that of its checkpoint, or of the last event that it has seen.
        position: Position,
        /// The last event that the reader has seen, where it is known.
        expected: Option<EventId>,
        /// The event that the log holds at that position instead, if any.
        found: Option<EventId>,
        /// How the log contradicts the place.
        reason: String,
    },
    /// Several tenants have a stream of this name, and the caller chose none.
    #[error("stream \"{}\" exists for several tenants ({}); name one", Escaped(stream_id.as_str()), tenant_list(tenants))]
    AmbiguousStream {
        /// The stream.
        stream_id: StreamId,
        /// The tenants that have a stream of this name.
        tenants: Vec<Tenant>,
    },
    /// Several tenants have an event with this id, and the caller chose none.
    #[error("event {event_id} exists for several tenants ({}); name one", tenant_list(tenants))]
    AmbiguousEvent {
        /// The id.
        event_id: EventId,
        /// The tenants that have an event with this id.
        tenants: Vec<Tenant>,
    },
    /// A setting of the store forbids the operation; nothing was done.
    #[error("could not {operation}: {reason}")]
    Forbidden {
        /// The operation, to follow "could not".
        operation: &'static str,
        /// The setting, and what to do instead.
        reason: &'static str,
    },
    /// The backend of the store does not have what was asked for; nothing was done.
    #[error("the backend `{backend}` cannot {operation}{}", instead(hint))]
    Unsupported {
        /// The operation, to follow "cannot": "copy the store".
        operation: &'static str,
        /// The name of the backend: `memory`.
        backend: &'static str,
        /// What to do instead; empty if there is nothing.
        hint: String,
    },
    /// A failure of the backend that no other variant describes.
    #[error("could not {operation}{context}")]
    Adapter {
        /// The operation, to follow "could not".
        operation: &'static str,
        /// The backend's error.
        source: BoxError,
        /// The scope of the operation.
        context: Context,
    },
}
