//! Small requests of every signal.

use bytes::Bytes;
use otlp::{Signal, json, survey};

use crate::batch::Batch;

/// A batch of one request with `items` items named after `seed`, so that no two batches are equal.
pub fn sample(signal: Signal, items: usize, seed: usize) -> Batch {
    let item = |at: usize| match signal {
        Signal::Traces => format!(
            r#"{{"traceId":"{:032x}","spanId":"{:016x}","name":"GET /{seed}/{at}","kind":2,
                "startTimeUnixNano":"1000","endTimeUnixNano":"2000",
                "attributes":[{{"key":"http.method","value":{{"stringValue":"GET"}}}}],
                "status":{{"code":1}}}}"#,
            seed + 1,
            at + 1
        ),
        Signal::Logs => format!(
            r#"{{"timeUnixNano":"1000","severityNumber":9,"body":{{"stringValue":"line {seed}/{at}"}},
                "attributes":[{{"key":"app","value":{{"stringValue":"shop"}}}}]}}"#
        ),
        Signal::Metrics => format!(
            r#"{{"name":"requests.{seed}.{at}","sum":{{"aggregationTemporality":2,"isMonotonic":true,
                "dataPoints":[{{"asInt":"{at}","timeUnixNano":"1000",
                "attributes":[{{"key":"code","value":{{"intValue":"200"}}}}]}}]}}}}"#
        ),
    };
    let (groups, list) = match signal {
        Signal::Traces => ("scopeSpans", "spans"),
        Signal::Metrics => ("scopeMetrics", "metrics"),
        Signal::Logs => ("scopeLogs", "logRecords"),
    };
    let items: Vec<_> = (0..items).map(item).collect();
    let text = format!(
        r#"{{"{}":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
            "{groups}":[{{"scope":{{"name":"lib","version":"1"}},"{list}":[{}]}}]}}]}}"#,
        signal.json_root(),
        items.join(",")
    );
    let request = json::decode(signal, text.as_bytes())
        .unwrap_or_else(|fault| panic!("the sample of {signal} is no OTLP/JSON: {fault}"));
    let bytes = Bytes::from(request);
    let items = counted(signal, &bytes);
    Batch::new(signal, bytes, items)
}

/// The items that the payload of a batch really has.
pub fn items_of(batch: &Batch) -> u64 {
    batch
        .chunks()
        .iter()
        .map(|chunk| counted(batch.signal(), &chunk.bytes))
        .sum()
}

fn counted(signal: Signal, request: &[u8]) -> u64 {
    let census = survey(signal, request);
    census
        .unwrap_or_else(|malformed| panic!("a batch of {signal} is broken: {malformed}"))
        .items as u64
}
