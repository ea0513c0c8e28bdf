//! Some spans of a request, named by where they lie in it, so that several can share its bytes.

use std::ops::Range;

use crate::Signal;
use crate::layout::{ELEMENTS, ItemKind, RESOURCE_GROUPS, SCOPE_GROUPS};
use crate::view::{Item, ResourceGroup, ScopeGroup, View};
use crate::wire::{Fields, Malformed};

/// The number of `Span.trace_id`, which every encoder writes first.
const TRACE_ID: u32 = 1;

/// Spans of one request of traces, in its order. It takes 8 bytes for each, and some more for each scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    groups: Vec<Group>,
    items: Vec<Slice>,
    bytes: usize,
}

/// A part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    start: u32,
    length: u32,
}

/// The selected spans of one scope group; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    resource: Slice,
    scope: Slice,
    /// Their places in the list.
    items: Range<usize>,
}

/// A resource group of which something is selected.
#[derive(Clone, Copy, Debug)]
pub struct SelectedResource<'s, 'a> {
    pub group: ResourceGroup<'a>,
    request: &'a [u8],
    selection: &'s Selection,
    groups: &'s [Group],
}

/// Divides the spans of a request among so many: `owner` is asked with each trace id, which is empty where a span
/// has none. Of a request with broken framing the spans before the fault are divided.
pub fn divide(
    request: &[u8],
    parts: usize,
    mut owner: impl FnMut(&[u8]) -> usize,
) -> Vec<Selection> {
    let mut divided = vec![Selection::default(); parts];
    // Places are of 32 bits. No receiver takes a request that is longer than they reach.
    if u32::try_from(request.len()).is_ok() {
        let _: Result<(), Malformed> = for_each_span(request, |resource, scope, span| {
            if let Some(part) = divided.get_mut(owner(trace_id(span))) {
                let [resource, scope, span] =
                    [resource, scope, span].map(|body| Slice::of(request, body));
                part.add(resource, scope, span);
            }
        });
    }
    divided
}

fn for_each_span<'a>(
    request: &'a [u8],
    mut visit: impl FnMut(&'a [u8], &'a [u8], &'a [u8]),
) -> Result<(), Malformed> {
    let mut resources = Fields::new(request);
    while let Some(resource) = next(&mut resources, RESOURCE_GROUPS)? {
        let mut scopes = Fields::new(resource);
        while let Some(scope) = next(&mut scopes, SCOPE_GROUPS)? {
            let mut spans = Fields::new(scope);
            while let Some(span) = next(&mut spans, ELEMENTS)? {
                visit(resource, scope, span);
            }
        }
    }
    Ok(())
}

fn next<'a>(fields: &mut Fields<'a>, number: u32) -> Result<Option<&'a [u8]>, Malformed> {
    while let Some(field) = fields.next_field()? {
        if field.number == number {
            return field.bytes().map(Some);
        }
    }
    Ok(None)
}

/// The first trace id of a span. Who writes two has spans of one trace divided, and harms nobody else.
fn trace_id(span: &[u8]) -> &[u8] {
    let found = next(&mut Fields::new(span), TRACE_ID);
    found.ok().flatten().unwrap_or_default()
}

// === impl Selection ===

impl Selection {
    /// How many spans are selected.
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Encoded bytes of the selected spans.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The resource groups of `request`, which this was made of, with what is selected of them.
    pub fn resources<'s, 'a>(
        &'s self,
        request: &'a [u8],
    ) -> impl Iterator<Item = Result<SelectedResource<'s, 'a>, Malformed>> {
        let same = |one: &Group, other: &Group| one.resource == other.resource;
        self.groups.chunk_by(same).map(move |groups| {
            let body = groups.first().map(|group| group.resource.within(request));
            Ok(SelectedResource {
                group: ResourceGroup::read(body.unwrap_or_default(), Signal::Traces)?,
                request,
                selection: self,
                groups,
            })
        })
    }

    /// Divides what is selected of `request` once more, as [`divide`] does.
    pub fn divide(
        &self,
        request: &[u8],
        parts: usize,
        mut owner: impl FnMut(&[u8]) -> usize,
    ) -> Vec<Self> {
        let mut divided = vec![Self::default(); parts];
        for group in &self.groups {
            for &span in self.items.get(group.items.clone()).unwrap_or_default() {
                let at = owner(trace_id(span.within(request)));
                if let Some(part) = divided.get_mut(at) {
                    part.add(group.resource, group.scope, span);
                }
            }
        }
        divided
    }

    fn add(&mut self, resource: Slice, scope: Slice, item: Slice) {
        self.items.push(item);
        self.bytes += item.length as usize;
        let end = self.items.len();
        match self.groups.last_mut() {
            Some(last) if last.scope == scope && last.resource == resource => last.items.end = end,
            _ => self.groups.push(Group {
                resource,
                scope,
                items: end - 1..end,
            }),
        }
    }
}

