//! [`press`]: what a key does.

use event_core::subscription::SubscriptionStatus;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::cursor::Move;
use super::model::Model;
use super::overlay::{Input, Overlay, Purpose, Question};
use super::pages::Pages;
use super::request::{Action, Effect, EventFilter, EventKey, EventsOf, Request};
use super::rows::EventRow;
use super::screens::{
    EventScreen, EventsScreen, Kind, ParkedScreen, StreamsScreen, TailScreen, key_of,
};
use super::typed;

/// Takes a key.
pub(super) fn press(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return vec![Effect::Quit];
    }
    if model.overlay.is_some() {
        return typed::typed(model, key);
    }
    model.note = None;
    if let Some(to) = movement(model, key) {
        let rows = model.rows();
        model.screen_mut().go(to, rows);
        return Vec::new();
    }
    match everywhere(model, key) {
        Some(effects) => effects,
        None => on_screen(model, key.code),
    }
}

fn movement(model: &Model, key: KeyEvent) -> Option<Move> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let follows = matches!(model.screen().kind, Kind::Tail(_));
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Move::Up,
        KeyCode::Down | KeyCode::Char('j') => Move::Down,
        KeyCode::PageUp | KeyCode::Char('b') => Move::PageUp,
        KeyCode::PageDown => Move::PageDown,
        KeyCode::Char('f') if with_control => Move::PageDown,
        KeyCode::Char(' ') if !follows => Move::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Move::First,
        KeyCode::End | KeyCode::Char('G') => Move::Last,
        _ => return None,
    })
}

fn everywhere(model: &mut Model, key: KeyEvent) -> Option<Vec<Effect>> {
    Some(match key.code {
        KeyCode::Char('q') => vec![Effect::Quit],
        KeyCode::Char('?') | KeyCode::F(1) => {
            model.overlay = Some(Overlay::Help { scroll: 0 });
            Vec::new()
        }
        KeyCode::Esc | KeyCode::Backspace => model.pop(),
        KeyCode::Char('r') | KeyCode::F(5) => model.refresh(),
        KeyCode::Char('1') => model.go_to(Kind::Streams(StreamsScreen::new(None))),
        KeyCode::Char('2') => {
            model.go_to(Kind::Events(EventsScreen::of_all(EventFilter::default())))
        }
        KeyCode::Char('3') => model.go_to(Kind::Tail(TailScreen::new(EventFilter::default()))),
        KeyCode::Char('4') => model.go_to(Kind::Subscriptions(Pages::new(()))),
        KeyCode::Char('5') => model.go_to(Kind::Projections(Pages::new(()))),
        _ => return None,
    })
}

fn on_screen(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    match &model.screen().kind {
        Kind::Streams(_) => on_streams(model, key),
        Kind::Events(_) => on_events(model, key),
        Kind::Event(_) => on_event(model, key),
        Kind::Tail(_) => on_tail(model, key),
        Kind::Subscriptions(_) => on_subscriptions(model, key),
        Kind::Parked(_) => on_parked(model, key),
        Kind::Projections(_) => on_projections(model, key),
    }
}

fn on_streams(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Streams(screen) = &model.screen().kind else { return Vec::new() };
    match key {
        KeyCode::Enter => {
            if let Some(stream) = model.screen().stream() {
                let events = EventsScreen::of_stream(stream);
                model.push(Kind::Events(events));
            }
            Vec::new()
        }
        KeyCode::Char('/') => {
            model.overlay = Some(Overlay::Input(Input::new(Purpose::Streams { contains: false })));
            Vec::new()
        }
        KeyCode::Char('o') => {
            let screen = screen.reordered();
            model.replace(Kind::Streams(screen))
        }
        KeyCode::Char('d') => {
            let screen = screen.with_deleted(!screen.with_deleted);
            model.replace(Kind::Streams(screen))
        }
        _ => Vec::new(),
    }
}

