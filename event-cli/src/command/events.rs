//! `events`: the events of a stream.

use clap::Args;
use event_core::{Error, Filter, ReadOptions, StartFrom, StreamId, StreamVersion};

use crate::failure::{Exit, Failure};
use crate::follow::{Followed, after, follow};
use crate::rows::{Form, Rows};
use crate::session::{Common, Session, scoped};

/// The arguments of `events`.
#[derive(Debug, Args)]
pub struct Events {
    /// The name of the stream.
    stream: String,
    /// Starts at this version of the stream.
    #[arg(long, value_name = "VERSION")]
    from: Option<u64>,
    /// The newest event first.
    #[arg(long, conflicts_with = "follow")]
    backward: bool,
    /// At most this many events.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// The form of the events.
    #[arg(long = "as", value_name = "FORM", default_value = "stored")]
    form: Form,
    /// Follows the events that are appended from now on.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    common: Common,
}

impl Events {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut rows = Rows::new(self.common.json, self.form, true);
        let (store, info) = match session.stream(&self.common, &self.stream).await {
            Err(failure) if self.follow && failure.exit() == Exit::NotFound => {
                return self.wait_for_it(session, &mut rows).await;
            }
            found => found?,
        };
        let mut options =
            if self.backward { ReadOptions::backward() } else { ReadOptions::forward() };
        if let Some(from) = self.from {
            options = options.from(StreamVersion::new(from));
        }
        let mut events = store.stream_events(&info.stream_id, options);
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut start = StartFrom::Beginning;
        while left > 0
            && let Some(event) = events.next().await
        {
            let event = event?;
            start = after(&event);
            rows.event(&mut session.out, &event)?;
            left -= 1;
        }
        rows.flush(&mut session.out)?;
        if !self.follow {
            return Ok(());
        }
        let mut filter = Filter::all().stream(info.stream_id);
        if let Some(from) = self.from {
            filter = filter.predicate("from", move |event| event.stream_version().get() >= from);
        }
        let followed = Followed { tenant: Some(info.tenant), filter, from: start, left };
        follow(session, store, followed, &mut rows).await
    }

    /// Follows a stream that does not exist yet.
    async fn wait_for_it(self, session: &mut Session, rows: &mut Rows) -> Result<(), Failure> {
        let tenant = self.common.tenant()?;
        let store = scoped(&session.store().await?, tenant.clone());
        let filter = Filter::all().stream(StreamId::new(&self.stream).map_err(Error::from)?);
        let left = self.limit.unwrap_or(u64::MAX);
        let followed = Followed { tenant, filter, from: StartFrom::Beginning, left };
        follow(session, store, followed, rows).await
    }
}
