//! The shop over HTTP: commands are decided, questions are answered from the state and the read models.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::{HeaderMap, StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::get};
use event_core::projection::{TableRow, ViewPage};
use event_core::{Category, CommandId, DecideError, Error, EventStore, Scope, StreamId, Tenant};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};

use crate::order::{Command, Order, Refused, decide};
use crate::sales::{Orders, Sales};

type Answer = Result<Json<Value>, Failure>;

pub(crate) fn routes(store: &EventStore, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/orders/{id}", get(order).post(change))
        .route("/sales/{month}", get(sales))
        .route("/customers/{name}", get(customer))
        .route("/health", get(health))
        .route("/metrics", get(|| async move { metrics.render() }))
        .with_state(store.clone())
        .nest("/console", event_console::router(store))
}

/// The store as one request sees it: the data of its tenant, and its id in all that it stores and logs; and the id of its command.
struct Shop(EventStore, CommandId);

impl FromRequestParts<EventStore> for Shop {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, store: &EventStore) -> Result<Self, Failure> {
        let tenant = header(&parts.headers, "x-tenant").map(Tenant::new).transpose();
        let mut scope = Scope::tenant(tenant.map_err(Error::from)?.unwrap_or_default());
        scope.correlation_id = header(&parts.headers, "x-request-id").map(Into::into);
        let key = header(&parts.headers, "idempotency-key");
        Ok(Self(store.with_scope(scope), key.map_or_else(CommandId::new, CommandId::named)))
    }
}

/// `POST /orders/{id}`: decides a command. A request that is sent again with its `Idempotency-Key` gets the first answer.
async fn change(Shop(store, key): Shop, Path(id): Path<String>, Json(it): Json<Command>) -> Answer {
    let stream = stream(&id)?;
    let decision = store.decide::<Order>(&stream).command(key);
    let done = decision.run(|order| decide(order, &it)).await?;
    Ok(Json(json!({ "order": done.state, "version": done.stream_version })))
}

/// `GET /orders/{id}`: the state of now, from the events of the order.
async fn order(Shop(store, _): Shop, Path(id): Path<String>) -> Answer {
    let order = store.recover::<Order>(&stream(&id)?).await?;
    Ok(Json(json!({ "order": order.state, "version": order.version })))
}

/// `GET /sales/2026-11`: the days of a month, with all that was ordered before the question.
async fn sales(Shop(store, _): Shop, Path(month): Path<String>) -> Answer {
    let sales = store.view::<Sales>();
    sales.wait_for(store.head().await?).await?;
    let days = sales.where_key_prefix(month).list(ViewPage::first()).await?;
    let days = days.into_iter().map(|day| (day.key, json!(day.value)));
    Ok(Json(days.collect()))
}

/// `GET /customers/ann`: the orders of a customer, the one of a moment ago included.
async fn customer(Shop(store, _): Shop, Path(name): Path<String>) -> Answer {
    let sql = "SELECT id, status FROM {orders} WHERE customer = $1 ORDER BY id";
    let rows = store.tables::<Orders>().query(sql, [name]).await?;
    let of = |row: &TableRow| Ok((row.get::<String>("id")?, row.get::<String>("status")?));
    Ok(Json(rows.iter().map(of).collect::<Result<_, Error>>()?))
}

async fn health(State(store): State<EventStore>) -> Answer {
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
pub(crate) struct Failure(DecideError<Refused>);

impl<E: Into<DecideError<Refused>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code, reason) = match self.0 {
            DecideError::Refused(reason) => (StatusCode::CONFLICT, "refused", reason.to_string()),
            DecideError::Store(error) => (status(&error), error.code(), error.to_string()),
        };
        let is_ours = status.is_server_error(); // the store has logged why
        let message = if is_ours { "the shop cannot answer now" } else { &reason };
        (status, Json(json!({ "code": code, "message": message }))).into_response()
    }
}

fn status(error: &Error) -> StatusCode {
    match (error.category(), error.code()) {
        (_, "stream_not_found") => StatusCode::NOT_FOUND,
        (_, "invalid_event_data") => StatusCode::UNPROCESSABLE_ENTITY,
        (Category::Validation, _) => StatusCode::BAD_REQUEST,
        (Category::Concurrency, _) => StatusCode::CONFLICT,
        _ if error.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
