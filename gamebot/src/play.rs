//! `gamebot play`: decides the events of a transcript line by line and appends them.
//!
//! Each line is one append, with the exact stream version that the decision was based on. Playing a file again decides
//! the same events; they are compared with the stored ones instead of being appended again.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use event_core::error::with_causes;
use event_core::{
    Error, EventId, EventStore, ExpectedVersion, Metadata, NewEvent, ReadOptions, RecordedEvent,
    Scope, StreamId, StreamVersion, Tenant,
};
use game_events::{GameEvent, GameSession, SessionStatus, game_stream};
use serde_json::Value;

use crate::board;
use crate::decide::decide;
use crate::failure::Failure;
use crate::game_state::GameState;
use crate::transcript::{Action, Line, Start};

/// The output of `gamebot play`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// A line for each event, then the board.
    Text,
    /// The final board as one line of JSON.
    Json,
}

/// The result of playing a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// State of the game after the last line.
    pub session: GameSession,
    /// Number of events that the transcript decides: the stream version after its last line.
    pub version: StreamVersion,
    /// Number of events that this run appended.
    pub stored: u64,
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Plays a transcript from a file.
///
/// # Errors
/// [`Failure`] with exit code 2 for a rejected line, 1 for anything else. The events of the lines before it are stored.
pub async fn play(
    store: &EventStore,
    file: &Path,
    output: Output,
    out: &mut impl Write,
) -> Result<Played, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::general(format!("could not read {name}: {error}")))?;
    let mut playback = Playback::new(&name, output);
    // Some editors write a byte order mark.
    let lines = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    for (number, line) in (1..).zip(lines.split(|byte| *byte == b'\n')) {
        let Ok(text) = std::str::from_utf8(line) else {
            return Err(Failure::line(&name, number, "not UTF-8 text"));
        };
        if !text.trim().is_empty() {
            let line = Line::parse(number, text).map_err(|e| Failure::line(&name, number, e))?;
            playback.line(store, &line, out).await?;
        }
    }
    playback.finish(out)
}

/// A transcript that is being played.
pub(crate) struct Playback<'a> {
    file: &'a str,
    output: Output,
    game: Option<StoredGame>,
    state: GameState,
    stored: u64,
}

/// The stream of the game, with its events at the start of the run.
struct StoredGame {
    store: EventStore,
    stream: StreamId,
    /// Events stored before this run.
    existing: Vec<RecordedEvent>,
    /// Number of events decided so far.
    version: u64,
}

impl<'a> Playback<'a> {
    /// A game that has not begun; `file` names the transcript in messages.
    pub(crate) fn new(file: &'a str, output: Output) -> Self {
        Self { file, output, game: None, state: GameState::default(), stored: 0 }
    }

    /// The state of the game.
    pub(crate) const fn session(&self) -> &GameSession {
        &self.state.session
    }

    /// Decides a line, stores its events and prints them.
    pub(crate) async fn line(
        &mut self,
        store: &EventStore,
        line: &Line,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let rejected = |reason: String| Failure::line(self.file, line.number, reason);
        let events = decide(&self.state, line).map_err(rejected)?;
        if let Action::Start(start) = &line.action {
            self.game = Some(StoredGame::open(store, start).await?);
        }
        let Some(game) = self.game.as_mut().filter(|_| !events.is_empty()) else {
            self.state.apply(line, events);
            return Ok(());
        };
        let stored = game.append_or_compare(self.file, line, &events).await?;
        self.stored += stored;
        if self.output == Output::Text {
            for event in &events {
                writeln!(out, "{}", board::describe(event))?;
            }
        }
        self.state.apply(line, events);
        Ok(())
    }

    /// Prints the board.
    pub(crate) fn finish(self, out: &mut impl Write) -> Result<Played, Failure> {
        let Some(game) = self.game else {
            return Err(Failure::line(self.file, 1, "the file contains no game"));
        };
        let (session, version) = (self.state.session, StreamVersion::new(game.version));
        match self.output {
            Output::Json => writeln!(out, "{}", board::json(&session, version))?,
            Output::Text => {
                let existing = game.existing.len() as u64;
                writeln!(out)?;
                if existing > game.version {
                    writeln!(
                        out,
                        "the stored game continues after this file, up to version {existing}"
                    )?;
                } else if self.stored == 0 && session.status == SessionStatus::Completed {
                    writeln!(out, "the game is complete: nothing new to store")?;
                } else if existing > 0 {
                    writeln!(
                        out,
                        "{existing} events were already stored, {} are new",
                        self.stored
                    )?;
                }
                write!(out, "{}", board::table(&session, version))?;
            }
        }
        Ok(Played { session, version, stored: self.stored })
    }
}

