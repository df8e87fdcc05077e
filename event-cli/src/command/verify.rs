//! `verify`: reads everything and looks for damage.

use std::collections::BTreeMap;

use clap::Args;
use event_core::error::with_causes;
use event_core::health::Finding;
use event_core::{Error, Position, RecordedEvent};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::output::table::cell;
use crate::output::text::count;
use crate::output::{Column, Style, Table};
use crate::progress::{Progress, share};
use crate::session::Session;

/// How many places a finding names.
const MOST_PLACES: usize = 5;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Also prints a checksum of everything that the store holds, to compare it with another store.
    #[arg(long)]
    digest: bool,
    /// Does not decode the events: only what the store itself can tell.
    #[arg(long)]
    no_decode: bool,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// What was found of one kind.
#[derive(Default)]
struct Found {
    count: u64,
    places: Vec<String>,
}

impl Found {
    fn add(&mut self, place: String) {
        self.count += 1;
        if self.places.len() < MOST_PLACES {
            self.places.push(place);
        }
    }
}

impl Verify {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.store().await?.all_tenants();
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        let mut seen = Seen::new(!self.no_decode, store.head().await?);
        let checked = store.verify().each(|event| seen.look(event, &mut found)).await;
        match checked {
            Ok(verification) => {
                for Finding { kind, count, places, .. } in verification.findings() {
                    let it = Found { count: *count, places: places.clone() };
                    found.insert((*kind).to_owned(), it);
                }
            }
            // Every event was looked at all the same.
            Err(Error::Unsupported { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let events = seen.finish();
        self.print(session, &found)?;
        if self.digest {
            let digest = store.digest().snapshots().await?.to_string();
            if self.json {
                session.out.json(&json!({ "digest": digest }))?;
            } else {
                session.out.line(format!("digest {digest}"))?;
            }
        }
        if found.is_empty() {
            if self.json {
                return session.out.json(&json!({ "sound": true, "events": events }));
            }
            let read = count(events, "event");
            return session.out.styled(Style::Good, &format!("sound: {read} read"));
        }
        let kinds = found.len();
        Err(Failure::new(
            Exit::Unsound,
            format!("the store is not sound: {} of faults", count(kinds as u64, "kind")),
        ))
    }

    fn print(&self, session: &mut Session, found: &BTreeMap<String, Found>) -> Result<(), Failure> {
        let mut table =
            Table::new([Column::text("FAULT"), Column::number("COUNT"), Column::cut("PLACES")]);
        for (kind, it) in found {
            if self.json {
                let line = json!({ "fault": kind, "count": it.count, "places": it.places });
                session.out.json(&line)?;
                continue;
            }
            table.row(
                &mut session.out,
                [cell(kind, Style::Bad), it.count.into(), it.places.join("; ").into()],
            )?;
        }
        table.flush(&mut session.out)
    }
}

/// What was seen of the events so far.
struct Seen {
    decodes: bool,
    events: u64,
    last: Position,
    end: Position,
    progress: Progress,
}

impl Seen {
    fn new(decodes: bool, end: Position) -> Self {
        let progress = Progress::of("events");
        Self { decodes, events: 0, last: Position::START, end, progress }
    }

    /// Looks whether an event is in its place in the global order, and whether this program can decode it.
    fn look(&mut self, event: &RecordedEvent, found: &mut BTreeMap<String, Found>) {
        let position = event.position();
        if position <= self.last {
            let place = format!("position {position} after {}", self.last);
            found.entry("out_of_order".to_owned()).or_default().add(place);
        }
        self.last = position;
        self.events += 1;
        if self.decodes
            && let Err(error) = event.decode_any()
        {
            found.entry("undecodable_event".to_owned()).or_default().add(with_causes(&error));
        }
        self.progress.at(self.events, share(position.get(), self.end.get()));
    }

    /// How many events were read.
    fn finish(mut self) -> u64 {
        self.progress.clear();
        self.events
    }
}
