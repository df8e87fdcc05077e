//! Runs a handler over messages. A failure is logged and counted; after a panic the handler is created anew.

use std::future::Future;
use std::time::Duration;

use super::{Listener, Message};
use crate::error::{BoxError, Result, with_causes};
use crate::subscription::guarded;

/// The first pause before a handler that panicked is created anew; it doubles with each consecutive panic, up to
/// [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(1);

impl Listener {
    /// Runs a handler for each message, one at a time, for as long as the future is polled.
    ///
    /// A failure is logged and counted, and the handler continues with the next message. After a panic the handler is
    /// dropped and `make` creates another one, which continues with the next message, after a pause that grows with
    /// consecutive panics. The failed message is not redelivered: a handler that must not miss a message belongs on a
    /// durable subscription.
    ///
    /// `name` labels the log messages and the metric `event_store_messages_handled_total`.
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
    /// Errors of the underlying subscription that are not transient.
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
            // Put back only after it returned: a handler that panicked may be broken.
            let mut current = match handler.take() {
                Some(current) => current,
                None => make(),
            };
            let mut has_panicked = true;
            let outcome = guarded(|| {
                let handling = current(message);
                async {
                    let result = handling.await;
                    has_panicked = false;
                    result
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
                tracing::warn!(handler = name, %position, %error, "a handler failed; continuing with the next message");
            }
            if has_panicked {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
            } else {
                pause = FIRST_PAUSE;
                handler = Some(current);
            }
        }
        Ok(())
    }
}
