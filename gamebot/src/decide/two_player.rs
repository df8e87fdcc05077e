//! `two_player`: one team, a number of matches, and not too many attempts.

use game_events::TeamId;

use crate::decide::draft::Draft;

/// After the last required match the game is over; the average of attempts a match decides whether it is won.
pub(crate) fn attempt_over(draft: &mut Draft<'_>, id: &TeamId) {
    let Some(team) = draft.session.teams.get(id) else { return };
    let settings = draft.settings;
    if team.matches < settings.rounds_required {
        return;
    }
    let allowed = u64::from(settings.success_threshold) * u64::from(settings.rounds_required);
    let won = u64::from(team.total_guesses) <= allowed;
    let winners = if won { vec![id.clone()] } else { Vec::new() };
    draft.complete(winners, draft.now());
}
