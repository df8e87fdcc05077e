//! The stylesheet, the script and the icon, which are part of the program.

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::failure::Failure;

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("assets/icon.svg");

/// `GET /assets/{name}`
pub(crate) async fn get(Path(name): Path<String>) -> Result<Response, Failure> {
    let (kind, content) = match &*name {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "console.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return Err(Failure::NotFound("file")),
    };
    // Asked for again after an hour at the latest: names do not change with the version.
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "private, max-age=3600")];
    Ok((headers, content).into_response())
}
