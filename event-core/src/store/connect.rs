//! Opens the adapter for a URL, by its scheme, at run time.

use std::sync::Arc;

use crate::adapter::{Adapter, AdapterFactory};
use crate::error::{Error, Result};
use crate::memory::MemoryAdapter;

/// Opens the adapter that a URL names.
pub(crate) async fn open(url: &str) -> Result<Arc<dyn Adapter>> {
    let Some((scheme, _)) = url.split_once(':') else {
        return Err(unusable(
            url,
            "it has no scheme; write `postgres://host/database`, `sqlite:file.db` or `memory:`",
        ));
    };
    if scheme == "memory" {
        return Ok(Arc::new(MemoryAdapter::new()));
    }
    let factory =
        AdapterFactory::of_scheme(scheme).ok_or_else(|| unusable(url, &unknown_scheme(scheme)))?;
    factory.open(url).await
}

fn unknown_scheme(scheme: &str) -> String {
    let backend = match scheme {
        "postgres" | "postgresql" => "event_postgres",
        "sqlite" => "event_sqlite",
        _ => return no_such_scheme(scheme),
    };
    format!(
        "no linked backend opens `{scheme}:`; write `use {backend} as _;` in the application, a crate that is only in Cargo.toml is not linked"
    )
}

fn no_such_scheme(scheme: &str) -> String {
    let mut known: Vec<_> = AdapterFactory::schemes().chain(["memory"]).collect();
    known.sort_unstable();
    format!("unknown scheme `{scheme}:`; this binary opens `{}:`", known.join(":`, `"))
}

fn unusable(url: &str, reason: &str) -> Error {
    Error::InvalidUrl { given: without_password(url), reason: reason.to_owned() }
}

/// Returns the URL for messages and logs, with the password replaced by `***`.
///
/// ```
/// use event_core::store::without_password;
///
/// assert_eq!(without_password("postgres://bot:s3cret@db/games"), "postgres://bot:***@db/games");
/// assert_eq!(without_password("memory:"), "memory:");
/// ```
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password may hold a bare `/` or `@`: the last `@` ends the authority's credentials.
    let Some((credentials, rest)) = rest.rsplit_once('@') else { return url.to_owned() };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:***@{rest}"),
        None => url.to_owned(),
    }
}
