//! `append`: events as JSON, validated by the events that this program links.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufReader};

use clap::Args;
use event_core::{
    Error, EventStore, ExpectedVersion, Outcome, Registry, Scope, StreamId, StreamVersion,
};
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::input::{self, Refusal};
use crate::output::text::{count, one_line};
use crate::session::{Common, Session};

/// How many refusals are listed.
const MOST_REFUSALS: usize = 20;

/// The arguments of `append`.
#[derive(Debug, Args)]
pub struct Append {
    /// The name of the stream.
    stream: String,
    /// The file with the events; without it, or for `-`, standard input. Each event is an object with `type` and `data`, and
    /// `event_version`, `id` and `metadata` if they matter; lists of them are read, too.
    file: Option<String>,
    /// What the stream must be: `any`, `none`, `exists`, or the version of its last event.
    #[arg(long, value_name = "VERSION", default_value = "any", value_parser = expected)]
    expect: ExpectedVersion,
    /// Validates the events and stores nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

fn expected(text: &str) -> Result<ExpectedVersion, String> {
    match text {
        "any" => Ok(ExpectedVersion::Any),
        "none" => Ok(ExpectedVersion::NoStream),
        "exists" => Ok(ExpectedVersion::StreamExists),
        number => {
            let number = number.parse().map(StreamVersion::new).map(ExpectedVersion::Exact);
            number.map_err(|_| "write `any`, `none`, `exists`, or a number".to_owned())
        }
    }
}

impl Append {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        let stream_id = StreamId::new(&self.stream).map_err(Error::from)?;
        let registry = Registry::global().map_err(Error::from)?;
        let given = match self.file.as_deref() {
            None | Some("-") => input::read(io::stdin().lock()),
            Some(path) => {
                let file = File::open(path);
                let file =
                    file.map_err(|e| Failure::general(format!("could not open {path}: {e}")))?;
                input::read(BufReader::new(file))
            }
        };
        let given = given.map_err(|message| Failure::new(Exit::Refused, message))?;
        let events = input::validate(registry, &given)
            .map_err(|refusals| refused(&refusals, given.len()))?;
        let amount = events.len() as u64;
        if self.dry_run {
            return session
                .out
                .line(format!("valid: {}; nothing was stored", count(amount, "event")));
        }
        let tenant = self.common.tenant()?;
        let store = session.writer().await?;
        let store = match tenant {
            Some(tenant) => store.with_scope(Scope::tenant(tenant)),
            None => own_tenant(store, &stream_id).await?,
        };
        let appended = store.append(&stream_id, self.expect, events).await?;
        let is_new = appended.outcome == Outcome::Stored;
        if self.common.json {
            return session.out.json(&json!({
                "stream": stream_id.as_str(),
                "events": amount,
                "version": appended.stream_version.get(),
                "position": appended.position.get(),
                "outcome": if is_new { "stored" } else { "already_stored" },
            }));
        }
        let done = if is_new { "stored" } else { "already stored" };
        session.out.line(format!(
            "{} {done}: {} is at version {}, position {}",
            count(amount, "event"),
            one_line(stream_id.as_str()),
            appended.stream_version,
            appended.position
        ))
    }
}

/// The default tenant, unless the stream is another's: it would be begun a second time.
async fn own_tenant(store: EventStore, stream_id: &StreamId) -> Result<EventStore, Failure> {
    match store.stream_info(stream_id).await {
        Err(Error::StreamNotFound { .. }) => {}
        info => return info.map(|_| store.clone()).map_err(Failure::from),
    }
    match store.all_tenants().stream_info(stream_id).await {
        Err(Error::StreamNotFound { .. }) => Ok(store),
        Ok(info) => Err(Failure::usage(format!(
            "the stream is of the tenant {}; `--tenant` says whose events these are",
            info.tenant.as_str()
        ))),
        Err(error) => Err(Failure::from(error).hint("`--tenant TENANT` names one")),
    }
}

fn refused(refusals: &[Refusal], given: usize) -> Failure {
    let mut message =
        format!("nothing was stored: {} of {given} events are refused", refusals.len());
    for Refusal { index, path, rule } in refusals.iter().take(MOST_REFUSALS) {
        // Writing to a string cannot fail.
        let _ = write!(message, "\nevent {index}, at {path}: {rule}");
    }
    if refusals.len() > MOST_REFUSALS {
        message.push_str("\nand others");
    }
    Failure::new(Exit::Refused, message)
}
