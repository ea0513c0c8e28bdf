//! Labels: what is said of a point, of its scope and its resource, and what the configuration adds.

use std::borrow::Cow;

use otlp::Malformed;
use otlp::json::as_text;
use otlp::view::{Attributes, KeyValue, ScopeGroup};
use smallvec::SmallVec;

use super::drops::Reason;
use super::naming::Naming;
use super::symbols::{EMPTY, Symbols};
use crate::translation::{Identity, Unreadable, is_service_attribute};

const NAME: &str = "__name__";

/// Most points have fewer labels than this.
const USUAL: usize = 16;

/// Who wins where labels have the same name, from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    External,
    Attribute,
    Identity,
    Scope,
}

#[derive(Clone, Copy, Debug)]
struct Label {
    /// Symbols.
    name: u32,
    value: u32,
    /// What an attribute was called before it was translated, which orders namesakes.
    key: u32,
    rank: Rank,
}

/// Labels that the points of a scope have in common.
#[derive(Default)]
pub(super) struct Shared {
    fixed: Vec<Label>,
    /// Symbols of keys and values of attributes of the resource that stand on each point.
    promoted: Vec<(u32, u32)>,
}

/// The labels of one point, without the name of its metric.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Symbols of names and values, by name.
    list: SmallVec<[(u32, u32); USUAL]>,
    /// How many of them come before `__name__`.
    before_name: usize,
}

/// A label that one series of a point has alone: `le` or `quantile`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    name: u32,
    value: u32,
    /// How many labels of the point come before it.
    at: usize,
}

/// Makes labels of attributes. It lives as long as the symbols that it knows.
pub(super) struct Labeller<'x> {
    naming: &'x Naming,
    names: [Names; 2],
    /// `__name__`
    name: u32,
    collected: SmallVec<[Label; USUAL]>,
}

/// Where attributes stand, since they are not called the same everywhere.
#[derive(Clone, Copy)]
enum On {
    Point,
    Target,
}

/// Names of attributes by the symbols of their keys.
#[derive(Default)]
struct Names(Vec<Option<Option<u32>>>);

// === impl Labeller ===

impl<'x> Labeller<'x> {
    pub(super) fn new(naming: &'x Naming, symbols: &mut Symbols) -> Self {
        Self {
            naming,
            names: Default::default(),
            name: symbols.put(NAME),
            collected: SmallVec::new(),
        }
    }

    /// What all points of a scope have.
    pub(super) fn shared(
        &self,
        identity: &Identity,
        resource: Attributes<'_>,
        scope: &ScopeGroup<'_>,
        symbols: &mut Symbols,
    ) -> Result<Shared, Malformed> {
        let mut shared = Shared {
            fixed: self.fixed(identity, symbols),
            promoted: Vec::new(),
        };
        for attribute in resource {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            if self.naming.promoted.names(&key) {
                let value = as_text(&attribute.value()?)?;
                let pair = (symbols.put(&key), symbols.put(&value));
                shared.promoted.push(pair);
            }
        }
        if self.naming.scope_info {
            self.put_scope(scope, symbols, &mut shared.fixed)?;
        }
        Ok(shared)
    }

    fn fixed(&self, identity: &Identity, symbols: &mut Symbols) -> Vec<Label> {
        let Identity { job, instance } = identity;
        let external = self.naming.external.iter();
        let external = external.map(|(name, value)| (name.as_str(), value, Rank::External));
        let own = [("job", job), ("instance", instance)].into_iter();
        let own = own.filter_map(|(name, value)| Some((name, value.as_ref()?, Rank::Identity)));
        let all = external
            .chain(own)
            .filter(|(_, value, _)| !value.is_empty());
        all.map(|(name, value, rank)| Label {
            name: symbols.put(name),
            value: symbols.put(value),
            key: EMPTY,
            rank,
        })
        .collect()
    }

