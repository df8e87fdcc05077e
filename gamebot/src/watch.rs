//! `gamebot watch`: a game as it is played, from its first event to its last.

use std::io::Write;

use event_core::{
    Aggregate as _, Error, EventStore, Filter, Projection, RecordedEvent, Scope, StreamVersion,
    Tenant,
};
use game_events::{GameEvent, GameId, GameSession, SessionStatus, game_stream};

use crate::board;
use crate::failure::Failure;
use crate::show::{Show, bound};

/// Moves to the upper left corner and clears what is below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// What to watch, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watch {
    /// The game.
    pub game: String,
    /// The guild it is played in; without it the game must have begun, and all guilds are searched.
    pub guild: Option<String>,
    /// A terminal shows the board, drawn anew with each event; anything else gets a line an event, and the board at the end.
    pub is_terminal: bool,
}

/// Shows a game until it is over. With a guild it waits for a game that has not begun.
///
/// # Errors
/// [`Failure`] with exit code 1: no such game, several of that name, an event that cannot be read, a store that fails.
pub async fn watch(
    store: &EventStore,
    wanted: &Watch,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(wanted.game.as_str())).map_err(Error::from)?;
    let store = if let Some(guild) = &wanted.guild {
        store.with_scope(Scope::tenant(Tenant::new(guild.as_str()).map_err(Error::from)?))
    } else {
        let show = Show { game: wanted.game.clone(), ..Show::default() };
        bound(store, &show, &stream).await?
    };
    let mut live = store.project(Board::default(), Filter::all().stream(stream));
    live.catch_up().await?;
    let mut told = 0;
    loop {
        let board = live.state();
        if wanted.is_terminal {
            draw(board, out)?;
        } else {
            tell(board, told, out)?;
            told = board.story.len();
        }
        if board.session.status == SessionStatus::Completed {
            break;
        }
        if let Some(event) = live.next().await {
            event?;
        }
    }
    if !wanted.is_terminal {
        write!(out, "\n{}", live.state().table())?;
    }
    Ok(())
}

/// A game at a glance, and what happened in it.
#[derive(Debug, Default)]
struct Board {
    session: GameSession,
    version: StreamVersion,
    story: Vec<String>,
}

impl Board {
    fn table(&self) -> String {
        board::table(&self.session, self.version)
    }
}

impl Projection for Board {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, recorded: &RecordedEvent) {
        self.story.push(board::told(&event));
        self.version = recorded.stream_version();
        self.session.apply(event);
    }
}

/// The story after what was told.
fn tell(board: &Board, told: usize, out: &mut impl Write) -> std::io::Result<()> {
    for line in board.story.iter().skip(told) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// The board, and the last of the story under it.
fn draw(board: &Board, out: &mut impl Write) -> std::io::Result<()> {
    write!(out, "{CLEAR}{}", board.table())?;
    if let Some(last) = board.story.last().filter(|_| board.session.winners.is_empty()) {
        writeln!(out, "{last}")?;
    }
    out.flush()
}
