//! `copy` and `backup`: the whole store, into another one or into a file.

use std::future::IntoFuture as _;
use std::path::PathBuf;

use clap::Args;
use event_core::transfer::{Copied, Digest};
use event_core::{BatchSize, EventStore};
use serde_json::json;

use crate::command::export::Which;
use crate::failure::{Exit, Failure};
use crate::interrupt::{Interrupt, interrupted};
use crate::output::text::{count, transferred};
use crate::progress::{Progress, share};
use crate::session::{Common, Session, scoped};

/// Events of one transaction: pages of the target's indexes that several of them change are written once.
const BATCH: BatchSize = BatchSize::MAX;
const AGAIN: &str = "run the same command again to go on: it skips what the target has already";

/// The arguments of `copy`.
#[derive(Debug, Args)]
pub struct Copy {
    /// The URL of the store to copy into: empty, or the result of an earlier copy.
    #[arg(long, value_name = "URL")]
    to: String,
    /// Assigns new positions, for a store in use. Subscriptions are then not copied.
    #[arg(long)]
    new_positions: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: Common,
}

/// The arguments of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The file, which must not exist. It gets its name once it is whole.
    file: PathBuf,
    /// Prints JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Copy {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        let tenant = self.common.tenant()?;
        let from = scoped(&session.store().await?, tenant.clone());
        let to = scoped(&session.open_or_create(&self.to).await?, tenant);
        let mut progress = Progress::of("events");
        let mut copy = from.copy_to(&to).limit(BATCH).snapshots().select(self.which.selection()?);
        if self.new_positions {
            copy = copy.new_positions();
        }
        let interrupt = Interrupt::listen();
        let mut done = Copied::default();
        let copy = copy.stop_if(|| interrupt.is_asked()).progress(|at| {
            done = at.done;
            progress.at(done.stored + done.skipped, share(at.position.get(), at.end.get()));
        });
        let copied = tokio::select! {
            copied = copy.into_future() => copied.map_err(Failure::from),
            () = interrupt.second() => Err(interrupted("copying")),
        };
        let copied = copied.map_err(|failure| {
            failure.hint(format!("copied {} until then", amount(&done))).hint(AGAIN)
        })?;
        if copied.is_stopped {
            return Err(interrupted(format!("copied {}", amount(&copied))).hint(AGAIN));
        }
        progress.clear();
        let rate = progress.rate(copied.stored + copied.skipped);
        if self.common.json {
            session.out.json(&json!({
                "stored": copied.stored,
                "skipped": copied.skipped,
                "snapshots": copied.snapshots,
                "subscriptions": copied.subscriptions,
                "left_alone": copied.left_alone,
            }))?;
        } else {
            session.out.line(format!("copied {}, {rate:.0} events/s", amount(&copied)))?;
            session.out.line(format!(
                "copied {} and {}, skipped {} in use in the target",
                count(copied.snapshots, "snapshot"),
                count(copied.subscriptions, "subscription"),
                count(copied.left_alone, "subscription")
            ))?;
        }
        if !self.which.is_all() || self.new_positions {
            return Ok(());
        }
        let compared = tokio::select! {
            compared = digests(from, to) => compared,
            () = interrupt.first() => {
                return Err(interrupted("everything is copied, and was not compared yet").hint(AGAIN));
            }
        };
        let (source, target) = compared?;
        if !self.common.json {
            session.out.line(format!("from {source}\nto   {target}"))?;
        }
        if source == target {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Unsound,
            "the stores differ: one of them is being written to, or the target held other events; run it again to copy what came since",
        ))
    }
}

/// The digests of two stores, taken side by side.
async fn digests(from: EventStore, to: EventStore) -> Result<(Digest, Digest), Failure> {
    let take = |store: EventStore| tokio::spawn(async move { store.digest().await });
    let (source, target) = (take(from), take(to));
    let ended = |error| Failure::general(format!("could not compare the stores: {error}"));
    Ok((source.await.map_err(ended)??, target.await.map_err(ended)??))
}

fn amount(done: &Copied) -> String {
    transferred(done.stored, done.skipped)
}

impl Backup {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        session.out.goes_on_unread();
        let store = session.store().await?;
        store.backup(&self.file).await?;
        let size = std::fs::metadata(&self.file).map_or(0, |it| it.len());
        if self.json {
            let file = self.file.display().to_string();
            return session.out.json(&json!({ "file": file, "bytes": size }));
        }
        session.out.line(format!("{size} bytes written to {}", self.file.display()))
    }
}
