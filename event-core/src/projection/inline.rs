//! [`InlineEvent`]: an event as an inline projection gets it, in the transaction that stores the event.

use chrono::Utc;

use crate::adapter::AllOptions;
use crate::adapter::append::{Appended, Commit, StreamAppend};
use crate::envelope::{EventData, EventSet, RecordedEvent, RecordedParts};
use crate::error::Result;
use crate::projection::builds::Model;
use crate::projection::projector::ProjectionBuild;
use crate::registry::Registry;
use crate::subscription::Filter;
use crate::value::{EventId, ExpectedVersion, Metadata, Position, StreamId, StreamVersion, Tenant};

/// An event that is being stored, decoded for an inline projection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InlineEvent<E> {
    /// The event.
    pub event: E,
    /// The tenant that owns it.
    pub tenant: Tenant,
    /// The stream that it is appended to.
    pub stream_id: StreamId,
    /// The event's number in the stream. SQLite always knows it. PostgreSQL knows it if the writer expects an exact version or no
    /// stream; if the expectation turns out to be wrong, nothing is stored.
    pub stream_version: Option<StreamVersion>,
    /// The event's id.
    pub event_id: EventId,
    /// The event's metadata.
    pub metadata: Metadata,
}

impl<E: EventSet> InlineEvent<E> {
    /// For authors of backends: decodes the events of a commit whose streams a projection `wants`. `judged` are the answers of the
    /// commit, one per append, if they are already known.
    ///
    /// # Errors
    /// [`Error::UnknownEventType`](crate::Error::UnknownEventType) for an event outside of the set, and the other errors of
    /// decoding.
    pub fn of(
        commit: &Commit,
        judged: Option<&[Appended]>,
        wants: impl Fn(&StreamId) -> bool,
    ) -> Result<Vec<Self>> {
        let mut events = Vec::new();
        for (at, append) in commit.appends.iter().enumerate() {
            if append.is_claim() || !wants(&append.stream_id) {
                continue;
            }
            let judged = judged.and_then(|judged| judged.get(at));
            let before = match (judged, append.expected) {
                (Some(judged), _) => {
                    let last = judged.stream_version.get();
                    Some(StreamVersion::new(last.saturating_sub(append.events.len() as u64)))
                }
                (None, ExpectedVersion::NoStream) => Some(StreamVersion::NONE),
                (None, ExpectedVersion::Exact(before)) => Some(before),
                (None, ExpectedVersion::Any | ExpectedVersion::StreamExists) => None,
            };
            for (number, event) in (1..).zip(&append.events) {
                let version = before.map(|before| before.plus(number));
                events.push(Self::decoded(commit, append, version, event)?);
            }
        }
        Ok(events)
    }

    fn decoded(
        commit: &Commit,
        append: &StreamAppend,
        stream_version: Option<StreamVersion>,
        event: &EventData,
    ) -> Result<Self> {
        let recorded = RecordedEvent::from_parts(RecordedParts {
            tenant: commit.tenant.clone(),
            stream_id: append.stream_id.clone(),
            stream_version: stream_version.unwrap_or_default(),
            position: Position::START,
            event_id: event.id,
            event_type: event.event_type.clone(),
            event_version: event.version,
            data: event.data.clone(),
            metadata: event.metadata.clone(),
            recorded_at: Utc::now(),
        });
        Ok(Self {
            event: E::decode(&recorded)?,
            tenant: commit.tenant.clone(),
            stream_id: append.stream_id.clone(),
            stream_version,
            event_id: event.id,
            metadata: event.metadata.clone(),
        })
    }
}

/// The definition of a view or of a table projection that is written with the append: what each append asks of it is looked up once.
pub(super) struct InlineDefinition {
    pub(super) model: Model,
    pub(super) options: AllOptions,
    filter: Filter,
}

impl InlineDefinition {
    pub(super) fn new(model: Model, filter: Filter) -> Self {
        Self { model, options: model_options(&filter), filter }
    }

    /// Whether an event of the options passes the condition in code, if there is one.
    pub(super) fn admits(&self, event: &RecordedEvent) -> bool {
        self.filter.matches_predicate(event)
    }

    /// A build, as errors name it.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::Error::Adapter) for a name that no projection has.
    pub(super) fn build(&self, operation: &'static str, number: u32) -> Result<ProjectionBuild> {
        ProjectionBuild::new(operation, (self.model.name, number), self.filter.clone(), |own| own)
    }
}

/// What a read model is folded from, under every name that the types were stored under. An unsound registry refuses the store
/// before an event is read.
fn model_options(filter: &Filter) -> AllOptions {
    let options = filter.options();
    match Registry::global() {
        Ok(registry) => options.with_stored_names(registry),
        Err(_) => options,
    }
}
