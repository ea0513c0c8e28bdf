//! Editing encoded attributes gives what editing decoded ones gives.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use otlp::wire::put_len;
use otlp::{AttributeList, Levels, Malformed, OwnedValue, Place, Signal, edit, sift, view};
use proptest::prelude::*;

use crate::any_request;
use crate::oracle::{Item, Single, canonical, encoded_singles, singles};

/// One change of a list of attributes, done by us and by the oracle.
#[derive(Clone, Debug)]
enum Change {
    Insert(String, i64),
    Update(String, i64),
    Upsert(String, i64),
    Remove(String),
    RemoveLongerThan(usize),
    /// Sets the first key to the value of the second.
    Copy(String, String),
    /// Replaces every string by its length.
    Measure,
}

fn any_change() -> impl Strategy<Value = Change> {
    let key = || prop::sample::select(vec!["", "a", "b", "key", "new"]).prop_map(str::to_owned);
    prop_oneof![
        (key(), any::<i64>()).prop_map(|(key, value)| Change::Insert(key, value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Change::Update(key, value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Change::Upsert(key, value)),
        key().prop_map(Change::Remove),
        (0_usize..4).prop_map(Change::RemoveLongerThan),
        (key(), key()).prop_map(|(to, from)| Change::Copy(to, from)),
        Just(Change::Measure),
    ]
}

fn any_levels() -> impl Strategy<Value = Levels> {
    any::<[bool; 3]>().prop_map(|[resource, scope, item]| Levels {
        resource,
        scope,
        item,
    })
}

proptest! {
    #[test]
    fn an_edit_changes_what_it_changes_in_prost_and_nothing_else(
        (signal, request) in any_request(),
        levels in any_levels(),
        changes in prop::collection::vec(any_change(), 0..4),
    ) {
        let edited = edit(signal, &request, levels, |carrier| {
            let attributes = carrier.attributes()?;
            changes.iter().try_for_each(|change| apply(change, attributes))
        });
        let mut expected = singles(signal, &request);
        for single in &mut expected {
            edit_single(single, levels, &changes);
        }
        let expected: Vec<_> = expected.iter().map(Single::encoded).collect();
        prop_assert_eq!(encoded_singles(signal, &edited.unwrap()), expected);
    }

    #[test]
    fn an_edit_that_changes_nothing_returns_the_request_as_it_is(
        (signal, request) in any_request(),
        levels in any_levels(),
    ) {
        let edited = edit(signal, &request, levels, |carrier| {
            let attributes = carrier.attributes()?;
            attributes.remove("absent");
            attributes.update("absent", &OwnedValue::from(1));
            Ok(())
        });
        prop_assert_eq!(edited.unwrap().as_ptr(), request.as_ptr());
    }
}

proptest! {
    #[test]
    fn sifting_drops_items_and_changes_attributes_and_trace_states_as_in_prost(
        (signal, request) in any_request(),
        pattern in any::<u64>(),
        changes in prop::collection::vec(any_change(), 0..3),
        state in "|a=1|ot=th:c",
    ) {
        // Of three bits: kept, its attributes changed, its trace state changed.
        let bit = |at: usize, which: usize| pattern >> ((3 * at + which) % 64) & 1 == 1;
        let mut seen = 0;
        let sifted = sift(signal, &request, |carrier| {
            let at = seen;
            seen += 1;
            if bit(at, 1) {
                let attributes = carrier.attributes()?;
                changes.iter().try_for_each(|change| apply(change, attributes))?;
            }
            if let Place::Item(entry) = carrier.place() && let Some(span) = entry.item.span()? && bit(at, 2) {
                carrier.set_trace_state(span.trace_state, |out| out.extend_from_slice(state.as_bytes()));
            }
            Ok(bit(at, 0))
        });
        let mut expected = Vec::new();
        for (at, mut single) in singles(signal, &request).into_iter().enumerate() {
            if bit(at, 1) {
                changes.iter().for_each(|change| apply_decoded(change, single.item_attributes()));
            }
            if let Item::Span(span) = &mut single.item && bit(at, 2) {
                span.trace_state.clone_from(&state);
            }
            if bit(at, 0) {
                expected.push(single.encoded());
            }
        }
        match sifted.unwrap() {
            None => prop_assert!(expected.is_empty()),
            Some((sifted, kept)) => {
                prop_assert_eq!(kept, expected.len());
                prop_assert_eq!(encoded_singles(signal, &sifted), expected);
            }
        }
    }

    #[test]
    fn sifting_that_changes_nothing_returns_the_request_as_it_is((signal, request) in any_request()) {
        let sifted = sift(signal, &request, |carrier| {
            carrier.attributes()?.remove("absent");
            if let Place::Item(entry) = carrier.place() && let Some(span) = entry.item.span()? {
                carrier.set_trace_state(span.trace_state, |out| out.extend_from_slice(span.trace_state.as_bytes()));
            }
            Ok(true)
        });
        if let Some((sifted, _)) = sifted.unwrap() {
            prop_assert_eq!(sifted.as_ptr(), request.as_ptr());
        }
    }
}

fn apply(change: &Change, attributes: &mut AttributeList<'_>) -> Result<(), Malformed> {
    match change {
        Change::Insert(key, value) => {
            let is_absent = !attributes.contains(key);
            assert_eq!(attributes.insert(key, &OwnedValue::from(*value)), is_absent);
        }
        Change::Update(key, value) => {
            let is_present = attributes.contains(key);
            assert_eq!(
                attributes.update(key, &OwnedValue::from(*value)),
                is_present
            );
        }
        Change::Upsert(key, value) => attributes.upsert(key, &OwnedValue::from(*value)),
        Change::Remove(key) => {
            let is_present = attributes.contains(key);
            assert_eq!(attributes.remove(key), is_present);
        }
        Change::RemoveLongerThan(length) => {
            attributes.retain_keys(|key| key.as_bytes().len() <= *length);
        }
        Change::Copy(to, from) => {
            if let Some(value) = attributes.get(from)? {
                let value = OwnedValue::copy_of(&value)?;
                attributes.upsert(to, &value);
            }
        }
        Change::Measure => attributes.replace_values(|_, value| {
            Ok(value
                .as_text()
                .map(|text| OwnedValue::from(text.as_bytes().len() as i64)))
        })?,
    }
    Ok(())
}

fn edit_single(single: &mut Single, levels: Levels, changes: &[Change]) {
    if levels.resource {
        let mut resource = single.resource.clone().unwrap_or_default();
        changes
            .iter()
            .for_each(|change| apply_decoded(change, &mut resource.attributes));
        if single.resource.is_some() || !resource.attributes.is_empty() {
            single.resource = Some(resource);
        }
    }
    if levels.scope {
        let mut scope = single.scope.clone().unwrap_or_default();
        changes
            .iter()
            .for_each(|change| apply_decoded(change, &mut scope.attributes));
        if single.scope.is_some() || !scope.attributes.is_empty() {
            single.scope = Some(scope);
        }
    }
    if levels.item {
        changes
            .iter()
            .for_each(|change| apply_decoded(change, single.item_attributes()));
    }
}

fn apply_decoded(change: &Change, attributes: &mut Vec<KeyValue>) {
    let find = |key: &str| {
        attributes
            .iter()
            .position(|attribute| attribute.key == *key)
    };
    match change {
        Change::Insert(key, value) if find(key).is_none() => {
            attributes.push(pair(key, Value::IntValue(*value)));
        }
        Change::Update(key, value) if find(key).is_some() => {
            set_decoded(attributes, pair(key, Value::IntValue(*value)));
        }
        Change::Insert(..) | Change::Update(..) => {}
        Change::Upsert(key, value) => set_decoded(attributes, pair(key, Value::IntValue(*value))),
        Change::Remove(key) => attributes.retain(|attribute| attribute.key != *key),
        Change::RemoveLongerThan(length) => attributes.retain(|pair| pair.key.len() <= *length),
        Change::Copy(to, from) => {
            if let Some(at) = find(from) {
                let value = Some(attributes[at].value.clone().unwrap_or_default());
                set_decoded(
                    attributes,
                    KeyValue {
                        key: to.clone(),
                        value,
                        ..Default::default()
                    },
                );
            }
        }
        Change::Measure => {
            for attribute in attributes {
                if let Some(Value::StringValue(text)) =
                    attribute.value.clone().and_then(|value| value.value)
                {
                    *attribute = pair(&attribute.key, Value::IntValue(text.len() as i64));
                }
            }
        }
    }
}

fn pair(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue {
        key: key.to_owned(),
        value,
        ..Default::default()
    }
}

/// Sets the first attribute of the key, and removes the others.
fn set_decoded(attributes: &mut Vec<KeyValue>, pair: KeyValue) {
    match attributes
        .iter()
        .position(|attribute| attribute.key == pair.key)
    {
        None => attributes.push(pair),
        Some(first) => {
            let mut at = 0;
            attributes.retain(|attribute| {
                at += 1;
                at <= first + 1 || attribute.key != pair.key
            });
            attributes[first] = pair;
        }
    }
}

/// One field with this body.
fn field(number: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_len(&mut out, number, body);
    out
}

/// An encoded attribute with a text.
fn attribute(number: u32, key: &str, value: &str) -> Vec<u8> {
    let value = field(2, OwnedValue::from(value).encoded());
    field(number, &[field(1, key.as_bytes()), value].concat())
}

#[test]
fn unknown_fields_and_order_survive_on_every_level() {
    let unknown = |text: &str| field(99, text.as_bytes());
    let request = |resource: &[u8], span: &[u8]| {
        let scope = [unknown("in scope group"), field(2, span)].concat();
        let group = [
            field(1, resource),
            unknown("in resource group"),
            field(2, &scope),
        ]
        .concat();
        Bytes::from([unknown("in request"), field(1, &group), unknown("behind")].concat())
    };
    let resource = |value: &str| {
        let parts = [
            unknown("in resource"),
            attribute(1, "k", value),
            attribute(1, "z", "z"),
        ];
        parts.concat()
    };
    let span = |value: &str| {
        let parts = [
            field(5, b"name"),
            attribute(9, "k", value),
            unknown("in span"),
        ];
        parts.concat()
    };
    let before = request(&resource("old"), &span("old"));
    let after = request(&resource("new, and longer"), &span("new, and longer"));
    let levels = Levels {
        resource: true,
        scope: true,
        item: true,
    };
    let edited = edit(Signal::Traces, &before, levels, |carrier| {
        carrier
            .attributes()?
            .update("k", &OwnedValue::from("new, and longer"));
        Ok(())
    });
    assert_eq!(edited.unwrap(), after);
}

#[test]
fn a_resource_that_is_absent_is_written_when_it_gets_attributes() {
    let scope_group = field(2, &field(2, &field(5, b"span")));
    let request = Bytes::from(field(1, &scope_group));
    let edited = edit(Signal::Traces, &request, Levels::RESOURCE, |carrier| {
        carrier.attributes()?.insert("k", &OwnedValue::from("v"));
        Ok(())
    });
    let expected = field(
        1,
        &[field(1, &attribute(1, "k", "v")), scope_group].concat(),
    );
    assert_eq!(edited.unwrap(), expected);
}

#[test]
fn a_key_that_is_there_twice_does_not_leave_its_second_value_behind() {
    let twice = [attribute(1, "token", "one"), attribute(1, "token", "two")].concat();
    let request = Bytes::from(field(1, &field(1, &twice)));
    let check = |change: fn(&mut AttributeList<'_>), expected: &[u8]| {
        let edited = edit(Signal::Logs, &request, Levels::RESOURCE, |carrier| {
            change(carrier.attributes()?);
            Ok(())
        });
        assert_eq!(edited.unwrap(), field(1, &field(1, expected)));
    };
    check(|list| _ = list.remove("token"), b"");
    check(
        |list| list.upsert("token", &OwnedValue::from("x")),
        &attribute(1, "token", "x"),
    );
    check(
        |list| _ = list.update("token", &OwnedValue::from("one")),
        &attribute(1, "token", "one"),
    );
}

#[test]
fn a_value_that_is_set_to_what_it_was_changes_nothing() {
    let request = Bytes::from(field(1, &field(1, &attribute(1, "k", "v"))));
    let edited = edit(Signal::Metrics, &request, Levels::RESOURCE, |carrier| {
        let attributes = carrier.attributes()?;
        attributes.upsert("k", &OwnedValue::from("v"));
        assert!(!attributes.is_changed());
        Ok(())
    });
    assert_eq!(edited.unwrap().as_ptr(), request.as_ptr());
}

#[test]
fn an_edit_sees_where_each_carrier_stands() {
    let span = field(2, &field(5, b"span"));
    let scope = field(2, &[field(1, &field(1, b"scope")), span].concat());
    let resource = field(1, &attribute(1, "service.name", "shop"));
    let request = Bytes::from(field(1, &[resource, scope].concat()));
    let levels = Levels {
        resource: true,
        scope: true,
        item: true,
    };
    let mut seen = Vec::new();
    edit(Signal::Traces, &request, levels, |carrier| {
        let service = |group: &view::ResourceGroup<'_>| {
            group
                .attributes()
                .get("service.name")
                .map(|name| name.unwrap().as_text().unwrap().to_string())
        };
        seen.push(match carrier.place() {
            Place::Resource(resource) => service(resource)?,
            Place::Scope(resource, scope) => {
                format!("{} {}", service(resource)?, scope.scope.unwrap().name)
            }
            Place::Item(entry) => {
                let span = entry.item.span()?.unwrap();
                format!(
                    "{} {} {}",
                    service(entry.resource)?,
                    entry.scope.scope.unwrap().name,
                    span.name
                )
            }
        });
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, ["shop", "shop scope", "shop scope span"]);
}

#[test]
fn values_of_every_kind_can_be_made_and_copied() {
    let value = OwnedValue::array([
        OwnedValue::empty(),
        OwnedValue::from("text"),
        OwnedValue::from(true),
        OwnedValue::from(-7),
        OwnedValue::from(2.5),
        OwnedValue::from(&b"bytes"[..]),
        OwnedValue::key_value_list([("k", OwnedValue::from(1)), ("l", OwnedValue::array([]))]),
    ]);
    assert_eq!(OwnedValue::copy_of(&value.view().unwrap()).unwrap(), value);
    let request = field(
        1,
        &field(
            1,
            &field(1, &[field(1, b"k"), field(2, value.encoded())].concat()),
        ),
    );
    assert_eq!(
        canonical(Signal::Traces, &request),
        request,
        "as prost writes it"
    );
}
