//! `GET /metrics`: the metrics of the application, if it handed in a recorder, and what the console knows of the store.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::sample::Sample;
use crate::visit::Visit;

/// `GET /metrics`
pub(crate) async fn get(visit: Visit) -> Response {
    let sample = visit.shared.sampler.latest().await;
    let mut text = visit.shared.settings.render.as_ref().map(|render| render()).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let tail = &visit.shared.tail;
    text.push_str(&of_store(&sample, tail.listeners(), tail.readers()));
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text).into_response()
}

/// What the console knows of the store, with a recorder of its own: these metrics are never in the application's.
#[allow(clippy::cast_precision_loss, reason = "metrics are floating-point numbers")]
fn of_store(sample: &Sample, listeners: usize, readers: usize) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    with_local_recorder(&recorder, || {
        metrics::gauge!("event_console_tails").set(listeners as f64);
        metrics::gauge!("event_console_tail_readers").set(readers as f64);
        metrics::gauge!("event_store_up").set(if sample.away.is_none() { 1.0 } else { 0.0 });
        if sample.away.is_some() {
            return;
        }
        metrics::gauge!("event_store_head_position").set(sample.head as f64);
        for it in &sample.subscriptions {
            let tenant = it.tenant.as_ref().map_or("", |tenant| tenant.as_str()).to_owned();
            let labels = [("subscription", it.name.clone()), ("tenant", tenant)];
            metrics::gauge!("event_store_subscription_lag_events", &labels).set(it.lag as f64);
            metrics::gauge!("event_store_subscription_parked_events", &labels)
                .set(it.parked as f64);
        }
    });
    handle.render()
}
