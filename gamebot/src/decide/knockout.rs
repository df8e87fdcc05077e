//! knockout: teams drop out, by the clock, by too many attempts, by the most attempts when too many are left.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use game_events::{
    AdvancingTeam, EliminatedTeam, EliminationReason, KnockoutRoundCompleted, TeamId, TeamSession,
};

use crate::decide::draft::{Draft, seconds};

/// With more teams left than this at the end of a round, the forced rule applies.
const CROWD: usize = 8;
/// How many the forced rule puts out.
const FORCED: usize = 3;

/// Ends the round whose time is up.
pub(crate) fn check_clock(draft: &mut Draft<'_>) {
    let Some(started) = round_start(draft).filter(|_| draft.session.any_round_open()) else {
        return;
    };
    let limit = TimeDelta::seconds(draft.settings.round_duration_seconds.into());
    if draft.now() - started < limit {
        return;
    }
    for team in teams(draft, |team| !team.matched) {
        draft.eliminate(&team, EliminationReason::Timeout);
    }
    end_round(draft, started + limit);
}

/// After an attempt: out at the limit, and perhaps that was the round, or the game.
pub(crate) fn attempt_over(draft: &mut Draft<'_>, id: &TeamId) {
    let Some(team) = draft.session.teams.get(id) else { return };
    let limit = draft.settings.elimination_guess_limit;
    if !team.matched && team.round_guesses >= limit {
        draft.eliminate(id, EliminationReason::MaxGuesses);
    }
    let active = teams(draft, |_| true).len();
    let unmatched = teams(draft, |team| !team.matched).len();
    if unmatched == 0 || active <= 1 {
        end_round(draft, draft.now());
    }
}

/// The active teams for which something holds, in team order.
fn teams(draft: &Draft<'_>, holds: impl Fn(&TeamSession) -> bool) -> Vec<TeamId> {
    draft.session.active_teams().filter(|(_, team)| holds(team)).map(|(id, _)| id.clone()).collect()
}

/// When the round began that the active teams play.
fn round_start(draft: &Draft<'_>) -> Option<DateTime<Utc>> {
    draft.session.active_teams().filter_map(|(_, team)| team.round_started_at).max()
}

fn end_round(draft: &mut Draft<'_>, ended: DateTime<Utc>) {
    let started = draft.session.teams.values().filter_map(|team| team.round_started_at).max();
    thin_out(draft);
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
    let left = teams(draft, |_| true);
    if left.len() <= 1 {
        draft.complete(left, ended);
    }
}

/// Once a round: with too many teams left, those with the highest guess counts of the round go; of equals, the later
/// in team order goes first.
fn thin_out(draft: &mut Draft<'_>) {
    let mut left: Vec<_> = draft
        .session
        .active_teams()
        .enumerate()
        .map(|(order, (id, team))| (team.round_guesses, order, id.clone()))
        .collect();
    if left.len() <= CROWD {
        return;
    }
    left.sort_unstable_by_key(|(guesses, order, _)| Reverse((*guesses, *order)));
    for (_, _, team) in left.into_iter().take(FORCED) {
        draft.eliminate(&team, EliminationReason::RoundLoss);
    }
}
