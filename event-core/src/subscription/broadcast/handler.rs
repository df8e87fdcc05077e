//! Handlers of messages: one that fails or panics is told of, made anew where it is broken, and goes on.

use std::future::Future;
use std::time::Duration;

use super::{Listener, Message};
use crate::error::{BoxError, Result, with_causes};
use crate::subscription::guarded;

/// The first pause before a handler that panicked is made anew; it doubles with each panic that follows at once.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Listener {
    /// Runs a handler for each message, one at a time, for as long as the future is polled.
    ///
    /// One that fails is logged, counted, and gets the next message. One that panics is dropped, and `make` makes
    /// another: it gets the next message, after a pause that grows while panics follow one another. The message at
    /// fault is not repeated: a handler that must not miss one belongs on a durable subscription.
    ///
    /// ```
    /// # use event_core::{Event, EventStore, EventVersion, ExpectedVersion, StartFrom, StreamId};
    /// # use event_core::broadcast::{Broadcast, Copies, Message};
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Opened { by: String }
    /// # impl Event for Opened { const TYPE: &'static str = "opened"; const VERSION: EventVersion = EventVersion::FIRST; }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> event_core::Result<()> {
    /// # let store = EventStore::in_memory()?;
    /// # let broadcast = Broadcast::new(&store, |event| vec![format!("event_type:{}", event.event_type())]);
    /// let listener = broadcast.listen(["event_type:opened"], Copies::Once, StartFrom::Now).await?;
    /// let handling = tokio::spawn(listener.run("doors", || {
    ///     |message: Message| async move {
    ///         println!("{:?}", message.event.stream_id());
    ///         Ok::<(), std::io::Error>(())
    ///     }
    /// }));
    /// # handling.abort();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the subscription below, which waiting does not mend.
    pub async fn run<H, W, E>(mut self, name: &'static str, make: impl Fn() -> H) -> Result<()>
    where
        H: FnMut(Message) -> W,
        W: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        let mut handler = None;
        let mut pause = FIRST_PAUSE;
        while let Some(message) = self.next().await {
            let message = message?;
            let position = message.event.position();
            // Broken until it has come back: a panic leaves none behind.
            let mut current = match handler.take() {
                Some(current) => current,
                None => make(),
            };
            let mut has_panicked = true;
            let outcome = guarded(|| {
                let handling = current(message);
                async {
                    let answer = handling.await;
                    has_panicked = false;
                    answer
                }
            })
            .await;
            let result = match (&outcome, has_panicked) {
                (Ok(()), _) => "ok",
                (Err(_), false) => "error",
                (Err(_), true) => "panic",
            };
            metrics::counter!("event_store_messages_handled_total", "handler" => name, "result" => result)
                .increment(1);
            if let Err(error) = outcome {
                let error = with_causes(&*error);
                tracing::warn!(handler = name, %position, %error, "a handler failed; it goes on with the next");
            }
            if has_panicked {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            } else {
                pause = FIRST_PAUSE;
                handler = Some(current);
            }
        }
        Ok(())
    }
}
