//! Views that are written with each append.
//!
//! Nothing of the store is changed before every view has accepted the events.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::adapter::append::{Appended, Commit};
use crate::adapter::{
    AfterCommit, AllOptions, BuildMove, DocumentKey, DocumentWrite, InlineTransaction, InlineWork,
    NotWritten, StoredBuild, StoredDocument, TableModel, TableWork, TenantView, WantingModels,
};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::memory::{State, record};
use crate::value::{Position, StreamVersion};

const OPERATION: &str = "append with an inline view";

impl State {
    /// Stores a commit together with the views that want it.
    pub(super) fn commit_inline(
        &mut self,
        commit: &Commit,
        now: DateTime<Utc>,
        mut models: WantingModels,
    ) -> Result<(Vec<Appended>, Vec<AfterCommit>)> {
        if let Some(stored) = self.judge(commit)? {
            return Ok((stored, Vec::new()));
        }
        let events = self.recorded(commit, now);
        let Some(last) = events.last().map(RecordedEvent::position) else {
            return Ok((self.store(commit, now), Vec::new()));
        };
        let mut transaction = Pending { state: &*self, events, writes: Vec::new(), switched: None };
        let after = at_once(async {
            models.lock(&mut transaction).await?;
            models.apply(last, &mut transaction).await
        })?;
        let writes = transaction.writes;
        let answers = self.store(commit, now);
        for write in writes {
            self.write_documents(write);
        }
        Ok((answers, after))
    }

    /// Does work on the read models, all or nothing.
    pub(super) fn work(&mut self, work: Box<dyn InlineWork>) -> Result<()> {
        let mut pending =
            Pending { state: &*self, events: Vec::new(), writes: Vec::new(), switched: None };
        at_once(work.run(&mut pending))?;
        let Pending { writes, switched, .. } = pending;
        for write in writes {
            self.write_documents(write);
        }
        if let Some((name, build)) = switched {
            self.read_models.switch(&name, build);
        }
        Ok(())
    }

    /// The events of a commit as they will be stored.
    fn recorded(&self, commit: &Commit, now: DateTime<Utc>) -> Vec<RecordedEvent> {
        let (mut events, mut position) = (Vec::new(), self.last_position);
        for append in &commit.appends {
            let head = self.head(&commit.tenant, &append.stream_id);
            let mut version = head.map_or(StreamVersion::NONE, |head| head.version);
            for data in &append.events {
                position += 1;
                version = version.next();
                let at = Position::new(position);
                events.push(record(&commit.tenant, append, data, version, at, now));
            }
        }
        events
    }
}

/// The output of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => {
            Err(Error::adapter(OPERATION, "it waits for something else than the store"))
        }
    }
}

/// A commit that is about to be stored.
struct Pending<'s> {
    state: &'s State,
    events: Vec<RecordedEvent>,
    writes: Vec<DocumentWrite>,
    switched: Option<(String, u32)>,
}

#[async_trait]
impl InlineTransaction for Pending<'_> {
    async fn lock(&mut self, name: &str) -> Result<Option<StoredBuild>> {
        Ok(self.state.read_models.current(name))
    }

    async fn build(&mut self, name: &str, number: u32) -> Result<Option<StoredBuild>> {
        Ok(self.state.read_models.build(name, number))
    }

    async fn switch(&mut self, name: &str, number: u32) -> Result<()> {
        self.switched = Some((name.to_owned(), number));
        Ok(())
    }

    async fn events(&mut self, options: &AllOptions) -> Result<Vec<RecordedEvent>> {
        let mut events = self.state.all(&TenantView::All, options);
        let own = self
            .events
            .iter()
            .filter(|event| event.position() > options.get_after() && options.admits(event));
        let room = options.get_limit().get() as usize - events.len();
        events.extend(own.take(room).cloned());
        Ok(events)
    }

    async fn load(
        &mut self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        Ok(self.state.read_models.load(name, build, keys))
    }

    async fn write_documents(&mut self, write: DocumentWrite) -> Result<bool> {
        self.writes.push(write);
        Ok(true)
    }

    fn without_tenant(&self, _: TableModel) -> Result<Option<String>> {
        Ok(None)
    }

    async fn write_tables(
        &mut self,
        _: TableModel,
        _: BuildMove,
        _: Box<dyn TableWork>,
    ) -> Result<bool, NotWritten> {
        let hint = "a view is stored by every backend";
        Err(Error::unsupported(OPERATION, "memory", hint).into())
    }
}
