//! `gamebot watch`: follows a game from its first event to its last while another process plays it.

use std::io::Write;

use event_core::value::Printable;
use event_core::{
    Aggregate as _, Error, EventStore, Filter, Projection, RecordedEvent, Scope, StreamVersion,
    Tenant,
};
use game_events::{GameEvent, GameId, GameSession, SessionStatus, game_stream};

use crate::board;
use crate::failure::Failure;
use crate::show::{Show, scoped_to_guild};

/// Terminal sequence: moves the cursor to the upper left corner and clears the screen from there.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// The arguments of `gamebot watch`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watch {
    /// Id of the game.
    pub game: String,
    /// Guild of the game; without it all guilds are searched and the game must have started.
    pub guild: Option<String>,
    /// True redraws the board on each event; false prints one line per event and the board at the end.
    pub is_terminal: bool,
}

/// Prints a game until it ends. With a guild in `args` it also waits for the start of the game.
///
/// # Errors
/// [`Failure`] with exit code 1: the game does not exist or exists in several guilds, an event cannot be decoded, the
/// store fails.
pub async fn watch(store: &EventStore, args: &Watch, out: &mut impl Write) -> Result<(), Failure> {
    let stream = game_stream(&GameId::from(args.game.as_str())).map_err(Error::from)?;
    let store = if let Some(guild) = &args.guild {
        store.with_scope(Scope::tenant(Tenant::new(guild.as_str()).map_err(Error::from)?))
    } else {
        let show = Show { game: args.game.clone(), ..Show::default() };
        scoped_to_guild(store, &show, &stream).await?
    };
    let mut live = store.project(WatchedGame::default(), Filter::all().stream(stream));
    live.catch_up().await?;
    let mut printed = 0;
    loop {
        let game = live.state();
        if args.is_terminal {
            redraw(game, out)?;
        } else {
            print_events(game, printed, out)?;
            printed = game.descriptions.len();
        }
        if game.session.status == SessionStatus::Completed {
            break;
        }
        if let Some(event) = live.next().await {
            event?;
        }
    }
    if !args.is_terminal {
        write!(out, "\n{}", Printable(&live.state().board()))?;
    }
    Ok(())
}

/// The session of a game and the description of each of its events.
#[derive(Debug, Default)]
struct WatchedGame {
    session: GameSession,
    version: StreamVersion,
    descriptions: Vec<String>,
}

impl WatchedGame {
    fn board(&self) -> String {
        board::table(&self.session, self.version)
    }
}

impl Projection for WatchedGame {
    type Event = GameEvent;

    fn apply(&mut self, event: GameEvent, recorded: &RecordedEvent) {
        self.descriptions.push(board::describe(&event));
        self.version = recorded.stream_version();
        self.session.apply(event);
    }
}

/// Prints the descriptions after the first `printed` ones.
fn print_events(game: &WatchedGame, printed: usize, out: &mut impl Write) -> std::io::Result<()> {
    for line in game.descriptions.iter().skip(printed) {
        writeln!(out, "{}", Printable(line))?;
    }
    out.flush()
}

/// Prints the board and, in a game without a winner, its last event.
fn redraw(game: &WatchedGame, out: &mut impl Write) -> std::io::Result<()> {
    // The only sequence that is meant for the terminal.
    write!(out, "{CLEAR}{}", Printable(&game.board()))?;
    if let Some(last) = game.descriptions.last().filter(|_| game.session.winners.is_empty()) {
        writeln!(out, "{}", Printable(last))?;
    }
    out.flush()
}
