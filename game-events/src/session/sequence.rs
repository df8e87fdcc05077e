//! Rules on the order of events within one game, checked on recovery and before an event is decided.
//!
//! An event must belong to the same game, guild and mode; timestamps and round numbers never decrease; only an active
//! team with an open round makes attempts; no event follows `game_completed`.

use event_core::aggregate::Violation;
use event_core::{RecordedEvent, Tenant};

use crate::base::{EventBase, GameMode};
use crate::game_event::GameEvent;
use crate::game_stream::game_of;
use crate::id::{PlayerId, TeamId};
use crate::session::team::TeamSession;
use crate::session::{GameSession, SessionStatus};

/// Checks that an event is stored where its own ids say: in the stream of its game, in the tenant of its guild. The default
/// tenant is that of stores without tenants, and other streams than those of games hold what they like.
pub(super) fn belongs(event: &GameEvent, recorded: &RecordedEvent) -> Result<(), Violation> {
    let base = event.base();
    let stream = recorded.origin().map_or_else(|| recorded.stream_id(), |(stream, _)| stream);
    if let Some(game) = game_of(stream)
        && game != base.game_id.as_str()
    {
        let reason =
            format!("the event belongs to game `{}`, its stream to `{game}`", base.game_id);
        return Err(Violation::identity(reason));
    }
    let tenant = recorded.tenant();
    if *tenant != Tenant::default() && tenant.as_str() != base.guild_id.as_str() {
        let reason =
            format!("the event belongs to guild `{}`, its tenant is `{tenant}`", base.guild_id);
        return Err(Violation::identity(reason));
    }
    Ok(())
}

impl GameSession {
    /// Checks that `event` may be the next event of this session.
    ///
    /// # Errors
    /// [`Violation`] with the rule that the event breaks.
    pub fn may_follow(&self, event: &GameEvent) -> Result<(), Violation> {
        match (self.status, event) {
            (SessionStatus::Initializing, GameEvent::Started(_)) => return Ok(()),
            (SessionStatus::Initializing, _) => {
                return Err(Violation::new("the first event of a game must be `game_started`"));
            }
            (_, GameEvent::Started(_)) => {
                return Err(Violation::new("the game has already started"));
            }
            (SessionStatus::Completed, _) => {
                return Err(Violation::new("no event may follow `game_completed`"));
            }
            (SessionStatus::Active, _) => {}
        }
        self.check_identity(event.base())?;
        self.check_order(event)?;
        self.check_teams(event)
    }

    fn check_identity(&self, base: &EventBase) -> Result<(), Violation> {
        if base.game_id != self.game_id {
            let reason =
                format!("the event belongs to game `{}`, not to `{}`", base.game_id, self.game_id);
            return Err(Violation::identity(reason));
        }
        if base.guild_id != self.guild_id {
            let reason = format!(
                "the event belongs to guild `{}`, the game to `{}`",
                base.guild_id, self.guild_id
            );
            return Err(Violation::identity(reason));
        }
        match self.mode {
            Some(mode) if mode != base.mode => Err(Violation::identity(format!(
                "the event has mode {}, the game has mode {mode}",
                base.mode
            ))),
            _ => Ok(()),
        }
    }

    fn check_order(&self, event: &GameEvent) -> Result<(), Violation> {
        let base = event.base();
        if let Some(last) = self.last_event_at.filter(|last| base.timestamp < *last) {
            let reason = format!("timestamp {} is before the last event's {last}", base.timestamp);
            return Err(Violation::new(reason));
        }
        let last = self.last_round(event);
        if base.round_number < last {
            let reason = format!("round {} comes after round {last}", base.round_number);
            return Err(Violation::new(reason));
        }
        Ok(())
    }

    /// The lowest round number the event may have. In a race each team counts its own rounds.
    fn last_round(&self, event: &GameEvent) -> u32 {
        let round_of = |id| self.teams.get(id).map_or(0, |team| team.round);
        match (self.mode, event) {
            (Some(GameMode::Race), GameEvent::RoundStarted(round)) => {
                round.team_states.keys().map(round_of).max().unwrap_or(0)
            }
            (Some(GameMode::Race), event) => event.team_id().map_or(self.round_number, round_of),
            _ => self.round_number,
        }
    }

    fn check_teams(&self, event: &GameEvent) -> Result<(), Violation> {
        match event {
            GameEvent::RoundStarted(round) => {
                round.team_states.keys().try_for_each(|team| self.require_active(team).map(|_| ()))
            }
            GameEvent::GuessProcessed(guess) => {
                self.require_open_round(&guess.team_id)?;
                self.require_player(&guess.team_id, &guess.player1_info.player_id)?;
                self.require_player(&guess.team_id, &guess.player2_info.player_id)
            }
            GameEvent::GuessAbandoned(guess) => {
                self.require_open_round(&guess.team_id)?;
                self.require_player(&guess.team_id, &guess.abandoning_player_id)
            }
            GameEvent::TeamEliminated(elimination) => {
                self.require_active(&elimination.team_id).map(|_| ())
            }
            GameEvent::Completed(end) => {
                end.winners.iter().try_for_each(|team| self.require_active(team).map(|_| ()))
            }
            GameEvent::Started(_)
            | GameEvent::KnockoutRoundCompleted(_)
            | GameEvent::RaceModeTimeExpired(_) => Ok(()),
        }
    }

    fn require_active(&self, id: &TeamId) -> Result<&TeamSession, Violation> {
        match self.teams.get(id) {
            None => Err(Violation::new(format!("team `{id}` does not play in this game"))),
            Some(team) if !team.is_active() => {
                Err(Violation::new(format!("team `{id}` is eliminated")))
            }
            Some(team) => Ok(team),
        }
    }

    fn require_open_round(&self, id: &TeamId) -> Result<(), Violation> {
        if self.require_active(id)?.round_open {
            return Ok(());
        }
        Err(Violation::new(format!("team `{id}` has no open round")))
    }

    fn require_player(&self, id: &TeamId, player: &PlayerId) -> Result<(), Violation> {
        if self.require_active(id)?.players.contains(player) {
            return Ok(());
        }
        Err(Violation::new(format!("player `{player}` does not play in team `{id}`")))
    }
}
