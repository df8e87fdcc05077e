//! [`typed`]: what a key does while something lies over the screen.

use event_core::{Position, StartFrom};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Model;
use super::overlay::{Input, Overlay, Purpose, Question, types_of};
use super::pages::Pages;
use super::request::{Action, Effect, EventFilter, EventsOf};
use super::screens::{EventsScreen, Kind, Search, StreamsScreen, TailScreen};

/// Takes a key for what lies over the screen.
pub(super) fn typed(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    model.note = None;
    match model.overlay.take() {
        None => Vec::new(),
        Some(Overlay::Help { scroll }) => {
            let scroll = match key.code {
                KeyCode::Down | KeyCode::Char('j') => Some(scroll + 1),
                KeyCode::Up | KeyCode::Char('k') => Some(scroll.saturating_sub(1)),
                _ => None,
            };
            model.overlay = scroll.map(|scroll| Overlay::Help { scroll: scroll.min(40) });
            Vec::new()
        }
        Some(Overlay::Question(question)) => answer(model, question, key.code),
        Some(Overlay::Input(input)) => edit(model, input, key),
    }
}

fn answer(model: &mut Model, question: Question, key: KeyCode) -> Vec<Effect> {
    if let KeyCode::Char('y' | 'Y') = key {
        return model.act(question.action);
    }
    model.say("nothing was done");
    Vec::new()
}

fn edit(model: &mut Model, mut input: Input, key: KeyEvent) -> Vec<Effect> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => return Vec::new(),
        KeyCode::Enter => return submit(model, input),
        KeyCode::Backspace => {
            input.text.pop();
        }
        KeyCode::Char('u') if with_control => input.text.clear(),
        KeyCode::Tab => {
            if let Purpose::Streams { contains } = &mut input.purpose {
                *contains = !*contains;
            }
        }
        KeyCode::Char(c) if !with_control => input.push(c),
        _ => {}
    }
    model.overlay = Some(Overlay::Input(input));
    Vec::new()
}

fn submit(model: &mut Model, input: Input) -> Vec<Effect> {
    match input.purpose.clone() {
        Purpose::Streams { contains } => {
            let search = match (input.text.is_empty(), contains) {
                (true, _) => None,
                (false, true) => Some(Search::Contains(input.text)),
                (false, false) => Some(Search::Prefix(input.text)),
            };
            let screen = match &model.screen().kind {
                Kind::Streams(screen) => StreamsScreen {
                    order: screen.order,
                    with_deleted: screen.with_deleted,
                    ..StreamsScreen::new(search)
                },
                _ => StreamsScreen::new(search),
            };
            model.replace(Kind::Streams(screen))
        }
        Purpose::Types => {
            let types = types_of(&input.text, &model.types);
            select_types(model, types)
        }
        Purpose::Discard(..) if input.text.trim().is_empty() => {
            model.warn("why it is discarded is kept with it");
            model.overlay = Some(Overlay::Input(input));
            Vec::new()
        }
        Purpose::Discard(subscription, position) => {
            let what = match position {
                Some(position) => format!("the parked event {position}"),
                None => "all parked events".to_owned(),
            };
            let lines = vec![
                format!("Discard {what} of {}?", subscription.name),
                "Never handled again.".to_owned(),
            ];
            let action = Action::Discard(subscription, position, input.text);
            model.overlay = Some(Overlay::Question(Question { lines, action }));
            Vec::new()
        }
        Purpose::Reset(subscription) => {
            let Some(to) = start_of(&input.text) else {
                model.warn("beginning, now, or a position, which is a number");
                model.overlay = Some(Overlay::Input(input));
                return Vec::new();
            };
            let lines = vec![
                format!("Reset {} to {}?", subscription.name, input.text.trim()),
                "The events between are skipped, or delivered again.".to_owned(),
            ];
            let action = Action::Reset(subscription, to);
            model.overlay = Some(Overlay::Question(Question { lines, action }));
            Vec::new()
        }
    }
}

/// Shows only events of some types in the list, or tail, on top.
fn select_types(model: &mut Model, types: Vec<String>) -> Vec<Effect> {
    let next = match &model.screen().kind {
        Kind::Tail(tail) => {
            Kind::Tail(TailScreen::new(EventFilter { types, ..tail.filter.clone() }))
        }
        Kind::Events(screen) => {
            // A stream is searched through the log, where types are found without reading all of it.
            let filter = EventFilter { types, ..screen.filter() };
            let of = match filter {
                EventFilter { types, stream: Some((tenant, stream)), .. } if types.is_empty() => {
                    EventsOf::Stream(tenant, stream)
                }
                filter => EventsOf::All(filter),
            };
            let list = Pages::new(None);
            Kind::Events(EventsScreen { of, is_backward: screen.is_backward, list })
        }
        _ => Kind::Events(EventsScreen::of_all(EventFilter { types, ..EventFilter::default() })),
    };
    model.replace(next)
}

/// Where a typed text means to start.
fn start_of(text: &str) -> Option<StartFrom> {
    match text.trim() {
        "start" | "beginning" => Some(StartFrom::Beginning),
        "now" | "end" => Some(StartFrom::Now),
        number => match number.parse().ok()? {
            0 => Some(StartFrom::Beginning),
            position => Some(StartFrom::After(Position::new(position))),
        },
    }
}
