//! [`confirm`]: asks before something that cannot be undone.

use std::io::{IsTerminal as _, Write as _};

use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// Asks on the terminal, unless `yes` was said before.
pub(crate) fn confirm(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let unconfirmed = |why| Failure::new(Exit::Unconfirmed, format!("{what}: {why}"));
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(unconfirmed(
            "nothing was done: no terminal to ask on; pass `--yes` to confirm",
        ));
    }
    let mut terminal = Terminal::new(std::io::stderr());
    let _ = write!(terminal, "{what}? [y/N] ");
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(unconfirmed("nothing was done"))
}
