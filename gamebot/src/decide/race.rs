//! race: each team has its own rounds; when the time is up, the most matches win.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use game_events::{RaceModeTimeExpired, RaceResult, TeamId, TeamSession};

use crate::decide::Refused;
use crate::decide::draft::{Draft, seconds};

/// Ends the game whose time is up.
pub(crate) fn check_clock(draft: &mut Draft<'_>) {
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

/// A round for teams without an open one; each is at a round of its own.
pub(crate) fn start_round(
    draft: &mut Draft<'_>,
    words: &BTreeMap<TeamId, [String; 2]>,
) -> Result<(), Refused> {
    if words.is_empty() {
        return Err("`words` must name at least one team".into());
    }
    let mut rounds: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (id, pair) in words {
        let Some(team) = draft.session.teams.get(id) else {
            return Err(format!("`words` names `{id}`, which is no team"));
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

/// Most matches, then the fewest attempts a match, then the first in team order; nobody without a match.
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
    // Attempts a match, compared without dividing.
    let (fewer, more) = (u64::from(team.total_guesses) * b, u64::from(leader.total_guesses) * a);
    a > b || (a == b && fewer < more)
}
