//! [`Trace`]: the trace of OpenTelemetry that an append belongs to, as W3C text in the metadata of its events, and as a link of the
//! span in which an event is handled. Without the feature `otel` both do nothing.
//!
//! A handler's span is linked to the trace of its event and is not a child of it: it may run days later, and again.

use tracing::Span;

use crate::envelope::RecordedEvent;
use crate::value::Metadata;

/// The recorded span that is current where an append is made, if there is one.
#[cfg(feature = "otel")]
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<(String, String)>);

/// Nothing, without the feature `otel`.
#[cfg(not(feature = "otel"))]
#[derive(Debug, Default)]
pub(crate) struct Trace;

#[cfg(not(feature = "otel"))]
#[expect(clippy::unused_self, reason = "the same functions with the feature `otel`")]
impl Trace {
    pub(crate) const fn current() -> Self {
        Self
    }

    pub(crate) const fn is_recorded(&self) -> bool {
        false
    }

    pub(crate) fn add_to(&self, metadata: Metadata) -> Metadata {
        metadata
    }
}

#[cfg(not(feature = "otel"))]
pub(crate) const fn link_trace(_: &Span, _: &RecordedEvent) {}

#[cfg(feature = "otel")]
pub(crate) use self::w3c::link_trace;

#[cfg(feature = "otel")]
mod w3c {
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use serde_json::Value;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    use super::{Metadata, RecordedEvent, Span, Trace};

    const TRACEPARENT: &str = "traceparent";
    const TRACESTATE: &str = "tracestate";

    impl Trace {
        /// The trace of the current span, if that is recorded.
        pub(crate) fn current() -> Self {
            let context = Span::current().context();
            let span = context.span();
            let span = span.span_context();
            let is_recorded = span.is_valid() && span.is_sampled();
            Self(is_recorded.then(|| (traceparent(span), span.trace_state().header())))
        }

        pub(crate) const fn is_recorded(&self) -> bool {
            self.0.is_some()
        }

        /// Adds it to the metadata of an event that names no trace of its own.
        pub(crate) fn add_to(&self, metadata: Metadata) -> Metadata {
            let Some((parent, state)) = &self.0 else { return metadata };
            if metadata.get(TRACEPARENT).is_some() {
                return metadata;
            }
            let traced = metadata.with(TRACEPARENT, parent.as_str());
            if state.is_empty() { traced } else { traced.with(TRACESTATE, state.as_str()) }
        }
    }

    /// Links a span to the trace in which an event was appended.
    pub(crate) fn link_trace(span: &Span, event: &RecordedEvent) {
        let metadata = event.metadata();
        let text = |key| metadata.get(key).and_then(|value: Value| value.as_str().map(Box::from));
        let parent: Option<Box<str>> = text(TRACEPARENT);
        let state: Option<Box<str>> = text(TRACESTATE);
        if let Some(context) = parent.and_then(|parent| parsed(&parent, state.as_deref())) {
            span.add_link(context);
        }
    }

    /// <https://www.w3.org/TR/trace-context/#traceparent-header>
    fn traceparent(span: &SpanContext) -> String {
        let (trace, id, flags) = (span.trace_id(), span.span_id(), span.trace_flags());
        format!("00-{trace:032x}-{id:016x}-{flags:02x}")
    }

    /// Reads a `traceparent` of any version; what is not one is ignored, as the specification asks for.
    fn parsed(parent: &str, state: Option<&str>) -> Option<SpanContext> {
        let is_hex = |text: &str, length| {
            text.len() == length && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut parts = parent.split('-');
        let (version, trace) = (parts.next()?, parts.next()?);
        let (span, flags) = (parts.next()?, parts.next()?);
        let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        if !fits || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        let state = state.and_then(|it| it.parse().ok()).unwrap_or(TraceState::NONE);
        let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
        let context = SpanContext::new(trace, span, flags, true, state);
        context.is_valid().then_some(context)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_traceparent_is_read_as_it_was_written_and_nothing_else_is_one() {
            let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let read = parsed(text, Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")).unwrap();
            assert_eq!(traceparent(&read), text);
            assert_eq!(read.trace_state().header(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
            assert!(
                parsed("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None)
                    .is_some()
            );
            for text in [
                "",
                "00",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            ] {
                assert!(parsed(text, None).is_none(), "{text}");
            }
            assert!(
                parsed(text, Some("no state"))
                    .is_some_and(|it| it.trace_state().header().is_empty())
            );
        }
    }
}
