//! `archive`, `truncate`, `delete`: the ends of streams. Each asks first.

use clap::Args;
use event_core::{Delete as How, EventStore, ExpectedVersion, StreamId, StreamVersion};
use serde_json::json;

use crate::ask::confirm;
use crate::failure::Failure;
use crate::output::text::{count, one_line};
use crate::session::{Common, Session};

/// The arguments of `archive`.
#[derive(Debug, Args)]
pub struct Archive {
    #[command(flatten)]
    target: Target,
}

/// The arguments of `truncate`.
#[derive(Debug, Args)]
pub struct Truncate {
    /// The first version that is kept.
    #[arg(long, value_name = "VERSION")]
    before: u64,
    #[command(flatten)]
    target: Target,
}

/// The arguments of `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// Removes the events as well; without it they stay in the global order.
    #[arg(long)]
    hard: bool,
    #[command(flatten)]
    target: Target,
}

/// A stream, and whether it was said yes.
#[derive(Debug, Args)]
struct Target {
    /// The name of the stream.
    stream: String,
    /// Does it without a question.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    common: Common,
}

impl Target {
    /// Finds the stream and asks. The version that was shown is the one that it must still have.
    async fn confirmed(
        &self,
        session: &mut Session,
        what: &str,
    ) -> Result<(EventStore, StreamId, ExpectedVersion), Failure> {
        session.out.goes_on_unread();
        let (store, info) = session.stream(&self.common, &self.stream).await?;
        let question = format!(
            "{what} {} of the tenant {} with {}",
            one_line(info.stream_id.as_str()),
            one_line(info.tenant.as_str()),
            count(info.events(), "event")
        );
        confirm(self.yes, &question)?;
        let expected = if self.yes || info.state.is_deleted() {
            ExpectedVersion::Any
        } else {
            ExpectedVersion::Exact(info.version)
        };
        Ok((store, info.stream_id, expected))
    }

    fn done(&self, session: &mut Session, stream: &StreamId, done: &str) -> Result<(), Failure> {
        if self.common.json {
            return session.out.json(&json!({ "stream": stream.as_str(), "done": done }));
        }
        session.out.line(format!("{} {done}", one_line(stream.as_str())))
    }
}

impl Archive {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let (store, stream, expected) = self.target.confirmed(session, "archive").await?;
        store.archive_stream(&stream, expected).await?;
        self.target.done(session, &stream, "archived")
    }
}

impl Truncate {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let what = format!("remove the events before version {} from", self.before);
        let (store, stream, _) = self.target.confirmed(session, &what).await?;
        store.truncate_before(&stream, StreamVersion::new(self.before)).await?;
        self.target.done(session, &stream, "truncated")
    }
}

impl Delete {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let what = if self.hard { "delete, and remove the events of," } else { "delete" };
        let (store, stream, expected) = self.target.confirmed(session, what).await?;
        let how = if self.hard { How::Hard } else { How::Soft };
        store.delete_stream(&stream, expected, how).await?;
        self.target.done(
            session,
            &stream,
            if self.hard { "deleted with its events" } else { "deleted" },
        )
    }
}
