//! [`Error`]: everything a store can answer instead of a result, in the seed's kinds.
//!
//! The small errors of constructors convert into it. A message says what *we* were doing; the cause is in
//! `source()` and is not repeated.

mod causes;
mod classify;
mod make;
mod subscription;

use std::error::Error as StdError;
use std::fmt;

pub use self::causes::with_causes;
pub use self::subscription::SubscriptionError;
use crate::event::DecodeError;
use crate::registry::RegistryErrors;
use crate::value::{
    Escaped, EventId, EventVersion, ExpectedVersion, InvalidBatchSize, InvalidStartVersion,
    InvalidStreamId, InvalidTenant, Position, Scope, StreamId, StreamVersion, Tenant,
};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause from elsewhere.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The seed's families of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Input that can never be right.
    Validation,
    /// A race that the caller decides about.
    Concurrency,
    /// The store, the network, or stored data.
    Infrastructure,
    /// The event itself.
    Domain,
    /// Anything else.
    Other,
}

/// The place of a stored event, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLocation {
    /// Its stream.
    pub stream_id: StreamId,
    /// Its number in the stream.
    pub stream_version: StreamVersion,
    /// Its place in the global order.
    pub position: Position,
}

impl fmt::Display for EventLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream_id, stream_version, position } = self;
        let stream_id = Escaped(stream_id.as_str());
        write!(f, "version {stream_version} of stream \"{stream_id}\", position {position}")
    }
}

/// The scope an operation ran in; kept by errors, shown where it says anything.
#[derive(Clone, Default)]
pub struct Context(Option<Box<Scope>>);

impl Context {
    /// The scope, if the operation had one.
    pub fn scope(&self) -> Option<&Scope> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |scope| write!(f, " [{scope}]"))
    }
}