impl StoredGame {
    async fn open(store: &EventStore, start: &Start) -> Result<Self, Failure> {
        let tenant = Tenant::new(start.guild.as_str()).map_err(Error::from)?;
        let store = store.with_scope(Scope::tenant(tenant).correlation(start.game.as_str()));
        let stream = game_stream(&start.game).map_err(Error::from)?;
        let mut events = store.stream_events(&stream, ReadOptions::forward());
        let mut existing = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => existing.push(event),
                Err(Error::StreamNotFound { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { store, stream, existing, version: 0 })
    }

    /// Appends the events of a line, or compares them if they are already stored. Returns the number of appended events.
    async fn append_or_compare(
        &mut self,
        file: &str,
        line: &Line,
        events: &[GameEvent],
    ) -> Result<u64, Failure> {
        let new = new_events(events);
        let at = usize::try_from(self.version).unwrap_or(usize::MAX);
        let stored = self.existing.get(at..).unwrap_or_default();
        if stored.is_empty() {
            let expected = ExpectedVersion::Exact(StreamVersion::new(self.version));
            let appended = self.store.append(&self.stream, expected, new).await;
            let appended = appended.map_err(|error| append_failure(file, line, error))?;
            self.version = appended.stream_version.get();
            return Ok(events.len() as u64);
        }
        for (n, new) in new.iter().enumerate() {
            let version = self.version + n as u64 + 1;
            let difference = match stored.get(n) {
                None => Some("the stored game ends within the events of this line".to_owned()),
                Some(stored) => difference(new, stored),
            };
            if let Some(difference) = difference {
                let reason = format!("the stored game differs at version {version}: {difference}");
                return Err(Failure::line(file, line.number, reason));
            }
        }
        self.version += new.len() as u64;
        Ok(0)
    }
}

/// Converts the error of an append. An event that the store rejects is an error of the line, with exit code 2.
fn append_failure(file: &str, line: &Line, error: Error) -> Failure {
    match error {
        Error::InvalidEventData { .. } | Error::StreamLimitReached { .. } => {
            Failure::line(file, line.number, with_causes(&error))
        }
        Error::WrongExpectedVersion { .. } => Failure::general(format!(
            "{file}:{}: another process plays this game: {error}; play the file again",
            line.number
        )),
        error => error.into(),
    }
}

/// Returns the events of a line with the metadata of their base fields as metadata of the stored events, and their causes: the
/// first one was caused by the line, the others by the first one.
pub(crate) fn new_events(events: &[GameEvent]) -> Vec<NewEvent> {
    let mut first = None;
    let with_cause = |event: &GameEvent| {
        let id = EventId::new();
        let metadata = Metadata::from(event.base().metadata.clone());
        let line = metadata.source_id().map(Cow::into_owned);
        let cause = first.map_or(line, |first: EventId| Some(first.to_string()));
        first.get_or_insert(id);
        let metadata = cause.into_iter().fold(metadata, Metadata::with_causation_id);
        NewEvent::from(event.clone()).with_id(id).with_metadata(metadata)
    };
    events.iter().map(with_cause).collect()
}

/// Describes the first difference between a decided and a stored event.
fn difference(new: &NewEvent, stored: &RecordedEvent) -> Option<String> {
    if new.event_type() != stored.event_type() {
        return Some(format!("stored {}, decided {}", stored.event_type(), new.event_type()));
    }
    if new.event_version() != stored.event_version() {
        return Some(format!(
            "{} is stored as {}, but decided as {}",
            stored.event_type(),
            stored.event_version(),
            new.event_version()
        ));
    }
    let value = |json: &str| serde_json::from_str::<Value>(json).ok();
    let data = new.data().and_then(|data| value(data.get()));
    if data.is_none() || data != value(stored.data().get()) {
        return Some(format!("the data of {} differs", stored.event_type()));
    }
    // Each playing draws ids of its own.
    let own = |metadata: &Metadata| metadata.clone().with_causation_id(String::new());
    (own(new.metadata()) != own(stored.metadata()))
        .then(|| format!("the metadata of {} differs", stored.event_type()))
}
