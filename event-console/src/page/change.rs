//! What an operator does to a subscription. Each is a form ([`Action`]) and leaves a line for the audit: who is let in is
//! known to the console only as a session, so the line says what was done to what, and whether it was; never a reason or an
//! event, which may name a person.

use axum::extract::Path;
use axum::response::Redirect;
use event_core::{Position, StartFrom};
use serde::Deserialize;

use super::which::Which;
use crate::action::{AUDIT, Action, outcome};
use crate::failure::Failure;
use crate::links::query;
use crate::visit::Visit;

/// What a form sends. Numbers come as text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    to: String,
    position: String,
    reason: String,
}

/// `POST /subscriptions/all/{name}/{action}`
pub(crate) async fn of_all(
    Path((name, action)): Path<(String, String)>,
    form: Action<Fields>,
) -> Result<Redirect, Failure> {
    change(form.visit, Which::all(&name), &action, &form.form).await
}

/// `POST /subscriptions/of/{tenant}/{name}/{action}`
pub(crate) async fn of_tenant(
    Path((tenant, name, action)): Path<(String, String, String)>,
    form: Action<Fields>,
) -> Result<Redirect, Failure> {
    change(form.visit, Which::of(&tenant, &name)?, &action, &form.form).await
}

async fn change(
    visit: Visit,
    which: Which,
    action: &str,
    fields: &Fields,
) -> Result<Redirect, Failure> {
    let done = run(&visit, &which, action, fields).await;
    tracing::info!(
        target: AUDIT,
        action,
        subscription = %which.name.escape_debug(),
        tenant = %which.tenant.as_ref().map_or("(all)", |it| it.as_str()).escape_debug(),
        position = fields.position.parse::<u64>().ok(),
        events = done.as_ref().ok().and_then(|(_, events)| *events),
        outcome = outcome(&done),
    );
    let (action, _) = done?;
    Ok(Redirect::to(&(which.link(&visit) + &query(&[("done", action)]))))
}

/// The word for what was done, and to how many events.
type Done = (&'static str, Option<u64>);

async fn run(visit: &Visit, which: &Which, action: &str, fields: &Fields) -> Result<Done, Failure> {
    let subscription = which.open(visit);
    let done = match action {
        "pause" => subscription.pause().await.map(|()| ("pause", None)),
        "resume" => subscription.resume().await.map(|()| ("resume", None)),
        "reset" => {
            let to = start(fields)?;
            subscription.reset(to).await.map(|()| ("reset", None))
        }
        "replay" => {
            let position = position(&fields.position)?;
            subscription.replay(position).await.map(|events| ("replay", Some(events)))
        }
        "discard" => {
            let position = position(&fields.position)?;
            let discarded = subscription.discard(position, &*fields.reason).await;
            discarded.map(|events| ("discard", Some(events)))
        }
        _ => return Err(Failure::NotFound("action")),
    };
    Ok(done?)
}

fn start(fields: &Fields) -> Result<StartFrom, Failure> {
    match &*fields.to {
        "beginning" => Ok(StartFrom::Beginning),
        "now" => Ok(StartFrom::Now),
        "after" => match position(&fields.position)? {
            Some(position) => Ok(StartFrom::After(position)),
            None => Err(Failure::Invalid("give the position to start after".to_owned())),
        },
        _ => Err(Failure::Invalid("choose where to start".to_owned())),
    }
}

/// A position, or none for an empty field.
fn position(text: &str) -> Result<Option<Position>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map_err(|_| Failure::Invalid("a position is a number".to_owned()))?;
    Ok(Some(Position::new(number)))
}
