//! `gamebot new`: two players at one terminal, who take turns.

use std::io::{BufRead, Write};

use chrono::{DateTime, Utc};
use event_cli::Terminal;
use event_core::EventStore;
use fastrand::Rng;
use game_events::{AbandonReason, GameId, GameMode, GuildId, PlayerId, SessionStatus, TeamId};
use serde_json::Map;

use crate::failure::Failure;
use crate::play::{Output, Playback, Played};
use crate::transcript::{Action, Line, Start};

/// The team of the two players.
const TEAM: &str = "red";
/// What a player writes to give up the attempt.
const GIVE_UP: &str = "/abandon";
/// Hides the word from the player who is next.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

const WORDS: [&str; 32] = [
    "sun", "sea", "oak", "ice", "coin", "moon", "river", "stone", "bread", "king", "paper", "fire",
    "garden", "glass", "wolf", "cloud", "bridge", "salt", "clock", "apple", "wind", "gold", "lamp",
    "horse", "snow", "ship", "mirror", "honey", "tower", "thread", "island", "drum",
];

/// The arguments of `gamebot new`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotSeat {
    /// The mode; only that of two players can be played at one terminal.
    pub mode: GameMode,
    /// Id of the game; random without one.
    pub game: Option<String>,
    /// Guild of the game.
    pub guild: String,
    /// The two players.
    pub players: [String; 2],
    /// The number of rounds to win.
    pub rounds: u32,
    /// Seed of the words; random without one.
    pub seed: Option<u64>,
    /// Whether both the input and the output are a terminal, which is then cleared after each word.
    pub is_terminal: bool,
}

/// Plays a new game: reads the words of the players in turn, and stores the events as they are decided.
///
/// # Errors
/// [`Failure`] with exit code 2 for players, an id or settings that the rules refuse, 64 for another mode, 1 for anything
/// else. When the input ends, the game ends unfinished; what was decided is stored.
pub async fn hot_seat<W: Write>(
    store: &EventStore,
    args: &HotSeat,
    input: &mut impl BufRead,
    out: &mut Terminal<W>,
) -> Result<Played, Failure> {
    if args.mode != GameMode::TwoPlayer {
        return Err(Failure::usage(
            "error: only `two_player` is for one terminal; `gamebot play` plays transcripts of the others",
        ));
    }
    let mut rng = args.seed.map_or_else(Rng::new, Rng::with_seed);
    let game = args.game.clone().unwrap_or_else(|| format!("hot-seat-{:08x}", rng.u32(..)));
    let mut table = Table {
        playback: Playback::new("input", Output::Text),
        number: 0,
        last: DateTime::<Utc>::MIN_UTC,
        args,
    };
    table.act(store, table.start(&game), out).await?;
    writeln!(out, "game {game}; both write the same word to win a round, {GIVE_UP} gives up")?;
    let is_over = 'game: loop {
        let words = [rng.choice(WORDS), rng.choice(WORDS)].map(|word| word.unwrap_or("sun"));
        if words[0] == words[1] {
            continue;
        }
        let round = Action::Round([(TeamId::from(TEAM), words.map(str::to_owned))].into());
        table.act(store, round, out).await?;
        while table.is_round_open() {
            for player in &args.players {
                if table.is_round_open() && !table.turn(store, player, words, input, out).await? {
                    break 'game false;
                }
            }
        }
        if table.playback.session().status == SessionStatus::Completed {
            break true;
        }
    };
    if !is_over {
        writeln!(out, "\nthe input ended; the game is stored as far as it came")?;
    }
    table.playback.finish(out)
}

/// A game that is being played.
struct Table<'a> {
    playback: Playback<'a>,
    number: usize,
    last: DateTime<Utc>,
    args: &'a HotSeat,
}

impl Table<'_> {
    fn start(&self, game: &str) -> Action {
        let players = self.args.players.iter().map(|it| PlayerId::from(it.as_str()));
        let mut config = Map::new();
        config.insert("rounds_required".to_owned(), self.args.rounds.into());
        Action::Start(Start {
            game: GameId::from(game),
            guild: GuildId::from(self.args.guild.as_str()),
            mode: GameMode::TwoPlayer,
            teams: vec![(TeamId::from(TEAM), players.collect())],
            roles: std::collections::BTreeMap::default(),
            config,
        })
    }

    fn is_round_open(&self) -> bool {
        let session = self.playback.session();
        session.status != SessionStatus::Completed && session.any_round_open()
    }

    async fn act(
        &mut self,
        store: &EventStore,
        action: Action,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        self.number += 1;
        // A clock that is set back does not turn the game back.
        self.last = self.last.max(Utc::now());
        let line = Line { number: self.number, at: self.last, action };
        self.playback.line(store, &line, out).await
    }

    /// Asks a player until their word is taken. False if the input ended.
    async fn turn<W: Write>(
        &mut self,
        store: &EventStore,
        player: &str,
        words: [&str; 2],
        input: &mut impl BufRead,
        out: &mut Terminal<W>,
    ) -> Result<bool, Failure> {
        loop {
            write!(out, "{} and {}, {}: ", words[0], words[1], player)?;
            out.flush()?;
            let mut word = String::new();
            let read = input.read_line(&mut word);
            if read.map_err(|error| Failure::general(format!("could not read a word: {error}")))?
                == 0
            {
                return Ok(false);
            }
            if self.args.is_terminal {
                write!(out.screen(), "{CLEAR}")?;
            }
            let (team, player) = (TeamId::from(TEAM), PlayerId::from(player));
            let action = match word.trim() {
                GIVE_UP => Action::Abandon { team, player, reason: AbandonReason::PlayerQuit },
                word => Action::Guess { team, player, word: word.to_owned() },
            };
            match self.act(store, action, out).await {
                // The rules refuse the word: another one may do.
                Err(refused) if refused.code == 2 => writeln!(out, "{refused}")?,
                done => return done.map(|()| true),
            }
        }
    }
}

/// Whether two people sit before it.
pub(crate) fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}
