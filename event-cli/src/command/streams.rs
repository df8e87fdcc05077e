//! `streams`: the streams of a store, page by page.

use clap::{Args, ValueEnum};
use event_core::adapter::{ListOrder, StreamState};
use event_core::{BatchSize, ListOptions, StreamInfo};
use serde_json::json;

use crate::failure::Failure;
use crate::output::table::cell;
use crate::output::{Column, Style, Table};
use crate::rows::time;
use crate::session::{Common, Session};

/// The arguments of `streams`.
#[derive(Debug, Args)]
pub struct Streams {
    /// Only streams whose name starts with this text.
    prefix: Option<String>,
    /// Only streams whose name contains this text.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    contains: Option<String>,
    /// Only streams of a category, which is the text before the first `-` of their name.
    #[arg(long)]
    category: Option<String>,
    /// Only streams in this state; without it all that are not deleted.
    #[arg(long)]
    state: Option<State>,
    /// The order. Only the names have an index: any other looks at every stream.
    #[arg(long, default_value = "name")]
    sort: Sort,
    /// At most this many streams.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    common: Common,
}

/// The state of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    /// It can be read and written.
    Active,
    /// It can be read.
    Archived,
    /// Softly or hard.
    Deleted,
    /// Any of them.
    All,
}

/// The order of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// By tenant and name.
    Name,
    /// The first event, earliest first.
    Oldest,
    /// The first event, latest first.
    Newest,
    /// The most events first.
    Largest,
}

impl Streams {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.reader(&self.common).await?;
        let mut table = Table::new([
            Column::text("STREAM"),
            Column::number("EVENTS"),
            Column::number("VERSION"),
            Column::text("STATE"),
            Column::text("CREATED"),
            Column::text("TENANT"),
        ]);
        let mut options = self.options();
        let mut left = self.limit.unwrap_or(u64::MAX);
        loop {
            let page = store.list_streams(options.clone()).await?;
            let Some(last) = page.last() else { break };
            options = options.after(last);
            for info in page.iter().filter(|info| self.admits(info)) {
                if left == 0 {
                    return table.flush(&mut session.out);
                }
                left -= 1;
                if self.common.json {
                    session.out.json(&as_json(info))?;
                } else {
                    table.row(&mut session.out, row(info))?;
                }
            }
        }
        table.flush(&mut session.out)
    }

    fn options(&self) -> ListOptions {
        let mut options = ListOptions::new().order(match self.sort {
            Sort::Name => ListOrder::Name,
            Sort::Oldest => ListOrder::Oldest,
            Sort::Newest => ListOrder::Newest,
            Sort::Largest => ListOrder::Largest,
        });
        if let Some(prefix) = &self.prefix {
            options = options.prefix(prefix);
        }
        if let Some(text) = &self.contains {
            options = options.contains(text);
        }
        if let Some(category) = &self.category {
            options = options.category(category);
        }
        if matches!(self.state, Some(State::Deleted | State::All)) {
            options = options.deleted();
        }
        // A page in another order looks at every stream: as few pages as possible.
        options.limit(if self.sort == Sort::Name { BatchSize::default() } else { BatchSize::MAX })
    }

    fn admits(&self, info: &StreamInfo) -> bool {
        match self.state {
            None | Some(State::All) => true,
            Some(State::Active) => info.state == StreamState::Active,
            Some(State::Archived) => info.state == StreamState::Archived,
            Some(State::Deleted) => info.state.is_deleted(),
        }
    }
}

pub(super) const fn name_of(state: StreamState) -> &'static str {
    match state {
        StreamState::Active => "active",
        StreamState::Archived => "archived",
        StreamState::SoftDeleted => "deleted",
        StreamState::HardDeleted => "removed",
    }
}

fn row(info: &StreamInfo) -> [crate::output::table::Cell; 6] {
    let style = match info.state {
        StreamState::Active => Style::Plain,
        StreamState::Archived => Style::Dim,
        StreamState::SoftDeleted | StreamState::HardDeleted => Style::Bad,
    };
    let links = if info.holds_links { " (links)" } else { "" };
    [
        cell(format!("{}{links}", info.stream_id.as_str()), Style::Accent),
        info.events().into(),
        info.version.into(),
        cell(name_of(info.state), style),
        cell(time(info.created_at), Style::Dim),
        info.tenant.as_str().into(),
    ]
}

fn as_json(info: &StreamInfo) -> serde_json::Value {
    json!({
        "tenant": info.tenant.as_str(),
        "stream": info.stream_id.as_str(),
        "events": info.events(),
        "version": info.version.get(),
        "first_version": info.first_version.get(),
        "state": name_of(info.state),
        "created_at": time(info.created_at),
        "holds_links": info.holds_links,
    })
}