// === impl SelectedResource ===

impl<'s, 'a> SelectedResource<'s, 'a> {
    /// The scope groups, each with its selected spans.
    pub fn scopes(
        &self,
    ) -> impl Iterator<
        Item = Result<(ScopeGroup<'a>, impl Iterator<Item = Item<'a>> + use<'s, 'a>), Malformed>,
    > + use<'s, 'a> {
        let Self {
            request,
            selection,
            groups,
            ..
        } = *self;
        groups.iter().map(move |group| {
            let scope = ScopeGroup::read(group.scope.within(request), Signal::Traces)?;
            let items = selection.items.get(group.items.clone()).unwrap_or_default();
            let items = items.iter().map(|item| Item {
                kind: ItemKind::Span,
                body: item.within(request),
            });
            Ok((scope, items))
        })
    }
}

// === impl Slice ===

impl Slice {
    /// Where a part of `whole` lies in it.
    fn of(whole: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        Self {
            start: start as u32,
            length: part.len() as u32,
        }
    }

    fn within(self, whole: &[u8]) -> &[u8] {
        let start = self.start as usize;
        whole
            .get(start..start + self.length as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// Two resources with three scopes; the first byte of a trace id says whose the span is.
    fn request(ids: [&[u8]; 3]) -> Vec<u8> {
        let scope = |name: &str, ids: &[u8]| {
            let span = |id: &u8| format!(r#"{{"traceId":"{id:032x}","name":"{name}{id}"}}"#);
            let spans: Vec<_> = ids.iter().map(span).collect();
            let spans = spans.join(",");
            format!(r#"{{"scope":{{"name":"{name}"}},"spans":[{spans}]}}"#)
        };
        let resource = |name: &str, scopes: &[String]| {
            let scopes = scopes.join(",");
            format!(r#"{{"schemaUrl":"{name}","scopeSpans":[{scopes}]}}"#)
        };
        let [a, b, c] = ids;
        let one = resource("one", &[scope("a", a), scope("b", b)]);
        let two = resource("two", &[scope("c", c)]);
        let request = format!(r#"{{"resourceSpans":[{one},{two}]}}"#);
        json::decode(Signal::Traces, request.as_bytes()).unwrap()
    }

    fn owner(id: &[u8]) -> usize {
        usize::from(id.last().copied().unwrap_or_default())
    }

    /// `resource/scope:span` of each, as a reader finds them.
    fn read(selection: &Selection, request: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for resource in selection.resources(request) {
            let resource = resource.unwrap();
            for scope in resource.scopes() {
                let (scope, items) = scope.unwrap();
                for item in items {
                    let span = item.span().unwrap().unwrap();
                    let scope = scope.scope.unwrap().name.to_string();
                    found.push(format!(
                        "{}/{scope}:{}",
                        resource.group.schema_url, span.name
                    ));
                }
            }
        }
        found
    }

    #[test]
    fn each_part_has_its_spans_with_what_encloses_them() {
        let request = request([&[0, 1, 0, 1], &[1], &[2, 0, 9]]);
        let divided = divide(&request, 3, owner);
        let check = |at: usize, expected: &[&str]| {
            assert_eq!(read(&divided[at], &request), expected, "{at}");
            assert_eq!(divided[at].len(), expected.len());
        };
        check(0, &["one/a:a0", "one/a:a0", "two/c:c0"]);
        check(1, &["one/a:a1", "one/a:a1", "one/b:b1"]);
        check(2, &["two/c:c2"]);
        assert!(divided.iter().all(|part| part.bytes() < request.len()));
    }

    #[test]
    fn a_part_is_divided_again() {
        let request = request([&[0, 1, 2, 3], &[1, 3], &[0, 2]]);
        let halves = divide(&request, 2, |id| owner(id) % 2);
        let again = halves[1].divide(&request, 4, owner);
        let counts: Vec<usize> = again.iter().map(Selection::len).collect();
        assert_eq!(counts, [0, 2, 0, 2]);
        assert_eq!(again[3], divide(&request, 4, owner)[3]);
    }

    #[test]
    fn of_a_broken_request_the_spans_before_the_fault_are_divided() {
        let mut request = request([&[0], &[1], &[0]]);
        request.extend_from_slice(&[0x0a, 0x7f, 0x12]);
        let divided = divide(&request, 2, owner);
        let counts: Vec<usize> = divided.iter().map(Selection::len).collect();
        assert_eq!(counts, [2, 1]);
        assert!(
            divide(b"0123456789", 2, owner)
                .iter()
                .all(Selection::is_empty)
        );
    }

    #[test]
    fn a_span_without_an_id_is_somebodys() {
        let request = json::decode(
            Signal::Traces,
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"},{}]}]}]}"#,
        );
        let divided = divide(&request.unwrap(), 2, owner);
        assert_eq!(divided[0].len(), 2);
    }
}
