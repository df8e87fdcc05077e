//! Opens the event store of a command: at the given URL, or at the default for the kind of access.

use std::path::Path;

use event_core::EventStore;

use crate::failure::Failure;

/// File of the default store, in the current folder.
const DEFAULT_FILE: &str = "gamebot.db";
/// And its URL.
pub(crate) const DEFAULT_URL: &str = "sqlite:gamebot.db";

/// How a command uses its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Stores games permanently; the default file is created if it is missing.
    ReadWrite,
    /// Reads existing games; a missing file is an error and is not created.
    ReadOnly,
    /// Stores games that no later command reads; the default is a store in memory.
    Temporary,
}

/// Opens the store at `url`, or the default store, whose name is then printed to standard error.
pub(crate) async fn open(url: Option<&str>, access: Access) -> Result<EventStore, Failure> {
    let url = match (url, access) {
        (Some(url), Access::ReadOnly) => without_create(url),
        (Some(url), _) => url.to_owned(),
        (None, Access::Temporary) => "memory:".to_owned(),
        (None, Access::ReadOnly) if !Path::new(DEFAULT_FILE).exists() => {
            return Err(Failure::general(format!(
                "there is no ./{DEFAULT_FILE}: `gamebot play FILE` creates it in this folder; `--store URL` or GAMEBOT_STORE select another store"
            )));
        }
        (None, _) => {
            eprintln!("store: ./{DEFAULT_FILE}");
            DEFAULT_URL.to_owned()
        }
    };
    Ok(EventStore::connect(&url).await?)
}

/// Adds `create=false` to the URL of a file, unless the URL sets `create` itself.
fn without_create(url: &str) -> String {
    if !url.starts_with("sqlite:") || url.contains("create=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}create=false")
}
