//! `events`: the events of a stream.

use clap::Args;
use event_core::{ReadOptions, StreamVersion};

use crate::failure::Failure;
use crate::rows::{Form, Rows};
use crate::session::{Common, Session};

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
    /// Goes on with the events that are appended from now on.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    common: Common,
}

impl Events {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let (store, info) = session.stream(&self.common, &self.stream).await?;
        let mut options =
            if self.backward { ReadOptions::backward() } else { ReadOptions::forward() };
        if let Some(from) = self.from {
            options = options.from(StreamVersion::new(from));
        }
        let mut rows = Rows::new(self.common.json, self.form, true);
        let mut events = store.stream_events(&info.stream_id, options);
        let mut left = self.limit.unwrap_or(u64::MAX);
        while left > 0
            && let Some(event) = events.next().await
        {
            rows.event(&mut session.out, &event?)?;
            left -= 1;
        }
        rows.flush(&mut session.out)
    }
}
