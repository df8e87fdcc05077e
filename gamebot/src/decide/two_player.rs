//! The rules of `two_player`: one team needs a number of matches with few enough attempts.

use game_events::TeamId;

use crate::decide::draft::Draft;

/// Ends the game after the last required match. The team wins if its attempts per match do not exceed the threshold.
pub(crate) fn after_attempt(draft: &mut Draft<'_>, id: &TeamId) {
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
