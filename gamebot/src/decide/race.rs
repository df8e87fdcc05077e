//! The rules of `race`: each team plays its own rounds; the team with the most matches at the time limit wins.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use game_events::{RaceModeTimeExpired, RaceResult, TeamId, TeamSession};

use crate::decide::Refused;
use crate::decide::draft::{Draft, seconds};

/// Ends the game if its time limit is reached.
pub(crate) fn end_expired(draft: &mut Draft<'_>) {
    let Some(started) = draft.session.started_at.filter(|_| !draft.session.time_expired) else {
        return;
    };
    let limit = TimeDelta::seconds(draft.settings.time_limit.into());
    if draft.now() - started < limit {
        return;
    }
    let result = |team: &TeamSession| RaceResult {
        matches: team.matches,
        total_guesses: team.total_guesses,
        average_guesses: team.average_guesses(),
        last_match_timestamp: team.last_match_at,
        player_stats: team.stats(),
    };
    let teams = draft.session.teams.iter();
    let final_matches = teams.map(|(id, team)| (id.clone(), result(team))).collect();
    draft.emit(RaceModeTimeExpired {
        base: draft.base(draft.session.round_number),
        final_matches,
        game_duration: seconds(limit),
    });
    let winner = winner(draft).into_iter().collect();
    draft.complete(winner, started + limit);
}

/// Starts the next round of each team in `words`; none of them may have an open round.
pub(crate) fn start_round(
    draft: &mut Draft<'_>,
    words: &BTreeMap<TeamId, [String; 2]>,
) -> Result<(), Refused> {
    if words.is_empty() {
        return Err("`words` must contain at least one team".into());
    }
    let mut rounds: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (id, pair) in words {
        let Some(team) = draft.session.teams.get(id) else {
            return Err(format!("`words` contains `{id}`, which is not a team"));
        };
        if team.round_open {
            return Err(format!("round {} of team `{id}` is still open", team.round));
        }
        rounds.entry(team.round + 1).or_default().push((id, pair));
    }
    for (round, words) in rounds {
        draft.start_round(round, words.into_iter());
    }
    Ok(())
}

/// Returns the team with the most matches; of equals the one with the fewest attempts per match, then the first in team
/// order. A team without a match cannot win.
fn winner(draft: &Draft<'_>) -> Option<TeamId> {
    let mut best: Option<(&TeamId, &TeamSession)> = None;
    for (id, team) in draft.session.active_teams().filter(|(_, team)| team.matches > 0) {
        if best.is_none_or(|(_, leader)| beats(team, leader)) {
            best = Some((id, team));
        }
    }
    best.map(|(id, _)| id.clone())
}

fn beats(team: &TeamSession, leader: &TeamSession) -> bool {
    let (a, b) = (u64::from(team.matches), u64::from(leader.matches));
    // Compares attempts per match without a division.
    let (fewer, more) = (u64::from(team.total_guesses) * b, u64::from(leader.total_guesses) * a);
    a > b || (a == b && fewer < more)
}