fn on_events(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Events(screen) = &model.screen().kind else { return Vec::new() };
    match key {
        KeyCode::Enter => open_event(model),
        KeyCode::Char('/') => ask_for_types(model),
        KeyCode::Char('o') => {
            let screen = screen.reversed();
            model.replace(Kind::Events(screen))
        }
        KeyCode::Char('f') => {
            let tail = TailScreen::new(screen.filter());
            model.push(Kind::Tail(tail));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn on_tail(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let rows = model.rows();
    match key {
        KeyCode::Enter => open_event(model),
        KeyCode::Char('/') => ask_for_types(model),
        KeyCode::Char(' ') => {
            if let Kind::Tail(tail) = &mut model.screen_mut().kind {
                tail.toggle(rows);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn open_event(model: &mut Model) -> Vec<Effect> {
    if let Some(row) = model.screen().event() {
        let event = EventScreen::of_row(row);
        model.push(Kind::Event(event));
    }
    Vec::new()
}

/// Opens the line for types, and asks for the types that there are.
fn ask_for_types(model: &mut Model) -> Vec<Effect> {
    model.overlay = Some(Overlay::Input(Input::new(Purpose::Types)));
    let ticket = model.ticket();
    model.types_ticket = Some(ticket);
    vec![Effect::Load(ticket, Request::Types)]
}

fn on_event(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Event(screen) = &mut model.screen_mut().kind else { return Vec::new() };
    match key {
        KeyCode::Char('v') | KeyCode::Tab => screen.next_mode(),
        KeyCode::Right | KeyCode::Char('l') => screen.shift = (screen.shift + 8).min(2_000),
        KeyCode::Left | KeyCode::Char('h') => screen.shift = screen.shift.saturating_sub(8),
        KeyCode::Char('n') => return neighbour(model, Move::Down),
        KeyCode::Char('p') => return neighbour(model, Move::Up),
        KeyCode::Char('c') => {
            let correlation = screen.page.as_ref().and_then(|page| page.correlation.clone());
            match correlation {
                None => model.say("the event has no correlation id"),
                correlation => {
                    let filter = EventFilter { correlation, ..EventFilter::default() };
                    model.push(Kind::Events(EventsScreen::of_all(filter)));
                }
            }
        }
        KeyCode::Char('s') => {
            if let Some(page) = &screen.page {
                let EventRow { tenant, stream, version, origin, .. } = &page.row;
                let (stream, version) = origin.as_ref().map_or((stream, version), |(s, v)| (s, v));
                let of = EventsOf::Stream(tenant.clone(), stream.clone());
                let list = Pages::new(Some(version.get()));
                model.push(Kind::Events(EventsScreen { of, is_backward: false, list }));
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Shows the event after the one that is shown, or before it, in the list below.
fn neighbour(model: &mut Model, to: Move) -> Vec<Effect> {
    let rows = model.layout().list_rows();
    let Some(below) = model.below_mut() else { return Vec::new() };
    below.go(to, rows);
    let key = match &below.kind {
        Kind::Parked(parked) => parked.list.selected().map(|parked| EventKey {
            tenant: None,
            id: parked.event_id,
            position: parked.position,
        }),
        _ => below.event().map(|row| EventScreen::of_row(row).key),
    };
    match (key, &model.screen().kind) {
        (Some(key), Kind::Event(shown)) if shown.key != key => {
            let next = EventScreen { mode: shown.mode, ..EventScreen::new(key) };
            let mut effects = model.replace(Kind::Event(next));
            // The list goes on where the cursor comes to its end.
            let ticket = model.ticket();
            effects.extend(model.below_mut().and_then(|below| below.pull(rows, ticket)));
            effects
        }
        _ => Vec::new(),
    }
}

fn on_subscriptions(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Subscriptions(list) = &model.screen().kind else { return Vec::new() };
    let Some(info) = list.selected() else { return Vec::new() };
    let (subscription, name) = (key_of(info), info.name.clone());
    match key {
        KeyCode::Enter => model.push(Kind::Parked(ParkedScreen::new(subscription))),
        KeyCode::Char('p') => {
            let action = match info.status {
                SubscriptionStatus::Paused => Action::Resume(subscription),
                _ => Action::Pause(subscription),
            };
            return model.act(action);
        }
        KeyCode::Char('y') if info.parked == 0 => model.say("no event is parked"),
        KeyCode::Char('y') => {
            let lines = vec![format!("Replay all {} parked events of {name}?", info.parked)];
            ask(model, lines, Action::Replay(subscription, None));
        }
        KeyCode::Char('R') => {
            model.overlay = Some(Overlay::Input(Input::new(Purpose::Reset(subscription))));
        }
        _ => {}
    }
    Vec::new()
}

fn on_parked(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Parked(screen) = &model.screen().kind else { return Vec::new() };
    let Some(parked) = screen.list.selected() else { return Vec::new() };
    let (subscription, position) = (screen.subscription.clone(), parked.position);
    let name = subscription.name.clone();
    match key {
        KeyCode::Enter => {
            let key = EventKey { tenant: subscription.tenant, id: parked.event_id, position };
            model.push(Kind::Event(EventScreen::new(key)));
        }
        KeyCode::Char('y') => return model.act(Action::Replay(subscription, Some(position))),
        KeyCode::Char('x') => {
            let purpose = Purpose::Discard(subscription, Some(position));
            model.overlay = Some(Overlay::Input(Input::new(purpose)));
        }
        KeyCode::Char('X') => {
            let purpose = Purpose::Discard(subscription, None);
            model.overlay = Some(Overlay::Input(Input::new(purpose)));
        }
        KeyCode::Char('Y') => {
            let lines = vec![format!("Replay all parked events of {name}?")];
            ask(model, lines, Action::Replay(subscription, None));
        }
        _ => {}
    }
    Vec::new()
}

fn on_projections(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    let Kind::Projections(list) = &model.screen().kind else { return Vec::new() };
    let Some(report) = list.selected() else { return Vec::new() };
    let (name, build) = (report.name.clone(), report.build);
    match key {
        KeyCode::Char('S') if report.is_current => model.warn("readers read this build already"),
        KeyCode::Char('S') => {
            let lines = vec![
                format!("Let readers of {name} read build {build}?"),
                "The build that they read now stays.".to_owned(),
            ];
            ask(model, lines, Action::SwitchBuild { name, build });
        }
        KeyCode::Char('D') if report.is_current => {
            model.warn("readers read this build: switch to another one first");
        }
        KeyCode::Char('D') => {
            let lines = vec![
                format!("Drop build {build} of {name}?"),
                format!("What it holds of {} events is removed for good.", report.events),
            ];
            ask(model, lines, Action::DropBuild { name, build });
        }
        _ => {}
    }
    Vec::new()
}

fn ask(model: &mut Model, lines: Vec<String>, action: Action) {
    model.overlay = Some(Overlay::Question(Question { lines, action }));
}
