//! Spans as the protobuf that OTLP sends. The messages are OpenTelemetry's own.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span as Wire, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};
use prost::Message;

use super::span::{Attributes, Kind, Span, Value};

/// The body of one request.
pub(super) fn request(resource: &[(&'static str, String)], spans: &[Span]) -> Vec<u8> {
    let attributes = resource.iter().map(|(name, text)| pair(name, Value::Text(text.clone()))).collect();
    let scope = InstrumentationScope {
        name: "zwarm-tui".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let scoped =
        ScopeSpans { scope: Some(scope), spans: spans.iter().map(wire).collect(), ..ScopeSpans::default() };
    let spans = ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![scoped],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec()
}

fn wire(span: &Span) -> Wire {
    let status =
        span.error.as_ref().map(|why| Status { message: why.clone(), code: StatusCode::Error.into() });
    Wire {
        trace_id: span.trace.to_vec(),
        span_id: span.id.to_vec(),
        parent_span_id: span.parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: match span.kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Client => SpanKind::Client,
        }
        .into(),
        start_time_unix_nano: nanos(span.start),
        end_time_unix_nano: nanos(span.end.max(span.start)),
        attributes: pairs(&span.attributes),
        events: span
            .moments
            .iter()
            .map(|moment| Event {
                time_unix_nano: nanos(moment.at),
                name: moment.name.to_owned(),
                attributes: pairs(&moment.attributes),
                ..Event::default()
            })
            .collect(),
        status,
        ..Wire::default()
    }
}

fn nanos(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or(0).saturating_mul(1000)
}

fn pairs(attributes: &Attributes) -> Vec<KeyValue> {
    attributes.iter().map(|(name, value)| pair(name, value.clone())).collect()
}

fn pair(name: &str, value: Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text),
        Value::Int(number) => any_value::Value::IntValue(number),
        Value::Float(number) => any_value::Value::DoubleValue(number),
        Value::Bool(yes) => any_value::Value::BoolValue(yes),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
