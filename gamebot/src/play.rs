//! `gamebot play`: a transcript, line by line: decide, compare with what is stored, append what is new.
//!
//! One line is one append, with the exact version that the decision was taken at. Playing a file again decides the
//! same events; those that are stored are compared, not stored again.

use std::io::Write;
use std::path::Path;

use event_core::error::with_causes;
use event_core::{
    Error, EventStore, ExpectedVersion, Metadata, NewEvent, ReadOptions, RecordedEvent, Scope,
    StreamId, StreamVersion, Tenant,
};
use game_events::{GameEvent, GameSession, SessionStatus, game_stream};
use serde_json::Value;

use crate::board;
use crate::decide::decide;
use crate::failure::Failure;
use crate::table::Table;
use crate::transcript::{Action, Line, Start};

/// How a game is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Every event as it happens, then the board.
    Story,
    /// One line of JSON at the end.
    Json,
}

/// A game that was played.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Its state.
    pub session: GameSession,
    /// The version of its stream.
    pub version: StreamVersion,
    /// Events that this run stored.
    pub stored: u64,
}

/// Plays a transcript from a file.
///
/// # Errors
/// [`Failure`] with exit code 2 for a line that cannot be applied, 1 for anything else; the store is as it was after
/// the last good line.
pub async fn play(
    store: &EventStore,
    file: &Path,
    output: Output,
    out: &mut impl Write,
) -> Result<Played, Failure> {
    let name = file.display().to_string();
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::general(format!("could not read {name}: {error}")))?;
    let mut run = Run { name: &name, output, game: None, table: Table::default(), stored: 0 };
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let Ok(text) = std::str::from_utf8(line) else {
            return Err(Failure::line(&name, number, "not UTF-8 text"));
        };
        if !text.trim().is_empty() {
            let line = Line::parse(number, text).map_err(|e| Failure::line(&name, number, e))?;
            run.line(store, &line, out).await?;
        }
    }
    run.finish(out)
}

/// A file while it is played.
struct Run<'a> {
    name: &'a str,
    output: Output,
    game: Option<Game>,
    table: Table,
    stored: u64,
}

/// The game a start line names, in the store.
struct Game {
    store: EventStore,
    stream: StreamId,
    /// What was stored before this run.
    before: Vec<RecordedEvent>,
    /// Events decided so far.
    version: u64,
}

impl Run<'_> {
    async fn line(
        &mut self,
        store: &EventStore,
        line: &Line,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let refuse = |reason: String| Failure::line(self.name, line.number, reason);
        let events = decide(&self.table, line).map_err(refuse)?;
        if let Action::Start(start) = &line.action {
            self.game = Some(Game::open(store, start).await?);
        }
        let Some(game) = self.game.as_mut().filter(|_| !events.is_empty()) else {
            self.table.take(line, events);
            return Ok(());
        };
        let stored = game.store_or_compare(self.name, line, &events).await?;
        self.stored += stored;
        if self.output == Output::Story {
            for event in &events {
                writeln!(out, "{}", board::told(event))?;
            }
        }
        self.table.take(line, events);
        Ok(())
    }

    fn finish(self, out: &mut impl Write) -> Result<Played, Failure> {
        let Some(game) = self.game else {
            return Err(Failure::line(self.name, 1, "the file holds no game"));
        };
        let (session, version) = (self.table.session, StreamVersion::new(game.version));
        match self.output {
            Output::Json => writeln!(out, "{}", board::json(&session, version))?,
            Output::Story => {
                let known = game.before.len() as u64;
                writeln!(out)?;
                if known > game.version {
                    writeln!(out, "the store goes on after this file, up to version {known}")?;
                } else if self.stored == 0 && session.status == SessionStatus::Completed {
                    writeln!(out, "the game is complete: nothing new to store")?;
                } else if known > 0 {
                    writeln!(out, "{known} events were stored before, {} are new", self.stored)?;
                }
                write!(out, "{}", board::table(&session, version))?;
            }
        }
        Ok(Played { session, version, stored: self.stored })
    }
}

impl Game {
    async fn open(store: &EventStore, start: &Start) -> Result<Self, Failure> {
        let tenant = Tenant::new(start.guild.as_str()).map_err(Error::from)?;
        let store = store.with_scope(Scope::tenant(tenant).correlation(start.game.as_str()));
        let stream = game_stream(&start.game).map_err(Error::from)?;
        let mut events = store.stream_events(&stream, ReadOptions::forward());
        let mut before = Vec::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => before.push(event),
                Err(Error::StreamNotFound { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { store, stream, before, version: 0 })
    }

    /// The number of events this line stored: all of them, or none because they are there.
    async fn store_or_compare(
        &mut self,
        file: &str,
        line: &Line,
        events: &[GameEvent],
    ) -> Result<u64, Failure> {
        let new: Vec<NewEvent> = events.iter().map(new_event).collect();
        let at = usize::try_from(self.version).unwrap_or(usize::MAX);
        let known = self.before.get(at..).unwrap_or_default();
        if known.is_empty() {
            let expected = ExpectedVersion::Exact(StreamVersion::new(self.version));
            let answer = self.store.append(&self.stream, expected, new).await;
            let answer = answer.map_err(|error| failed(file, line, error))?;
            self.version = answer.stream_version.get();
            return Ok(events.len() as u64);
        }
        for (n, new) in new.iter().enumerate() {
            let version = self.version + n as u64 + 1;
            let difference = match known.get(n) {
                None => Some("the store ends within this line".to_owned()),
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

/// An event a line breaks a rule with is the line's fault; a store that fails is not.
fn failed(file: &str, line: &Line, error: Error) -> Failure {
    match error {
        Error::InvalidEventData { .. } | Error::StreamLimitReached { .. } => {
            Failure::line(file, line.number, with_causes(&error))
        }
        Error::WrongExpectedVersion { .. } => Failure::general(format!(
            "{file}:{}: somebody else plays this game: {error}; play the file again",
            line.number
        )),
        error => error.into(),
    }
}

/// The event, with the metadata of its base fields beside it.
pub(crate) fn new_event(event: &GameEvent) -> NewEvent {
    let metadata = Metadata::from(event.base().metadata.clone());
    NewEvent::from(event.clone()).with_metadata(metadata)
}

/// What is different between a decision and what is stored.
fn difference(new: &NewEvent, stored: &RecordedEvent) -> Option<String> {
    if new.event_type() != stored.event_type() {
        return Some(format!("it is {}, decided is {}", stored.event_type(), new.event_type()));
    }
    if new.event_version() != stored.event_version() {
        return Some(format!(
            "{} is stored as {}, decided as {}",
            stored.event_type(),
            stored.event_version(),
            new.event_version()
        ));
    }
    let value = |json: &str| serde_json::from_str::<Value>(json).ok();
    let data = new.data().and_then(|data| value(data.get()));
    if data.is_none() || data != value(stored.data().get()) {
        return Some(format!("the data of {} is another", stored.event_type()));
    }
    (new.metadata() != stored.metadata())
        .then(|| format!("the metadata of {} is another", stored.event_type()))
}
