//! The shop over HTTP: commands are decided, questions are answered from the state and the read models.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use event_core::error::with_causes;
use event_core::projection::ViewPage;
use event_core::{Category, CommandId, DecideError, Error, EventStore, Scope, StreamId, Tenant};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

use crate::order::{Command, Order, Refused, decide};
use crate::sales::Sales;

pub(crate) fn routes(store: EventStore, metrics: PrometheusHandle) -> Router {
    let console = event_console::router(&store);
    Router::new()
        .route("/orders/{id}", get(order).post(command))
        .route("/sales/{month}", get(sales))
        .route("/health", get(health))
        .route("/metrics", get(|| async move { metrics.render() }))
        .with_state(store)
        .nest("/console", console)
}

/// The store as one request sees it: the data of its tenant, and its id in all that it stores and logs.
struct Shop(EventStore);

impl FromRequestParts<EventStore> for Shop {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, store: &EventStore) -> Result<Self, Failure> {
        let tenant = header(&parts.headers, "x-tenant").map(Tenant::new).transpose();
        let mut scope = Scope::tenant(tenant.map_err(Error::from)?.unwrap_or_default());
        scope.correlation_id = header(&parts.headers, "x-request-id").map(Into::into);
        Ok(Self(store.with_scope(scope)))
    }
}

/// `POST /orders/{id}`: decides a command. A request that is sent again with its `Idempotency-Key` gets the first answer.
async fn command(
    Shop(store): Shop,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(command): Json<Command>,
) -> Result<Json<Value>, Failure> {
    let key = header(&headers, "idempotency-key");
    let command_id = key.map_or_else(CommandId::new, CommandId::named);
    let stream = stream(&id)?;
    let decision = store.decide::<Order>(&stream).command(command_id);
    let done = decision.run(|order| decide(order, &command)).await?;
    Ok(Json(json!({ "order": done.state, "version": done.stream_version })))
}

/// `GET /orders/{id}`: the state of now, from the events of the order.
async fn order(Shop(store): Shop, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let order = store.recover::<Order>(&stream(&id)?).await?;
    Ok(Json(json!({ "order": order.state, "version": order.version })))
}

/// `GET /sales/2026-11`: the days of a month, with all that was ordered before the question.
async fn sales(Shop(store): Shop, Path(month): Path<String>) -> Result<Json<Value>, Failure> {
    let sales = store.view::<Sales>();
    sales.wait_for(store.head().await?).await?;
    let days = sales.where_key_prefix(month).list(ViewPage::first()).await?;
    let days = days.into_iter().map(|day| (day.key, json!(day.value)));
    Ok(Json(days.collect()))
}

async fn health(State(store): State<EventStore>) -> Result<Json<Value>, Failure> {
    let health = store.health().await?;
    Ok(Json(json!({ "store": health.server, "read_only": health.read_only })))
}

fn stream(id: &str) -> Result<StreamId, Error> {
    Ok(StreamId::new(format!("order-{id}"))?)
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What a client is told: a status, a stable code, and a sentence.
pub(crate) struct Failure(StatusCode, &'static str, String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.category() {
            _ if error.code() == "stream_not_found" => StatusCode::NOT_FOUND,
            _ if error.code() == "invalid_event_data" => StatusCode::UNPROCESSABLE_ENTITY,
            Category::Validation => StatusCode::BAD_REQUEST,
            Category::Concurrency => StatusCode::CONFLICT,
            _ if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = with_causes(&error), "a request failed");
            return Self(status, error.code(), "the shop cannot answer now".into());
        }
        Self(status, error.code(), error.to_string())
    }
}

impl From<DecideError<Refused>> for Failure {
    fn from(error: DecideError<Refused>) -> Self {
        match error {
            DecideError::Refused(reason) => {
                Self(StatusCode::CONFLICT, "refused", reason.to_string())
            }
            DecideError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        (status, Json(json!({ "code": code, "message": message }))).into_response()
    }
}
