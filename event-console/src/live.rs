//! `GET /live`: what is stored from now on, as server-sent events. All listeners share one reader ([`Tail`](crate::tail::Tail)).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::Query;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::failure::{Failure, Refusal};
use crate::links::Links;
use crate::tail::{Note, Stored};
use crate::text;
use crate::visit::Visit;

/// The most listeners at once.
const MOST: usize = 1_000;

/// Which events are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    tenant: String,
    stream: String,
    category: String,
    #[serde(rename = "type")]
    event_type: String,
}

/// `GET /live`
pub(crate) async fn get(visit: Visit, Query(wanted): Query<Wanted>) -> Result<Response, Failure> {
    let shared = &visit.shared;
    if shared.tail.listeners() >= MOST {
        return Err(Refusal::Busy.into());
    }
    let receiver = shared.tail.listen(&shared.store).await?;
    let live = Live { next: next(receiver), wanted, links: visit.links.clone(), has_begun: false };
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(live).keep_alive(alive).into_response())
}

/// The notes of one listener.
struct Live {
    next: Pin<Box<dyn Future<Output = Heard> + Send>>,
    wanted: Wanted,
    links: Links,
    has_begun: bool,
}

type Heard = (Result<Arc<Note>, RecvError>, Receiver<Arc<Note>>);

fn next(mut receiver: Receiver<Arc<Note>>) -> Pin<Box<dyn Future<Output = Heard> + Send>> {
    Box::pin(async move { (receiver.recv().await, receiver) })
}

impl Stream for Live {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.has_begun {
            self.has_begun = true;
            return Poll::Ready(Some(Ok(Event::default().event("begun").data("{}"))));
        }
        loop {
            let (heard, receiver) = ready!(self.next.as_mut().poll(context));
            self.next = next(receiver);
            let event = match heard {
                Ok(note) => match self.written(&note) {
                    Some(event) => event,
                    None => continue,
                },
                Err(RecvError::Lagged(missed)) => {
                    Event::default().event("missed").data(json!({ "count": missed }).to_string())
                }
                Err(RecvError::Closed) => return Poll::Ready(None),
            };
            return Poll::Ready(Some(Ok(event)));
        }
    }
}

impl Live {
    fn written(&self, note: &Note) -> Option<Event> {
        match note {
            Note::Event(stored) => self.wanted.admits(stored).then(|| event(&self.links, stored)),
            Note::Away => Some(Event::default().event("store").data(r#"{"answers":false}"#)),
            Note::Back => Some(Event::default().event("store").data(r#"{"answers":true}"#)),
        }
    }
}

impl Wanted {
    fn admits(&self, stored: &Stored) -> bool {
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        is(&self.tenant, stored.tenant.as_str())
            && is(&self.stream, stored.stream_id.as_str())
            && is(&self.category, stored.stream_id.category())
            && is(&self.event_type, &stored.event_type)
    }
}

/// An event without its content. The script writes it as text.
fn event(links: &Links, stored: &Stored) -> Event {
    let recorded = stored.recorded_at;
    let data = json!({
        "time": recorded.format("%m-%d %H:%M:%S").to_string(),
        "datetime": recorded.to_rfc3339(),
        "type": text::plain_name(&stored.event_type),
        "version": stored.event_version.to_string(),
        "tenant": text::plain_name(stored.tenant.as_str()),
        "stream": text::plain_name(stored.stream_id.as_str()),
        "number": stored.stream_version.get(),
        "position": text::number(stored.position.get()),
        "event": links.event(&stored.tenant, stored.event_id),
        "in": links.stream(&stored.tenant, &stored.stream_id),
    });
    Event::default().event("stored").data(data.to_string())
}
