//! [`EventStream`]: reads stored events lazily, page by page.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::adapter::{
    AllOptions, BoxFuture, Direction, MeanSize, PAGE_BYTES, ReadOptions, is_full,
};
use crate::envelope::RecordedEvent;
use crate::error::{Error, Result};
use crate::store::stream_page::{Page, StreamPlace};
use crate::store::{EventStore, Place};
use crate::value::{Position, StreamId, StreamVersion};

/// A lazy sequence of stored events. It ends after the first error.
///
/// It holds one page, which ends once its events have 4 MiB, and prefetches the next one, so that the store and the reader work at the same time: from the middle of the
/// first page on, and from the beginning of each later page. It is a `Stream` for combinators, and has its own
/// [`next`](Self::next) for plain loops.
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
    /// The next page is prefetched when at most this many events of the current one are left.
    prefetch_at: usize,
    fetching: Option<Fetch>,
    /// Of the events of the last page.
    mean_size: MeanSize,
}

/// A page that is being read.
enum Fetch {
    /// By a task of its own.
    Prefetch(JoinHandle<Result<Page>>),
    /// By the reader that polls for it.
    Inline(BoxFuture<'static, Result<Page>>),
}

/// Where the next page starts.
enum Cursor {
    Stream(StreamId, ReadOptions, StreamPlace),
    All(AllOptions, Place),
    End,
}

const NAME: &str = "a read of all streams";

/// Reads a page of all streams that belongs to the log of the pages before; when the log was replaced, only after the last
/// event of those was found in it.
async fn read_all(store: EventStore, options: AllOptions, mut place: Place) -> Result<Page> {
    let limit = options.get_limit();
    if place.is_unseen() {
        check(&store, &options)?;
    }
    loop {
        match store.read_all(options.clone().in_epoch(place.epoch())).await {
            Err(Error::LogDiverged { .. }) => {
                place.prove(&store, NAME).await?;
            }
            page => {
                let page = page?;
                let is_full = is_full(&page, limit, PAGE_BYTES);
                return Ok(Page { events: page.into(), is_full, place });
            }
        }
    }
}

/// Refuses a start that may be of a log that was replaced.
fn check(store: &EventStore, options: &AllOptions) -> Result<()> {
    store.check_bare(NAME, options.get_after())?;
    let end = options.get_up_to();
    if options.is_backward() && store.adapter().live().is_contested_end(end) {
        return Err(Error::log_replaced(end));
    }
    Ok(())
}

impl EventStream {
    pub(crate) fn of_stream(store: EventStore, stream_id: StreamId, options: ReadOptions) -> Self {
        let place = StreamPlace::start(store.adapter().live().epoch());
        Self::at(store, Cursor::Stream(stream_id, options, place))
    }

    pub(crate) fn of_all(store: EventStore, options: AllOptions) -> Self {
        let place = Place::at(store.adapter().live().epoch(), options.get_after());
        Self::at(store, Cursor::All(options, place))
    }

    fn at(store: EventStore, cursor: Cursor) -> Self {
        let (page, mean_size) = (VecDeque::new(), MeanSize::default());
        Self { store, cursor, page, prefetch_at: 0, fetching: None, mean_size }
    }

    /// The next event; `None` at the end.
    ///
    /// Dropping the future loses nothing: the next call continues with the page that is being read.
    pub async fn next(&mut self) -> Option<Result<RecordedEvent>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn fetch(&self) -> Option<BoxFuture<'static, Result<Page>>> {
        let store = self.store.clone();
        match &self.cursor {
            Cursor::Stream(stream_id, options, place) => {
                let limit = self.mean_size.limit(options.get_limit());
                Some(Box::pin(place.read(store, stream_id.clone(), options.limit(limit))))
            }
            Cursor::All(options, place) => {
                let limit = self.mean_size.limit(options.get_limit());
                let options = options.clone().limit(limit).limit_bytes(PAGE_BYTES);
                Some(Box::pin(read_all(store, options, *place)))
            }
            Cursor::End => None,
        }
    }

    /// Prefetches the next page if few events of the current one are left. Outside of a runtime it is read when it is polled.
    fn prefetch(&mut self) {
        if self.fetching.is_some() || self.page.len() > self.prefetch_at {
            return;
        }
        if let (Ok(runtime), Some(fetch)) = (Handle::try_current(), self.fetch()) {
            // Not aborted when the stream is dropped: a cancelled query would cost its connection.
            self.fetching = Some(Fetch::Prefetch(runtime.spawn(fetch.in_current_span())));
        }
    }

    /// Polls for the next page; `None` at the end.
    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Page>>> {
        loop {
            if self.fetching.is_none() {
                self.fetching = self.fetch().map(Fetch::Inline);
            }
            let page = match &mut self.fetching {
                None => return Poll::Ready(None),
                Some(Fetch::Inline(fetch)) => Ok(ready!(fetch.as_mut().poll(context))),
                Some(Fetch::Prefetch(task)) => ready!(Pin::new(task).poll(context)),
            };
            self.fetching = None;
            let page = match page {
                Ok(page) => Some(page),
                Err(failure) if failure.is_panic() => {
                    self.cursor = Cursor::End;
                    resume_unwind(failure.into_panic())
                }
                // The runtime of the task was shut down: read the page again here.
                Err(_) => None,
            };
            if page.is_some() {
                return Poll::Ready(page);
            }
        }
    }

    fn turn_page(&mut self, page: Page) {
        let Page { mut events, is_full, mut place } = page;
        let last = events.back().filter(|_| is_full);
        self.cursor = match (std::mem::replace(&mut self.cursor, Cursor::End), last) {
            (Cursor::Stream(stream_id, options, _), Some(last))
                if has_next(last.stream_version(), options.get_direction()) =>
            {
                Cursor::Stream(stream_id, options, StreamPlace::after(place, last))
            }
            (Cursor::All(options, _), Some(last)) => {
                place.see(last.position(), last.event_id());
                match next_of_all(options, last.position()) {
                    Some(options) => Cursor::All(options, place),
                    None => Cursor::End,
                }
            }
            _ => Cursor::End,
        };
        let page = events.make_contiguous();
        self.mean_size.learn(page);
        // A caller that reads past the first page usually keeps reading: prefetch earlier.
        self.prefetch_at = if self.prefetch_at == 0 { page.len() / 2 } else { page.len() };
        self.page = events;
    }
}

/// The page after the one that ends at a position; `None` if no position is left.
fn next_of_all(options: AllOptions, last: Position) -> Option<AllOptions> {
    if !options.is_backward() {
        return Some(options.after(last));
    }
    let before = last.get().checked_sub(1).filter(|before| *before > options.get_after().get());
    before.map(|before| options.up_to(Position::new(before)))
}

/// Whether a version is left after this one.
fn has_next(last: StreamVersion, direction: Direction) -> bool {
    direction == Direction::Forward || last.get() > 1
}

impl Stream for EventStream {
    type Item = Result<RecordedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.page.pop_front() {
                self.prefetch();
                return Poll::Ready(Some(Ok(event)));
            }
            match ready!(self.poll_page(context)) {
                Some(Ok(page)) => self.turn_page(page),
                Some(Err(error)) => {
                    self.cursor = Cursor::End;
                    return Poll::Ready(Some(Err(error)));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("store", &self.store).finish_non_exhaustive()
    }
}
