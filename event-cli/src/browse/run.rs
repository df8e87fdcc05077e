//! [`browse`]: connects keys, answers and the screen.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use event_core::{EventStore, StreamInfo};
use futures_util::StreamExt as _;
use ratatui::crossterm::event::{Event, EventStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::MissedTickBehavior;

use super::model::Model;
use super::request::{Effect, Message};
use super::screens::{EventsScreen, Kind, StreamsScreen};
use super::takeover::Takeover;
use super::update::update;
use super::view::draw;
use super::worker::Worker;
use crate::failure::Failure;

/// Messages that wait to be taken; those who send more wait.
const MESSAGES: usize = 64;
/// The pause between two looks at what changes by itself.
const TICK: Duration = Duration::from_secs(2);

/// Shows the store on the screen, or one stream of it, until the operator leaves. `name` is what the store is called in the title.
///
/// # Errors
/// [`Failure`] where standard output is no terminal, if the terminal fails, or if a signal ends the program. The terminal is
/// as before in each case. A store that cannot be reached is no failure.
pub(crate) async fn browse(
    store: EventStore,
    name: String,
    stream: Option<StreamInfo>,
    colours: bool,
) -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return Err(Failure::usage(
            "browse draws on a terminal, and standard output is none; `streams`, `events` and `all` print",
        ));
    }
    let runtime = Handle::current();
    // A thread of its own: whatever the store is doing, keys are taken and the screen is drawn.
    let ended = spawn_blocking(move || {
        let mut first = Model::new(name, (0, 0), Kind::Streams(StreamsScreen::new(None)).into());
        first.colours = colours;
        if let Some(stream) = stream {
            first.push(Kind::Events(EventsScreen::of_stream(&stream)));
        }
        on_thread(store, runtime, first)
    })
    .await;
    match ended {
        Ok(ended) => ended,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(Failure::general(error)),
        },
    }
}

fn on_thread(store: EventStore, runtime: Handle, mut model: Model) -> Result<(), Failure> {
    let local = Builder::new_current_thread().enable_all().build().map_err(Failure::general)?;
    local.block_on(async {
        let mut takeover = Takeover::new().map_err(of_terminal)?;
        let (sender, messages) = mpsc::channel(MESSAGES);
        let worker = Worker::new(store, runtime, sender);
        let size = takeover.terminal.size().map_err(of_terminal)?;
        model.size = (size.width, size.height);
        run(&mut takeover, worker, model, messages).await
    })
}

async fn run(
    takeover: &mut Takeover,
    mut worker: Worker,
    mut model: Model,
    mut messages: mpsc::Receiver<Message>,
) -> Result<(), Failure> {
    let mut keys = EventStream::new();
    let mut signals = Signals::new().map_err(Failure::general)?;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        takeover.terminal.draw(|frame| draw(&model, frame)).map_err(of_terminal)?;
        let first = tokio::select! {
            biased;
            signal = signals.next() => {
                return Err(Failure::general(format!("ended by {signal}")));
            }
            key = keys.next() => match key {
                Some(Ok(event)) => message(&event),
                Some(Err(error)) => return Err(of_terminal(error)),
                None => return Ok(()),
            },
            message = messages.recv() => message,
            _ = ticks.tick() => Some(Message::Tick),
        };
        let mut effects = Vec::new();
        if let Some(message) = first {
            effects.extend(update(&mut model, message));
        }
        // What waits as well is drawn at once.
        for _ in 0..MESSAGES {
            let Ok(message) = messages.try_recv() else { break };
            effects.extend(update(&mut model, message));
        }
        if let Some(panic) = takeover.panicked() {
            model.warn(panic);
        }
        for effect in effects {
            if effect == Effect::Quit {
                return Ok(());
            }
            worker.carry_out(effect);
        }
    }
}

const fn message(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(*key)),
        Event::Resize(width, height) => Some(Message::Resize(*width, *height)),
        _ => None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "called with what `map_err` gives")]
fn of_terminal(error: io::Error) -> Failure {
    Failure::general(format!("the terminal failed: {error}"))
}

/// The signals that end a program.
#[cfg(unix)]
struct Signals([(tokio::signal::unix::Signal, &'static str); 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            (signal(SignalKind::terminate())?, "SIGTERM"),
            (signal(SignalKind::hangup())?, "SIGHUP"),
            (signal(SignalKind::interrupt())?, "SIGINT"),
        ]))
    }

    /// Waits for one, and returns its name.
    async fn next(&mut self) -> &'static str {
        let [(terminate, a), (hangup, b), (interrupt, c)] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => a,
            _ = hangup.recv() => b,
            _ = interrupt.recv() => c,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "an interrupt"
    }
}
