//! [`EventStream`]: stored events as a lazy sequence that fetches page by page (S-20).

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::envelope::RecordedEvent;
use crate::error::Result;
use crate::number::StreamVersion;
use crate::options::{AllOptions, Direction, ReadOptions};
use crate::seam::BoxFuture;
use crate::store::EventStore;
use crate::stream::StreamId;

/// Stored events, one after the other; holds one page at a time. Ends after the first error.
///
/// A `Stream` for combinators, with its own [`next`](Self::next) for plain loops.
///
/// ```
/// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, ReadOptions, StreamId};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Ticked;
/// # impl Event for Ticked { const TYPE: &'static str = "ticked"; const VERSION: EventVersion = EventVersion::FIRST; }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
/// # let store = EventStore::in_memory()?;
/// # let clock = StreamId::new("clock")?;
/// # store.append(&clock, ExpectedVersion::NoStream, [Ticked, Ticked]).await?;
/// let mut events = store.stream_events(&clock, ReadOptions::forward());
/// let mut seen = 0;
/// while let Some(event) = events.next().await {
///     seen = event?.stream_version().get();
/// }
/// assert_eq!(seen, 2);
/// # Ok(()) }
/// ```
#[must_use = "nothing is read before the stream is polled"]
pub struct EventStream {
    store: EventStore,
    cursor: Cursor,
    page: VecDeque<RecordedEvent>,
    fetching: Option<BoxFuture<'static, Result<Vec<RecordedEvent>>>>,
}

/// Where the next page starts.
enum Cursor {
    Stream(StreamId, ReadOptions),
    All(AllOptions),
    End,
}

impl EventStream {
    pub(crate) fn of_stream(store: EventStore, stream_id: StreamId, options: ReadOptions) -> Self {
        Self::at(store, Cursor::Stream(stream_id, options))
    }

    pub(crate) fn of_all(store: EventStore, options: AllOptions) -> Self {
        Self::at(store, Cursor::All(options))
    }

    const fn at(store: EventStore, cursor: Cursor) -> Self {
        Self { store, cursor, page: VecDeque::new(), fetching: None }
    }

    /// The next event; `None` at the end.
    ///
    /// Dropping the future loses nothing: a page on its way is taken up by the next call.
    pub async fn next(&mut self) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn fetch(&self) -> Option<BoxFuture<'static, Result<Vec<RecordedEvent>>>> {
        let store = self.store.clone();
        match &self.cursor {
            Cursor::Stream(stream_id, options) => {
                let (stream_id, options) = (stream_id.clone(), *options);
                Some(Box::pin(async move { store.read_stream(&stream_id, options).await }))
            }
            Cursor::All(options) => {
                let options = options.clone();
                Some(Box::pin(async move { store.read_all(options).await }))
            }
            Cursor::End => None,
        }
    }

    fn turn_page(&mut self, page: Vec<RecordedEvent>) {
        self.cursor = match (std::mem::replace(&mut self.cursor, Cursor::End), page.last()) {
            (Cursor::Stream(stream_id, options), Some(last)) if is_full(&page, options.page()) => {
                match after(last.stream_version(), options.direction()) {
                    Some(next) => Cursor::Stream(stream_id, options.from(next)),
                    None => Cursor::End,
                }
            }
            (Cursor::All(options), Some(last)) if is_full(&page, options.page()) => {
                Cursor::All(options.after(last.position()))
            }
            _ => Cursor::End,
        };
        self.page = page.into();
    }
}

fn is_full(page: &[RecordedEvent], size: crate::number::BatchSize) -> bool {
    page.len() >= size.get() as usize
}

/// The start of the next page; `None` where no version is left. Backward, 0 would mean the end of the stream.
fn after(last: StreamVersion, direction: Direction) -> Option<StreamVersion> {
    match direction {
        Direction::Forward => Some(last.next()),
        Direction::Backward => last.get().checked_sub(1).filter(|v| *v > 0).map(StreamVersion::new),
    }
}

impl Stream for EventStream {
    type Item = Result<RecordedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.fetching.is_none() {
                self.fetching = self.fetch();
            }
            let Some(fetching) = self.fetching.as_mut() else { return Poll::Ready(None) };
            let page = ready!(fetching.as_mut().poll(context));
            self.fetching = None;
            match page {
                Ok(page) => self.turn_page(page),
                Err(error) => {
                    self.cursor = Cursor::End;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("store", &self.store).finish_non_exhaustive()
    }
}
