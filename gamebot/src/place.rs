//! Where games are stored: what was asked for, or a file in the folder the program runs in.

use std::path::Path;

use event_core::EventStore;

use crate::failure::Failure;

/// The default, for everything that plays games or looks at them.
pub(crate) const DEFAULT_FILE: &str = "gamebot.db";

/// How a command uses the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It stores games that are to be found again.
    Writes,
    /// It looks at what is there.
    Reads,
    /// It stores games that nobody asks for later: in memory, unless told otherwise.
    Throws,
}

/// Opens the store at a URL, or the default one; the default is named on the standard error.
pub(crate) async fn open(url: Option<&str>, purpose: Use) -> Result<EventStore, Failure> {
    let url = match (url, purpose) {
        (Some(url), Use::Reads) => existing(url),
        (Some(url), _) => url.to_owned(),
        (None, Use::Throws) => "memory:".to_owned(),
        (None, Use::Reads) if !Path::new(DEFAULT_FILE).exists() => {
            return Err(Failure::general(format!(
                "nothing was played in this folder: there is no ./{DEFAULT_FILE}, which `gamebot play FILE` makes; `--store URL` or GAMEBOT_STORE name another store"
            )));
        }
        (None, _) => {
            eprintln!("store: ./{DEFAULT_FILE}");
            format!("sqlite:{DEFAULT_FILE}")
        }
    };
    Ok(EventStore::connect(&url).await?)
}

/// A file that is only looked at is not created.
fn existing(url: &str) -> String {
    if !url.starts_with("sqlite:") || url.contains("create=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}create=false")
}
