//! Classifies an [`Error`]: its code, its category, whether it is transient, the scope of the operation.

use crate::error::{Category, Context, Error, Tries};
use crate::value::Scope;

/// The context of the variants that have one, by shared or mutable reference.
macro_rules! with_context {
    ($error:expr) => {
        match $error {
            Self::WrongExpectedVersion { context, .. }
            | Self::StreamNotFound { context, .. }
            | Self::StreamDeleted { context, .. }
            | Self::StreamArchived { context, .. }
            | Self::MixedStream { context, .. }
            | Self::EventsNotFound { context, .. }
            | Self::InvalidImport { context, .. }
            | Self::StreamLimitReached { context, .. }
            | Self::EventIdConflict { context, .. }
            | Self::Connection { context, .. }
            | Self::Overloaded { context, .. }
            | Self::Deserialization { context, .. }
            | Self::InvalidEventData { context, .. }
            | Self::InvalidSequence { context, .. }
            | Self::InvalidState { context, .. }
            | Self::Adapter { context, .. } => Some(context),
            _ => None,
        }
    };
}

impl Error {
    /// Returns the stable code of the error for logs and the wire: `wrong_expected_version`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidStreamId(error) => error.code(),
            Self::InvalidTenant(error) => error.code(),
            Self::InvalidStartVersion(error) => error.code(),
            Self::InvalidBatchSize(error) => error.code(),
            Self::InvalidUrl { .. } => "invalid_url",
            Self::AmbiguousStream { .. } => "ambiguous_stream",
            Self::AmbiguousEvent { .. } => "ambiguous_event",
            Self::WrongExpectedVersion { .. } => "wrong_expected_version",
            Self::StreamNotFound { .. } => "stream_not_found",
            Self::StreamDeleted { .. } => "stream_deleted",
            Self::StreamArchived { .. } => "stream_archived",
            Self::MixedStream { .. } => "mixed_stream",
            Self::EventsNotFound { .. } => "events_not_found",
            Self::InvalidImport { .. } => "invalid_import",
            Self::InvalidLine { .. } => "invalid_line",
            Self::StreamLimitReached { .. } => "stream_limit_reached",
            Self::EventIdConflict { .. } => "event_id_conflict",
            Self::Connection { .. } => "connection_error",
            Self::Overloaded { .. } => "overloaded",
            Self::Serialization { .. } => "serialization_failed",
            Self::Deserialization { .. } | Self::FromTheFuture { .. } | Self::Corrupt { .. } => {
                "deserialization_failed"
            }
            Self::UnknownEventType { .. } => "invalid_event_type",
            Self::InvalidEventData { .. } | Self::Migration(_) => "invalid_event_data",
            Self::Registry(error) => error.code(),
            Self::InvalidSequence { .. } => "invalid_sequence",
            Self::InvalidState { .. } => "invalid_state",
            Self::IncompatibleSchema { .. } => "incompatible_schema",
            Self::Subscription(error) => error.code(),
            Self::LogDiverged { .. } => "log_diverged",
            Self::Forbidden { .. } => "forbidden",
            Self::Unsupported { .. } => "unsupported",
            Self::Adapter { .. } => "adapter_error",
        }
    }

    /// Returns the category of the error.
    pub const fn category(&self) -> Category {
        match self {
            Self::InvalidStreamId(_)
            | Self::InvalidTenant(_)
            | Self::InvalidStartVersion(_)
            | Self::InvalidBatchSize(_)
            | Self::InvalidUrl { .. }
            | Self::AmbiguousStream { .. }
            | Self::AmbiguousEvent { .. }
            | Self::MixedStream { .. }
            | Self::InvalidImport { .. }
            | Self::InvalidLine { .. }
            | Self::Forbidden { .. }
            | Self::StreamLimitReached { .. } => Category::Validation,
            Self::WrongExpectedVersion { .. }
            | Self::StreamNotFound { .. }
            | Self::StreamDeleted { .. }
            | Self::StreamArchived { .. }
            | Self::EventsNotFound { .. }
            | Self::EventIdConflict { .. } => Category::Concurrency,
            Self::Connection { .. }
            | Self::Overloaded { .. }
            | Self::Serialization { .. }
            | Self::Deserialization { .. }
            | Self::Corrupt { .. }
            | Self::FromTheFuture { .. }
            | Self::IncompatibleSchema { .. }
            | Self::LogDiverged { .. } => Category::Infrastructure,
            Self::Subscription(error) => error.category(),
            Self::UnknownEventType { .. }
            | Self::InvalidEventData { .. }
            | Self::Migration(_)
            | Self::InvalidSequence { .. }
            | Self::InvalidState { .. }
            | Self::Registry(_) => Category::Domain,
            Self::Unsupported { .. } | Self::Adapter { .. } => Category::Other,
        }
    }

    /// Whether the same call may succeed later without a change.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Connection { .. } | Self::Overloaded { .. })
    }

    /// Returns the scope of the failed operation, if the error has one.
    pub fn scope(&self) -> Option<&Scope> {
        self.context().and_then(Context::scope)
    }

    /// Sets the scope of the failed operation.
    #[must_use]
    pub(crate) fn in_scope(mut self, scope: &Scope) -> Self {
        if let Some(context) = self.context_mut() {
            context.set_scope(scope);
        }
        self
    }

    /// Sets how often a decision was made before it failed.
    #[must_use]
    pub(crate) fn after_tries(mut self, tries: Tries) -> Self {
        if let Some(context) = self.context_mut() {
            context.set_tries(tries);
        }
        self
    }

    /// Sets how often the operation was retried.
    #[must_use]
    pub(crate) fn retries(mut self, count: u32) -> Self {
        if let Self::Connection { retries, .. } | Self::Overloaded { retries, .. } = &mut self {
            *retries = count;
        }
        self
    }

    fn context(&self) -> Option<&Context> {
        with_context!(self)
    }

    fn context_mut(&mut self) -> Option<&mut Context> {
        with_context!(self)
    }
}
