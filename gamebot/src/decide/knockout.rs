//! The rules of `knockout`: a team is eliminated by the time limit, by the attempt limit, or at the end of a round with too
//! many teams left.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use game_events::{
    AdvancingTeam, EliminatedTeam, EliminationReason, KnockoutRoundCompleted, TeamId, TeamSession,
};

use crate::decide::draft::{Draft, seconds};

/// Teams that may be left at the end of a round before some are eliminated by force.
const MAX_TEAMS_AFTER_ROUND: usize = 8;
/// Number of teams eliminated by force.
const FORCED_ELIMINATIONS: usize = 3;

/// Ends the round if its time limit is reached.
pub(crate) fn end_expired(draft: &mut Draft<'_>) {
    let Some(started) = round_start(draft).filter(|_| draft.session.any_round_open()) else {
        return;
    };
    let limit = TimeDelta::seconds(draft.settings.round_duration_seconds.into());
    if draft.now() - started < limit {
        return;
    }
    for team in active_teams(draft, |team| !team.matched) {
        draft.eliminate(&team, EliminationReason::Timeout);
    }
    end_round(draft, started + limit);
}

/// Eliminates the team if it reaches the attempt limit. Ends the round if every active team has matched or at most one is
/// left.
pub(crate) fn after_attempt(draft: &mut Draft<'_>, id: &TeamId) {
    let Some(team) = draft.session.teams.get(id) else { return };
    let limit = draft.settings.elimination_guess_limit;
    if !team.matched && team.round_guesses >= limit {
        draft.eliminate(id, EliminationReason::MaxGuesses);
    }
    let active = active_teams(draft, |_| true).len();
    let unmatched = active_teams(draft, |team| !team.matched).len();
    if unmatched == 0 || active <= 1 {
        end_round(draft, draft.now());
    }
}

/// Returns the active teams that satisfy `predicate`, in team order.
fn active_teams(draft: &Draft<'_>, predicate: impl Fn(&TeamSession) -> bool) -> Vec<TeamId> {
    draft
        .session
        .active_teams()
        .filter(|(_, team)| predicate(team))
        .map(|(id, _)| id.clone())
        .collect()
}

/// Returns the start of the round that the active teams play.
fn round_start(draft: &Draft<'_>) -> Option<DateTime<Utc>> {
    draft.session.active_teams().filter_map(|(_, team)| team.round_started_at).max()
}

fn end_round(draft: &mut Draft<'_>, ended: DateTime<Utc>) {
    let started = draft.session.teams.values().filter_map(|team| team.round_started_at).max();
    force_eliminations(draft);
    let round = draft.session.round_number;
    let eliminated_teams = draft
        .session
        .team_ids
        .iter()
        .filter_map(|id| draft.session.teams.get_key_value(id))
        .filter(|(_, team)| team.eliminated_in_round == Some(round))
        .filter_map(|(id, team)| {
            Some(EliminatedTeam {
                team_id: id.clone(),
                reason: team.eliminated?,
                final_score: team.score,
                player_stats: team.stats(),
            })
        })
        .collect();
    let advancing_teams = draft
        .session
        .active_teams()
        .map(|(id, team)| AdvancingTeam {
            team_id: id.clone(),
            score: team.score,
            matches: team.matches,
            total_guesses: team.total_guesses,
        })
        .collect();
    draft.emit(KnockoutRoundCompleted {
        base: draft.base(round),
        eliminated_teams,
        advancing_teams,
        round_duration: started.map_or(0, |started| seconds(ended - started)),
    });
    let remaining = active_teams(draft, |_| true);
    if remaining.len() <= 1 {
        draft.complete(remaining, ended);
    }
}

/// Eliminates the teams with the most attempts in the round if too many are left. Of teams with equal attempts, the later
/// in team order is eliminated first.
fn force_eliminations(draft: &mut Draft<'_>) {
    let mut remaining: Vec<_> = draft
        .session
        .active_teams()
        .enumerate()
        .map(|(order, (id, team))| (team.round_guesses, order, id.clone()))
        .collect();
    if remaining.len() <= MAX_TEAMS_AFTER_ROUND {
        return;
    }
    remaining.sort_unstable_by_key(|(guesses, order, _)| Reverse((*guesses, *order)));
    for (_, _, team) in remaining.into_iter().take(FORCED_ELIMINATIONS) {
        draft.eliminate(&team, EliminationReason::RoundLoss);
    }
}
