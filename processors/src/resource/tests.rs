use bytes::Bytes;
use otlp::wire;

use super::*;
use crate::fixture::{at, build, host};

/// A request of one resource group with this body behind the resource.
fn request(rest: &[u8]) -> Bytes {
    let mut group = Vec::new();
    wire::put_len(&mut group, 1, &[]);
    group.extend_from_slice(rest);
    let mut request = Vec::new();
    wire::put_len(&mut request, 1, &group);
    request.into()
}

#[test]
fn what_a_resource_has_produced_is_not_looked_at() {
    // A scope group that no view could read: it is copied unseen.
    let mut scopes = Vec::new();
    wire::put_len(&mut scopes, 2, &[0x0a, 0x7f]);
    let yaml = "attributes: [{key: a, value: 1, action: insert}]";
    let mut out = Outbox::default();
    let batch = Batch::new(Signal::Traces, request(&scopes), 7);
    build("resource", yaml, &host()).process(batch, at(0), &mut out);
    let sent: Vec<_> = out.drain().collect();
    assert_eq!(sent[0].items(), 7);
    assert!(sent[0].chunks()[0].bytes.ends_with(&scopes));
    assert!(sent[0].bytes() > request(&scopes).len());
}

#[test]
fn a_resource_that_is_left_out_gets_its_attributes_too() {
    let mut request = Vec::new();
    wire::put_len(&mut request, 1, &[]);
    let yaml = "attributes: [{key: a, value: 1, action: insert}]";
    let mut out = Outbox::default();
    let batch = Batch::new(Signal::Logs, request.into(), 0);
    build("resource", yaml, &host()).process(batch, at(0), &mut out);
    let sent: Vec<_> = out.drain().collect();
    let request = otlp::view::Request::new(Signal::Logs, &sent[0].chunks()[0].bytes);
    let group = request.resource_groups().next().unwrap().unwrap();
    assert!(group.attributes().get("a").unwrap().is_some());
}