    fn put_scope(
        &self,
        scope: &ScopeGroup<'_>,
        symbols: &mut Symbols,
        fixed: &mut Vec<Label>,
    ) -> Result<(), Malformed> {
        let said = scope.scope.unwrap_or_default();
        let mut own = |name: &str, value: &str| {
            let name = self.naming.label(name);
            if let Some(name) = name.filter(|_| !value.is_empty()) {
                fixed.push(Label {
                    name: symbols.put(&name),
                    value: symbols.put(value),
                    key: EMPTY,
                    rank: Rank::Scope,
                });
            }
        };
        own("otel_scope_name", &said.name.to_string_lossy());
        own("otel_scope_version", &said.version.to_string_lossy());
        for attribute in scope.attributes() {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            if !matches!(&*key, "name" | "version" | "schema_url") {
                own(&format!("otel_scope_{key}"), &as_text(&attribute.value()?)?);
            }
        }
        Ok(())
    }

    /// The labels of a point. `reserved` is the label that its series have by themselves.
    pub(super) fn point(
        &mut self,
        attributes: Attributes<'_>,
        shared: &Shared,
        reserved: Option<&str>,
        symbols: &mut Symbols,
    ) -> Result<Result<Labels, Reason>, Malformed> {
        self.collected.clear();
        self.collected.extend_from_slice(&shared.fixed);
        let mut named = true;
        for (key, value) in &shared.promoted {
            named &= self.collect(On::Point, *key, *value, symbols);
        }
        for attribute in attributes {
            let attribute = attribute?;
            let Ok(key) = attribute.key.to_str() else {
                return Ok(Err(Reason::Unreadable(Unreadable::InvalidLabel)));
            };
            let key = symbols.put(key);
            // What is known of the resource replaces what is said of the point.
            if !shared.promoted.iter().any(|(promoted, _)| *promoted == key) {
                let value = value_of(&attribute, symbols)?;
                named &= self.collect(On::Point, key, value, symbols);
            }
        }
        let labels = self.take(symbols);
        let is_reserved = |(name, _): &(u32, u32)| Some(symbols.text(*name)) == reserved;
        Ok(match named && !labels.list.iter().any(is_reserved) {
            true => Ok(labels),
            false => Err(Reason::Unreadable(Unreadable::InvalidLabel)),
        })
    }

    /// The labels of `target_info`, if there is anything to tell of a resource.
    pub(super) fn target(
        &mut self,
        identity: &Identity,
        resource: Attributes<'_>,
        symbols: &mut Symbols,
    ) -> Result<Option<Labels>, Malformed> {
        let is_known = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if !is_known(&identity.job) && !is_known(&identity.instance) {
            return Ok(None);
        }
        self.collected.clear();
        self.collected.extend(self.fixed(identity, symbols));
        let mut says = false;
        for attribute in resource {
            let attribute = attribute?;
            let key = attribute.key.to_string_lossy();
            if !is_service_attribute(&key) {
                says = true;
                let key = symbols.put(&key);
                let value = value_of(&attribute, symbols)?;
                // What cannot be told of a resource is no reason to tell nothing of it.
                self.collect(On::Target, key, value, symbols);
            }
        }
        Ok(says.then(|| self.take(symbols)))
    }

    /// Collects an attribute, by symbols; says whether it has a name.
    fn collect(&mut self, on: On, key: u32, value: u32, symbols: &mut Symbols) -> bool {
        // An empty label is the same as none.
        if value == EMPTY {
            return true;
        }
        let naming = self.naming;
        let name = self.names[on as usize].of(key, symbols, |key| match on {
            On::Point => naming.label(key),
            On::Target => naming.target_label(key),
        });
        if let Some(name) = name {
            self.collected.push(Label {
                name,
                value,
                key,
                rank: Rank::Attribute,
            });
        }
        name.is_some()
    }

