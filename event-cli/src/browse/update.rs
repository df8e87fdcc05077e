//! [`update`]: what a message changes, and what is to be done because of it.

use super::model::Model;
use super::press;
use super::request::{Answer, Effect, Message, Problem, Ticket};
use super::screens::Kind;

/// Takes a message. The effects are to be carried out without waiting for them.
pub(super) fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(key) => press::press(model, key),
        Message::Resize(width, height) => {
            model.size = (width, height);
            let rows = model.rows();
            model.screen_mut().resized(rows);
            Vec::new()
        }
        Message::Answer(ticket, Ok(answer)) => answered(model, ticket, answer),
        Message::Answer(ticket, Err(problem)) => failed(model, ticket, &problem),
        Message::Followed(ticket, events) => {
            let rows = model.layout().list_rows();
            for screen in model.screens_mut() {
                if let Kind::Tail(tail) = &mut screen.kind
                    && tail.ticket == Some(ticket)
                {
                    screen.problem = None;
                    tail.accept(events, rows);
                    break;
                }
            }
            Vec::new()
        }
        Message::Reached(Ok(())) => {
            if model.outage.take().is_some() {
                model.say("the store is back");
            }
            try_again(model);
            Vec::new()
        }
        Message::Reached(Err(problem)) => {
            model.outage = Some(problem);
            Vec::new()
        }
        Message::Tick if model.screen().is_watched() && model.outage.is_none() => model.refresh(),
        Message::Tick => Vec::new(),
    };
    effects.extend(pull(model));
    effects
}

/// Asks for what the screen on top needs.
fn pull(model: &mut Model) -> Option<Effect> {
    let (rows, ticket) = (model.rows(), model.ticket());
    model.screen_mut().pull(rows, ticket)
}

/// Lets the screens ask again for what failed because the store could not be reached.
fn try_again(model: &mut Model) {
    for screen in model.screens_mut() {
        screen.problem.take_if(|problem| problem.is_transient);
    }
}

fn answered(model: &mut Model, ticket: Ticket, answer: Answer) -> Vec<Effect> {
    match answer {
        Answer::Done(text) => {
            model.acting.retain(|it| *it != ticket);
            model.say(text);
            model.refresh()
        }
        Answer::Types(types) => {
            if model.types_ticket == Some(ticket) {
                model.types = types;
            }
            Vec::new()
        }
        answer => {
            // The answer may be for a screen that another was opened over.
            let rows = model.layout().list_rows();
            for screen in model.screens_mut() {
                if screen.ticket() == Some(ticket) {
                    screen.accept(ticket, answer, rows);
                    break;
                }
            }
            Vec::new()
        }
    }
}

fn failed(model: &mut Model, ticket: Ticket, problem: &Problem) -> Vec<Effect> {
    if model.acting.contains(&ticket) {
        model.acting.retain(|it| *it != ticket);
        model.warn(problem.text.clone());
        return Vec::new();
    }
    if model.types_ticket == Some(ticket) {
        model.types_ticket = None;
        return Vec::new();
    }
    for screen in model.screens_mut() {
        if screen.failed(ticket, problem) {
            break;
        }
    }
    Vec::new()
}
