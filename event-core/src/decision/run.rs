//! The loop of a decision: load, decide, append; after a conflict read the later events, and again.

use std::time::Duration;

use super::{Decide, Decided};
use crate::adapter::append::{Appended, Commit, Outcome, StreamAppend};
use crate::aggregate::Aggregate;
use crate::aggregate::options::Options;
use crate::aggregate::report::Replayed;
use crate::envelope::{EventSet, NewEvent, RecordedEvent, RecordedParts};
use crate::error::{Error, Result, Tries};
use crate::value::{ExpectedVersion, StreamVersion};

/// The longest pause before the first retry; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How often the later events are looked for where the reader does not show them yet: a standby may be behind.
const LOOKS: u32 = 100;
const NOT_SHOWN: &str = "the events of the command are stored, but the server that is read does not show them yet; repeat the command";

impl<A: Aggregate<Event: Into<NewEvent>>> Decide<'_, A> {
    /// Decides until the events are stored, or something else than a conflict refuses them. The inner result is the closure's.
    pub(super) async fn tries<E, F>(self, mut decide: F) -> Result<Result<Decided<A>, E>>
    where
        F: FnMut(&A) -> Result<Vec<A::Event>, E>,
    {
        self.store.require_tenant()?;
        let mut tries = Counted { adapter: self.store.adapter().name(), tries: None };
        let mut epoch = self.epoch();
        let mut loaded = self.store.load(self.stream_id, self.options()).await?;
        if let Some(decided) = Box::pin(self.stored_before(loaded.found)).await? {
            return Ok(Ok(decided));
        }
        loop {
            let version = loaded.recovered.version;
            let count = tries.begin(version);
            // Nothing is locked or half done here, so a panic of the closure concerns only its caller.
            let events = match decide(&loaded.recovered.state) {
                Ok(events) => events,
                Err(reason) => return Ok(Err(reason)),
            };
            let Some(commit) = self.commit(version, events)? else {
                return Ok(Ok(Decided::unchanged(loaded, count)));
            };
            let operation = self.store.operation("append", Some(self.stream_id));
            let error = match self.store.commit_prepared(operation, &commit).await {
                Ok(answers) => {
                    let answer = answers.first().copied();
                    return Ok(Ok(self.stored(loaded, commit, answer, count).await?));
                }
                Err(error) => error,
            };
            match error {
                Error::WrongExpectedVersion { ref stream_id, actual, .. }
                    if stream_id == self.stream_id =>
                {
                    tries.conflict(actual);
                    if count > self.retries {
                        return Err(tries.ended(error));
                    }
                    tokio::time::sleep(pause(count - 1)).await;
                    loaded = self.catch_up(loaded, actual, &mut epoch).await?;
                    if loaded.recovered.version < actual {
                        return Err(tries.ended(error));
                    }
                    if let Some(at) = loaded.found {
                        return Ok(Ok(Box::pin(self.repeated(at, None, count)).await?));
                    }
                }
                error @ Error::EventIdConflict { .. } => {
                    return Box::pin(self.taken(error, &commit, version, count)).await.map(Ok);
                }
                error => return Err(error),
            }
        }
    }

    /// What a load looks for and how it reads.
    pub(super) fn options(&self) -> Options {
        Options { sought: self.command.map(|command| command.event_id(0)), ..Options::default() }
    }

    fn epoch(&self) -> u64 {
        self.store.adapter().live().epoch()
    }

    /// Encodes the events that were decided; `None` if there is nothing to send.
    fn commit(&self, version: StreamVersion, events: Vec<A::Event>) -> Result<Option<Commit>> {
        let expected = match version {
            StreamVersion::NONE => ExpectedVersion::NoStream,
            version => ExpectedVersion::Exact(version),
        };
        let append = if events.is_empty() {
            if !self.claims {
                return Ok(None);
            }
            StreamAppend::claim(self.stream_id.clone(), expected)
        } else {
            let events = events.into_iter().map(Into::into).enumerate();
            let events = events.map(|(index, event): (usize, NewEvent)| match self.command {
                Some(command) => event.with_id(command.event_id(index)),
                None => event,
            });
            self.store.encode(self.stream_id, expected, events.collect())?
        };
        self.store.prepare(vec![append]).map(Some)
    }

    /// The answer to a commit that the store accepted.
    async fn stored(
        &self,
        loaded: Replayed<A>,
        commit: Commit,
        answer: Option<Appended>,
        count: u32,
    ) -> Result<Decided<A>> {
        let Some(answer) = answer else { return Ok(Decided::unchanged(loaded, count)) };
        let version = loaded.recovered.version;
        let events = commit.appends.iter().map(|append| append.events.len()).sum();
        let Appended { stream_version, outcome, .. } = answer;
        if self.command.is_some() && outcome == Outcome::AlreadyStored {
            // Another process may have stored them, with payloads of its own.
            let loaded = self.follow(loaded, stream_version).await?;
            let first = match loaded.found {
                Some(at) => Some(at),
                None => self.first_of_command().await?.map(|first| first.stream_version()),
            };
            return match first {
                Some(at) => Box::pin(self.repeated(at, Some((&commit, version)), count)).await,
                None if loaded.recovered.version < stream_version => {
                    Err(Error::adapter("decide", NOT_SHOWN).in_scope(self.store.scope()))
                }
                // They are truncated.
                None => {
                    let decided = Decided::unchanged(loaded, count);
                    Ok(Decided { stream_version, events, outcome, ..decided })
                }
            };
        }
        let mut decided =
            Decided { stream_version, events, outcome, ..Decided::unchanged(loaded, count) };
        let mut version = version;
        for append in commit.appends {
            for data in append.events {
                version = version.next();
                let recorded = RecordedEvent::from_parts(RecordedParts {
                    tenant: commit.tenant.clone(),
                    stream_id: append.stream_id.clone(),
                    stream_version: version,
                    position: answer.position,
                    event_id: data.id,
                    event_type: data.event_type,
                    event_version: data.version,
                    data: data.data,
                    metadata: data.metadata,
                    recorded_at: self.store.now(),
                });
                decided.state.apply(A::Event::decode(&recorded)?);
            }
        }
        Ok(decided)
    }

    /// Brings a state up to the version that a conflict has shown.
    async fn catch_up(
        &self,
        loaded: Replayed<A>,
        actual: StreamVersion,
        epoch: &mut u64,
    ) -> Result<Replayed<A>> {
        let options = self.options();
        let is_same_log = self.epoch() == *epoch && loaded.recovered.version < actual;
        let loaded = if is_same_log {
            Box::pin(self.store.load_tail(self.stream_id, loaded, options)).await?
        } else {
            // Another server took over, maybe with another history: nothing that was read counts.
            *epoch = self.epoch();
            self.store.load(self.stream_id, options).await?
        };
        self.follow(loaded, actual).await
    }

    /// Reads later events until a version is reached; a reader that stays behind it is given up.
    async fn follow(&self, mut loaded: Replayed<A>, version: StreamVersion) -> Result<Replayed<A>> {
        for look in 0..LOOKS {
            if loaded.recovered.version >= version {
                break;
            }
            tokio::time::sleep(pause(look)).await;
            let tail = self.store.load_tail(self.stream_id, loaded, self.options());
            loaded = Box::pin(tail).await?;
        }
        Ok(loaded)
    }
}

