//! Traces of OpenTelemetry through a store, with a tracer of the SDK: W3C text in metadata, links where events are handled.

#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::str::FromStr as _;
use std::sync::Arc;

use event_core::{
    Event, EventStore, ExpectedVersion, Filter, Metadata, NewEvent, ReadOptions, RecordedEvent,
    StreamId,
};
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider, SpanData};
use serde::{Deserialize, Serialize};
use tracing::instrument::Instrument as _;
use tracing::subscriber::DefaultGuard;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "order_placed", version = 1)]
struct OrderPlaced {}

/// A tracer for this thread, and the spans that it has ended.
fn tracer(sampler: Sampler) -> (DefaultGuard, InMemorySpanExporter) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop"));
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    (guard, exporter)
}

fn span(spans: &[SpanData], name: &str) -> SpanData {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no span {name} among {spans:?}")).clone()
}

async fn append(store: &EventStore, event: impl Into<NewEvent>) -> RecordedEvent {
    let order = StreamId::new("order-1").unwrap();
    store.append(&order, ExpectedVersion::Any, [event.into()]).await.unwrap();
    store.read_stream(&order, ReadOptions::backward()).await.unwrap().remove(0)
}

fn text(event: &RecordedEvent, key: &str) -> Option<String> {
    event.metadata().get(key).and_then(|value| value.as_str().map(str::to_owned))
}

#[tokio::test]
async fn an_event_names_the_recorded_span_in_which_it_was_appended() {
    let (_guard, exporter) = tracer(Sampler::AlwaysOn);
    let store = EventStore::in_memory().unwrap();
    let checkout = tracing::info_span!("checkout");
    let event = append(&store, OrderPlaced {}).instrument(checkout).await;

    let checkout = span(&exporter.get_finished_spans().unwrap(), "checkout").span_context;
    let expected = format!("00-{}-{}-01", checkout.trace_id(), checkout.span_id());
    assert_eq!((text(&event, "traceparent"), text(&event, "tracestate")), (Some(expected), None));
}

#[tokio::test]
async fn the_state_of_a_trace_that_came_from_elsewhere_goes_on() {
    let (_guard, _exporter) = tracer(Sampler::AlwaysOn);
    let store = EventStore::in_memory().unwrap();
    let state = TraceState::from_str("rojo=1,congo=2").unwrap();
    let trace = TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap();
    let remote = SpanContext::new(trace, SpanId::from(7), TraceFlags::SAMPLED, true, state);
    let checkout = tracing::info_span!("checkout");
    checkout.set_parent(Context::new().with_remote_span_context(remote)).unwrap();

    let event = append(&store, OrderPlaced {}).instrument(checkout).await;
    assert_eq!(text(&event, "tracestate").unwrap(), "rojo=1,congo=2");
    let parent = text(&event, "traceparent").unwrap();
    assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{parent}");
    assert!(
        !parent.contains("0000000000000007"),
        "the span of the append, not its parent: {parent}"
    );
}

#[tokio::test]
async fn an_event_without_a_recorded_span_or_with_a_trace_of_its_own_stays_as_it_is() {
    let (_guard, _exporter) = tracer(Sampler::AlwaysOn);
    let store = EventStore::in_memory().unwrap();
    let event = append(&store, OrderPlaced {}).await;
    assert_eq!(text(&event, "traceparent"), None, "no span");

    let own = r#"{"traceparent":"own"}"#;
    let event = NewEvent::from(OrderPlaced {}).with_metadata(Metadata::from_json(own).unwrap());
    let event = append(&store, event).instrument(tracing::info_span!("checkout")).await;
    assert_eq!(event.metadata().as_json(), own);

    let (_guard, _exporter) = tracer(Sampler::AlwaysOff);
    let event = append(&store, OrderPlaced {}).instrument(tracing::info_span!("checkout")).await;
    assert_eq!(text(&event, "traceparent"), None, "a span that is not recorded");
}

#[tokio::test]
async fn the_span_of_a_handler_is_linked_to_the_trace_of_its_event_and_is_no_child_of_it() {
    let (_guard, exporter) = tracer(Sampler::AlwaysOn);
    let store = EventStore::in_memory().unwrap();
    append(&store, OrderPlaced {}).instrument(tracing::info_span!("checkout")).await;
    let broken = NewEvent::from(OrderPlaced {})
        .with_metadata(Metadata::from_json(r#"{"traceparent":"00-zz"}"#).unwrap());
    append(&store, broken).await;

    let consumer = store.subscription("mail").filter(Filter::all()).open().await.unwrap();
    let stopper = Arc::new(consumer.stopper());
    let handler = move |event: Arc<RecordedEvent>| {
        let stopper = Arc::clone(&stopper);
        async move {
            tracing::info_span!("send a mail").in_scope(|| {});
            if event.position().get() == 2 {
                stopper.stop();
            }
            Ok::<_, event_core::Error>(())
        }
    };
    consumer.run(handler).await.unwrap();

    let spans = exporter.get_finished_spans().unwrap();
    let checkout = span(&spans, "checkout").span_context;
    let handlers: Vec<&SpanData> =
        spans.iter().filter(|it| it.name == "event_store_handler").collect();
    let [first, second] = *handlers else { panic!("{handlers:?}") };
    assert_eq!(first.links.iter().map(|it| &it.span_context).collect::<Vec<_>>().len(), 1);
    let link = &first.links.iter().next().unwrap().span_context;
    assert_eq!((link.trace_id(), link.span_id()), (checkout.trace_id(), checkout.span_id()));
    assert!(link.is_remote());
    assert_eq!(first.parent_span_id, SpanId::INVALID);
    assert_ne!(first.span_context.trace_id(), checkout.trace_id());
    assert_eq!(span(&spans, "send a mail").parent_span_id, first.span_context.span_id());
    assert_eq!(second.links.iter().count(), 0, "text that is no trace is no link");
}