/// What went wrong.
///
/// `code()` is stable text for logs and wire, `category()` the seed's family, `is_transient()` whether the same
/// call may succeed later; the store has then already retried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that cannot name a stream.
    #[error(transparent)]
    InvalidStreamId(#[from] InvalidStreamId),
    /// A text that cannot name a tenant.
    #[error(transparent)]
    InvalidTenant(#[from] InvalidTenant),
    /// A start that no store can hold.
    #[error(transparent)]
    InvalidStartVersion(#[from] InvalidStartVersion),
    /// A page or append of a size out of range.
    #[error(transparent)]
    InvalidBatchSize(#[from] InvalidBatchSize),
    /// A store URL that nothing can be made of.
    #[error("cannot open a store at \"{}\": {reason}", Escaped(given))]
    InvalidUrl {
        /// The URL, without its password.
        given: String,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// The stream is not at the version the writer claimed; nothing was written. Reload and decide again.
    #[error("stream \"{}\" is at version {actual}, expected {expected}{context}", Escaped(stream_id.as_str()))]
    WrongExpectedVersion {
        /// The stream.
        stream_id: StreamId,
        /// The claim.
        expected: ExpectedVersion,
        /// The true version, 0 if the stream does not exist.
        actual: StreamVersion,
        /// The scope.
        context: Context,
    },
    /// There is no such stream.
    #[error("stream \"{}\" does not exist{context}", Escaped(stream_id.as_str()))]
    StreamNotFound {
        /// The stream.
        stream_id: StreamId,
        /// The scope.
        context: Context,
    },
    /// The stream was deleted; its name stays taken.
    #[error("stream \"{}\" is deleted{context}", Escaped(stream_id.as_str()))]
    StreamDeleted {
        /// The stream.
        stream_id: StreamId,
        /// The scope.
        context: Context,
    },
    /// The stream is archived: it can be read, not written.
    #[error("stream \"{}\" is archived and takes no more events{context}", Escaped(stream_id.as_str()))]
    StreamArchived {
        /// The stream.
        stream_id: StreamId,
        /// The scope.
        context: Context,
    },
    /// A stream holds either events of its own or links to those of others; nothing was written.
    #[error("{}{context}", mixed(stream_id, *holds_links))]
    MixedStream {
        /// The stream.
        stream_id: StreamId,
        /// What it holds: links, and an append was refused; or events, and a link was.
        holds_links: bool,
        /// The scope.
        context: Context,
    },
    /// Events that were to be linked are not in the store; nothing was written.
    #[error("cannot link stream \"{}\" to events that the store does not hold: {}{context}", Escaped(stream_id.as_str()), id_list(event_ids))]
    EventsNotFound {
        /// The stream of links.
        stream_id: StreamId,
        /// All that are missing, in the order of the call.
        event_ids: Vec<EventId>,
        /// The scope.
        context: Context,
    },
    /// What is to be imported does not fit the store, or itself; nothing of its batch was written.
    #[error("cannot import{}: {reason}{context}", of_stream(stream_id.as_ref()))]
    InvalidImport {
        /// The stream at fault, where it is one.
        stream_id: Option<StreamId>,
        /// What does not fit, and what to do.
        reason: String,
        /// The scope.
        context: Context,
    },
    /// A line of an export that cannot be read; nothing of its batch was written.
    #[error("line {line}, column {column}: {reason}")]
    InvalidLine {
        /// Its number, from 1.
        line: u64,
        /// The place in it, from 1; 0 for the whole line.
        column: usize,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The append would pass the stream limit (S-21); nothing was written.
    #[error("stream \"{}\" holds {actual} events, this append would pass its limit of {limit}; archive it, or start a new one{context}", Escaped(stream_id.as_str()))]
    StreamLimitReached {
        /// The stream.
        stream_id: StreamId,
        /// The limit in events.
        limit: u64,
        /// The events it holds.
        actual: u64,
        /// The scope.
        context: Context,
    },
    /// An event id is already taken by another event.
    #[error("event ids of the append to stream \"{}\" are taken: {reason}{context}", Escaped(stream_id.as_str()))]
    EventIdConflict {
        /// The stream appended to.
        stream_id: StreamId,
        /// One of the ids, where it is known which.
        event_id: Option<EventId>,
        /// How they are taken.
        reason: &'static str,
        /// The scope.
        context: Context,
    },
    /// The store could not be reached, or the answer was lost. Transient.
    #[error("could not {operation}{}{context}", after_retries(*retries))]
    Connection {
        /// What we were doing: "append to stream …".
        operation: &'static str,
        /// How often it was tried again.
        retries: u32,
        /// The driver's words.
        source: BoxError,
        /// The scope.
        context: Context,
    },
    /// The store has no room for this call now; nothing was sent. Transient.
    #[error("could not {operation}: {reason}{}{context}", after_retries(*retries))]
    Overloaded {
        /// What we were doing.
        operation: &'static str,
        /// How often it was tried again.
        retries: u32,
        /// What is full.
        reason: String,
        /// The scope.
        context: Context,
    },
    /// An event could not be encoded; nothing was written.
    #[error("could not encode event `{event_type}`{}", at_index(*index))]
    Serialization {
        /// Its place in the append, from 0.
        index: Option<usize>,
        /// Its type.
        event_type: String,
        /// The encoder's words.
        source: BoxError,
    },
    /// Stored data could not be decoded.
    #[error("could not decode event `{event_type}` {version}{}{}{context}", at_location(at.as_deref()), at_path(source.json_path()))]
    Deserialization {
        /// Its stored type.
        event_type: String,
        /// Its stored version.
        version: EventVersion,
        /// Its place in the store.
        at: Option<Box<EventLocation>>,
        /// Why.
        source: Box<DecodeError>,
        /// The scope.
        context: Context,
    },
    /// A stored row that no store of this kind writes.
    #[error("stored data is corrupt{}: {reason}", at_location(at.as_deref()))]
    Corrupt {
        /// Its place, as far as it can be read.
        at: Option<Box<EventLocation>>,
        /// What cannot be.
        reason: String,
    },
    /// A stored version newer than this binary.
    #[error("event `{event_type}` is stored as {found}{}, this binary knows it up to {known}; deploy readers before writers", at_location(at.as_deref()))]
    FromTheFuture {
        /// Its type.
        event_type: String,
        /// The stored version.
        found: EventVersion,
        /// The newest this binary knows.
        known: EventVersion,
        /// Its place in the store.
        at: Option<Box<EventLocation>>,
    },
    /// A type, or a version of it, that this binary does not know.
    #[error("unknown event type `{}`{}{}; expected one of: {}", Escaped(event_type), of_version(*version), at_location(at.as_deref()), known.join(", "))]
    UnknownEventType {
        /// The type.
        event_type: String,
        /// The version, where the type is known and it is not.
        version: Option<EventVersion>,
        /// What is known: type strings, or versions.
        known: Vec<String>,
        /// Its place in the store.
        at: Option<Box<EventLocation>>,
    },
    /// An event, or an append, that breaks a rule; nothing was written.
    #[error("event{}{} is not valid: {reason}{context}", of_type(event_type.as_deref()), at_index(*index))]
    InvalidEventData {
        /// Its place in the append, from 0.
        index: Option<usize>,
        /// Its type.
        event_type: Option<String>,
        /// The rule.
        reason: String,
        /// The scope.
        context: Context,
    },
    /// A payload could not be migrated between two versions.
    #[error("could not migrate the data")]
    Migration(#[source] Box<DecodeError>),
    /// The events of this binary do not hold together.
    #[error(transparent)]
    Registry(#[from] RegistryErrors),
    /// The events of a stream cannot have happened in this order.
    #[error("stream \"{}\" cannot be recovered: version {stream_version}: {reason}{context}", Escaped(stream_id.as_str()))]
    InvalidSequence {
        /// The stream.
        stream_id: StreamId,
        /// The event at fault.
        stream_version: StreamVersion,
        /// The rule it breaks.
        reason: String,
        /// The scope.
        context: Context,
    },
    /// The recovered state breaks a rule of its own.
    #[error("stream \"{}\", recovered to version {stream_version}, is in a state that cannot be: {reason}{context}", Escaped(stream_id.as_str()))]
    InvalidState {
        /// The stream.
        stream_id: StreamId,
        /// The last event applied.
        stream_version: StreamVersion,
        /// The rule it breaks.
        reason: String,
        /// The scope.
        context: Context,
    },
    /// The schema of the store was written by a newer program.
    #[error(
        "the store's schema is at version {found}, this program knows it up to {known}; use a newer program"
    )]
    IncompatibleSchema {
        /// The schema's version.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// A durable subscription that is not as it was taken for, or that stopped.
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    /// The log is not the one that a checkpoint was made on: it was restored from an older copy, or replaced.
    #[error(
        "\"{}\" was at position {position}, but {reason}; this log is not the one it followed: let it begin anew",
        Escaped(name)
    )]
    LogDiverged {
        /// The subscription, or the projection.
        name: String,
        /// The place of its checkpoint.
        position: Position,
        /// What contradicts it.
        reason: String,
    },
    /// Several tenants have a stream of this name, and none was chosen.
    #[error("stream \"{}\" exists for several tenants ({}); name one", Escaped(stream_id.as_str()), tenant_list(tenants))]
    AmbiguousStream {
        /// The stream.
        stream_id: StreamId,
        /// Whose streams have the name.
        tenants: Vec<Tenant>,
    },
    /// The backend failed in a way of its own.
    #[error("could not {operation}{context}")]
    Adapter {
        /// What we were doing.
        operation: &'static str,
        /// The backend's words.
        source: BoxError,
        /// The scope.
        context: Context,
    },
}

fn after_retries(retries: u32) -> String {
    match retries {
        0 => String::new(),
        1 => " (tried again once)".into(),
        n => format!(" (tried again {n} times)"),
    }
}

fn tenant_list(tenants: &[Tenant]) -> String {
    tenants.iter().map(|tenant| Escaped(tenant.as_str()).to_string()).collect::<Vec<_>>().join(", ")
}

fn of_stream(stream_id: Option<&StreamId>) -> String {
    stream_id.map(|id| format!(" stream \"{}\"", Escaped(id.as_str()))).unwrap_or_default()
}

fn mixed(stream_id: &StreamId, holds_links: bool) -> String {
    let name = Escaped(stream_id.as_str());
    if holds_links {
        format!(
            "stream \"{name}\" holds links and takes no events of its own; append to another stream, and link to it"
        )
    } else {
        format!(
            "stream \"{name}\" holds events of its own and takes no links; choose another name for the links"
        )
    }
}

/// The first few; a long list helps nobody in a message.
fn id_list(ids: &[EventId]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<_> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match ids.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{more}", shown.join(", "))
}

fn at_index(index: Option<usize>) -> String {
    index.map(|index| format!(" (number {index} of the append, from 0)")).unwrap_or_default()
}

fn at_location(place: Option<&EventLocation>) -> String {
    place.map(|place| format!(" at {place}")).unwrap_or_default()
}

fn at_path(path: Option<&str>) -> String {
    path.map(|path| format!(", at `{path}` in its data")).unwrap_or_default()
}

fn of_type(event_type: Option<&str>) -> String {
    event_type.map(|name| format!(" `{}`", Escaped(name))).unwrap_or_default()
}

fn of_version(version: Option<EventVersion>) -> String {
    version.map(|version| format!(" {version}")).unwrap_or_default()
}
