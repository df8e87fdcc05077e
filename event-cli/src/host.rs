//! [`Host`]: the program that the commands are part of.

use std::fmt;

/// The program that the commands are part of: what it is called, and which store it uses.
#[derive(Clone)]
#[must_use = "nothing happens before a command is run on it"]
pub struct Host {
    pub(crate) program: clap::Command,
    pub(crate) store: Option<String>,
}

impl Host {
    /// The program with this command line, for its name, its completions and its man pages.
    pub const fn new(program: clap::Command) -> Self {
        Self { program, store: None }
    }

    /// Sets the URL of the store; without one, a command that needs a store says how to name it.
    pub fn store(mut self, url: Option<String>) -> Self {
        self.store = url;
        self
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("program", &self.program.get_name()).finish_non_exhaustive()
    }
}