impl<A> Decided<A> {
    /// The answer where nothing was stored.
    fn unchanged(loaded: Replayed<A>, tries: u32) -> Self {
        let (state, stream_version) = (loaded.recovered.state, loaded.recovered.version);
        Self { state, stream_version, events: 0, tries, outcome: Outcome::Stored }
    }
}

/// A pause before a retry, from 0: at random, so that those that met do not meet again.
fn pause(retry: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(retry)).min(LONGEST_PAUSE);
    longest.mul_f64(fastrand::f64())
}

/// Counts the tries of one decision, and records them when it ends.
struct Counted {
    adapter: &'static str,
    tries: Option<Tries>,
}

impl Counted {
    /// Begins a try on a version. Returns its number, from 1.
    fn begin(&mut self, version: StreamVersion) -> u32 {
        let tries = self.tries.get_or_insert(Tries { count: 0, first: version, last: version });
        tries.count = tries.count.saturating_add(1);
        tries.last = version;
        tries.count
    }

    fn conflict(&self, actual: StreamVersion) {
        tracing::debug!(tries = ?self.tries, %actual, "the decision met a conflict");
        metrics::counter!("event_store_decision_conflicts_total", "adapter" => self.adapter)
            .increment(1);
    }

    fn ended(&self, error: Error) -> Error {
        match self.tries {
            Some(tries) => error.after_tries(tries),
            None => error,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(tries) = self.tries {
            metrics::histogram!("event_store_decision_tries", "adapter" => self.adapter)
                .record(tries.count);
        }
    }
}
