//! [`Takeover`]: the terminal while it is drawn on. It gets back what it had before, whichever way the view ends: by a key, an
//! error, a signal, or a panic.

use std::io::{self, IsTerminal as _, Stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};

/// What stands in the place of standard error while the screen is drawn on: a log, or a library, would write into it.
#[cfg(unix)]
type Kept = Option<Arc<std::os::fd::OwnedFd>>;
#[cfg(not(unix))]
type Kept = ();

type Hook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send;

/// The terminal while it is drawn on; dropping it gives the terminal back.
pub(super) struct Takeover {
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
    previous: Arc<Hook>,
    elsewhere: Arc<Mutex<Option<String>>>,
    kept: Kept,
}

impl Takeover {
    /// Takes the terminal over. A panic of this thread gives it back before its message is printed; one of another thread is
    /// kept from the screen.
    ///
    /// # Errors
    /// Of the terminal, which is then as before.
    pub(super) fn new() -> io::Result<Self> {
        let kept = mute();
        let elsewhere = Arc::new(Mutex::new(None));
        let previous: Arc<Hook> = Arc::from(panic::take_hook());
        let (hook, messages) = (Arc::clone(&previous), Arc::clone(&elsewhere));
        let (ours, stderr) = (thread::current().id(), kept.clone());
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == ours {
                give_back(&stderr);
                hook(info);
            } else {
                *messages.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.to_string());
            }
        }));
        let taken = take().and_then(|()| Terminal::new(CrosstermBackend::new(io::stdout())));
        match taken {
            Ok(terminal) => Ok(Self { terminal, previous, elsewhere, kept }),
            Err(error) => {
                give_back(&kept);
                restore_hook(previous);
                Err(error)
            }
        }
    }

    /// The message of a panic in another thread since the last call.
    pub(super) fn panicked(&self) -> Option<String> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Takeover {
    fn drop(&mut self) {
        if !thread::panicking() {
            give_back(&self.kept);
            restore_hook(Arc::clone(&self.previous));
        }
    }
}

fn restore_hook(hook: Arc<Hook>) {
    panic::set_hook(Box::new(move |info| hook(info)));
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
}

/// Gives the terminal back. Whatever fails, the rest is still done: there may be no terminal any more.
#[cfg_attr(
    not(unix),
    expect(clippy::trivially_copy_pass_by_ref, reason = "a descriptor elsewhere")
)]
fn give_back(kept: &Kept) {
    let _ = execute!(io::stdout(), LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    unmute(kept);
}

/// Sends standard error nowhere, if it is the terminal.
#[cfg(unix)]
fn mute() -> Kept {
    if !io::stderr().is_terminal() {
        return None;
    }
    let kept = rustix::io::dup(io::stderr()).ok()?;
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null").ok()?;
    rustix::stdio::dup2_stderr(nowhere).ok()?;
    Some(Arc::new(kept))
}

#[cfg(unix)]
fn unmute(kept: &Kept) {
    if let Some(kept) = kept {
        let _ = rustix::stdio::dup2_stderr(kept);
    }
}

#[cfg(not(unix))]
const fn mute() -> Kept {}

#[cfg(not(unix))]
const fn unmute(_: &Kept) {}