    /// One label for each name. Attributes that have got the same name share one, with `;` between what
    /// differs of their values, in the order of their keys.
    fn take(&mut self, symbols: &mut Symbols) -> Labels {
        let own_name = self.name;
        self.collected.retain(|label| label.name != own_name);
        let text = |symbol: u32| symbols.text(symbol);
        self.collected.sort_by(|a, b| {
            let by_name = text(a.name).cmp(text(b.name));
            let by_rank = || b.rank.cmp(&a.rank);
            by_name
                .then_with(by_rank)
                .then_with(|| text(a.key).cmp(text(b.key)))
        });
        let mut labels = Labels::default();
        for namesakes in self.collected.chunk_by(|a, b| a.name == b.name) {
            let Some(first) = namesakes.first() else {
                continue;
            };
            let of_rank = namesakes
                .iter()
                .take_while(|label| label.rank == first.rank);
            let value = match (first.rank, of_rank.clone().count()) {
                (Rank::Attribute, 2..) => {
                    let joined = joined(of_rank.map(|label| symbols.text(label.value)));
                    symbols.put(&joined)
                }
                // Of others the last one counts.
                _ => of_rank.last().map_or(EMPTY, |label| label.value),
            };
            labels.list.push((first.name, value));
        }
        labels.before_name = labels.before(NAME, symbols);
        labels
    }

    /// The labels of a series of a point, by name: with the name of the series, and perhaps with one of its own.
    pub(super) fn series<'l>(
        &self,
        labels: &'l Labels,
        name: u32,
        own: Option<Own>,
    ) -> impl Iterator<Item = u32> + use<'l> {
        let list = labels.list.as_slice();
        // `le` and `quantile` come after `__name__`.
        let at = own.map_or(list.len(), |own| {
            own.at.clamp(labels.before_name, list.len())
        });
        let (before_own, behind) = list.split_at(at);
        let (before_name, between) = before_own.split_at(labels.before_name.min(at));
        let named = std::iter::once((self.name, name));
        let own = own.map(|own| (own.name, own.value));
        let before = before_name.iter().copied().chain(named);
        let all = before.chain(between.iter().copied()).chain(own);
        let all = all.chain(behind.iter().copied());
        all.flat_map(|(name, value)| [name, value])
    }
}

fn value_of(attribute: &KeyValue<'_>, symbols: &mut Symbols) -> Result<u32, Malformed> {
    Ok(symbols.put(&as_text(&attribute.value()?)?))
}

/// As the Collector joins them.
fn joined<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for (at, value) in values.enumerate() {
        if at == 0 {
            all.push_str(value);
        } else if all != value {
            all.push(';');
            all.push_str(value);
        }
    }
    all
}

// === impl Labels ===

impl Labels {
    /// How many come before this name.
    fn before(&self, name: &str, symbols: &Symbols) -> usize {
        let before = |(known, _): &(u32, u32)| symbols.text(*known) < name;
        self.list.partition_point(before)
    }

    /// Names and values, in turn.
    pub(super) fn texts<'s>(&self, symbols: &'s Symbols) -> impl Iterator<Item = &'s str> {
        let symbols_of = self.list.iter().flat_map(|(name, value)| [*name, *value]);
        symbols_of.map(|symbol| symbols.text(symbol))
    }

    /// A label of one series of the point. No label of the point has this name.
    pub(super) fn own(&self, name: &str, value: &str, symbols: &mut Symbols) -> Own {
        Own {
            name: symbols.put(name),
            value: symbols.put(value),
            at: self.before(name, symbols),
        }
    }
}

// === impl Names ===

impl Names {
    fn of(
        &mut self,
        key: u32,
        symbols: &mut Symbols,
        name: impl for<'k> Fn(&'k str) -> Option<Cow<'k, str>>,
    ) -> Option<u32> {
        let at = key as usize;
        if let Some(Some(known)) = self.0.get(at) {
            return *known;
        }
        let made = name(symbols.text(key)).map(Cow::into_owned);
        let symbol = made.map(|name| symbols.put(&name));
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        if let Some(slot) = self.0.get_mut(at) {
            *slot = Some(symbol);
        }
        symbol
    }
}
