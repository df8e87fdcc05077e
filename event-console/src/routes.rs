//! The routes, with the guard around each.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::failure::Failure;
use crate::shared::Shared;
use crate::{assets, guard, live, page, scrape};

/// The longest form.
const FORM_BYTES: usize = 16 << 10;

/// The routes of a console.
pub(crate) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::overview::get))
        .route("/streams", get(page::streams::get))
        .route("/stream/{tenant}/{stream}", get(page::stream::get))
        .route("/events", get(page::events::get))
        .route("/event/{tenant}/{id}", get(page::event::get))
        .route("/event/{tenant}/{id}/data", get(page::event::data))
        .route("/types", get(page::types::list))
        .route("/types/{type}", get(page::types::get))
        .route("/subscriptions", get(page::subscriptions::get))
        .route("/subscriptions/all/{name}", get(page::subscription::of_all))
        .route("/subscriptions/all/{name}/{action}", post(page::change::of_all))
        .route("/subscriptions/of/{tenant}/{name}", get(page::subscription::of_tenant))
        .route("/subscriptions/of/{tenant}/{name}/{action}", post(page::change::of_tenant))
        .route("/projections", get(page::projections::get))
        .route("/projections/{name}/rebuild", post(page::projections::rebuild))
        .route("/projections/{name}/{build}/{action}", post(page::projections::act))
        .route("/tenants", get(page::tenants::get))
        .route("/health", get(page::health::get))
        .route("/live", get(live::get))
        .route("/metrics", get(scrape::get))
        .route("/sign-in", get(page::sign_in::get).post(page::sign_in::post))
        .route("/sign-out", post(page::sign_in::out))
        .route("/assets/{name}", get(assets::get))
        .fallback(async || Failure::NotFound("page"))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
        .layer(from_fn_with_state(Arc::clone(shared), guard::guard))
}
