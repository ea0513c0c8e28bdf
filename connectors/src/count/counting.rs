//! Walks over the requests of a batch and counts what is in them, resource by resource.

use std::sync::Arc;

use ledger::{Budget, Reason};
use otlp::view::{AnyValue, Item, ItemView, Request, ResourceGroup, ScopeGroup, Span};
use otlp::write::KeyValues;
use otlp::{Malformed, Signal};
use ottl::Scene;
use pipeline::component::{Host, Outbox, Processor};
use pipeline::{Batch, Now};

use super::config::Config;
use super::meter::Meter;
use super::sections::Sections;
use super::tally::Tally;
use crate::requests::Requests;
use crate::wanted::Values;

/// The scope of the metrics, under the Collector's name.
const SCOPE: &str =
    "github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector";

/// One instance on each worker, and for each signal.
pub(super) struct Count {
    sections: Sections,
    signal: Signal,
    budget: Arc<Budget>,
    meter: Meter,
}

/// What is counted of one resource.
struct Pass<'s, 'v, 'a> {
    sections: &'s Sections,
    meter: &'s Meter,
    items: Tally<'s>,
    others: Tally<'s>,
    resource: &'v ResourceGroup<'a>,
    of_resource: &'v [Option<AnyValue<'a>>],
}

impl Count {
    pub(super) fn new(config: &Config, host: &Host) -> Result<Self, String> {
        let signal = host.label.signal.unwrap_or(Signal::Traces);
        Ok(Self {
            sections: Sections::new(config, signal)?,
            signal,
            budget: Arc::clone(&host.budget),
            meter: Meter::new(host),
        })
    }

    /// Counts the items of one request. `taken` counts those whose counts are written, for whoever must know what of a
    /// broken one is lost: a resource that breaks off is in no count.
    fn count(
        &self,
        request: &[u8],
        now: Now,
        requests: &mut Requests,
        taken: &mut u64,
    ) -> Result<(), Malformed> {
        let mut of_resource = Values::new();
        for group in Request::new(self.signal, request).resource_groups() {
            let group = group?;
            self.sections
                .wanted
                .read(group.attributes(), &mut of_resource)?;
            let mut pass = Pass {
                sections: &self.sections,
                meter: &self.meter,
                items: Tally::new(&self.sections.items),
                others: Tally::new(&self.sections.others),
                resource: &group,
                of_resource: &of_resource,
            };
            let mut of_pass = 0;
            for scope in group.scope_groups() {
                pass.scope(&scope?, &mut of_pass)?;
            }
            *taken += of_pass;
            let Pass { items, others, .. } = pass;
            if !items.has_counts() && !others.has_counts() {
                continue;
            }
            let resource = KeyValues::copy_of(group.attributes())?;
            requests.resource(&resource);
            for tally in [items, others] {
                tally.write(requests, &resource, now.unix_nanos);
            }
        }
        Ok(())
    }
}

impl<'a> Pass<'_, '_, 'a> {
    fn scope(&mut self, scope: &ScopeGroup<'a>, taken: &mut u64) -> Result<(), Malformed> {
        let wanted = &self.sections.wanted;
        let (mut of_scope, mut of_item) = (Values::new(), Values::new());
        wanted.read(scope.attributes(), &mut of_scope)?;
        for item in scope.items() {
            let item = item?;
            wanted.read(item.attributes(), &mut of_item)?;
            match item.span()? {
                Some(span) => self.span(scope, &span, (&of_item, &of_scope))?,
                None => self.item(item, (&of_item, &of_scope))?,
            }
            *taken += 1;
        }
        for metric in scope.metrics() {
            let metric = metric?;
            let carriers = [&[][..], &of_scope, self.of_resource];
            self.others.count((wanted, &carriers), None, self.meter)?;
            for point in metric.points() {
                let point = point?;
                wanted.read(point.attributes(), &mut of_item)?;
                self.item(point, (&of_item, &of_scope))?;
                *taken += 1;
            }
        }
        Ok(())
    }

    /// A log record or a data point.
    fn item(
        &mut self,
        item: Item<'a>,
        (of_item, of_scope): (&[Option<AnyValue<'a>>], &[Option<AnyValue<'a>>]),
    ) -> Result<(), Malformed> {
        if self.items.is_idle() {
            return Ok(());
        }
        self.items.note(time_of(item)?);
        let carriers = [of_item, of_scope, self.of_resource];
        let wanted = &self.sections.wanted;
        self.items.count((wanted, &carriers), None, self.meter)
    }

    fn span(
        &mut self,
        scope: &ScopeGroup<'a>,
        span: &Span<'a>,
        (of_span, of_scope): (&[Option<AnyValue<'a>>], &[Option<AnyValue<'a>>]),
    ) -> Result<(), Malformed> {
        let wanted = &self.sections.wanted;
        let scene = Scene {
            resource: self.resource,
            scope,
            span,
            event: None,
        };
        self.items.note(span.start_time_unix_nano);
        self.items.note(span.end_time_unix_nano);
        let carriers = [of_span, of_scope, self.of_resource];
        self.items
            .count((wanted, &carriers), Some(&scene), self.meter)?;
        if self.others.is_idle() {
            return Ok(());
        }
        let mut of_event = Values::new();
        for (at, event) in span.events().enumerate() {
            let event = &event?;
            self.others.note(event.time_unix_nano);
            wanted.read(event.attributes(), &mut of_event)?;
            let carriers = [of_event.as_slice(), of_scope, self.of_resource];
            let scene = Scene {
                event: Some((at, event)),
                ..scene
            };
            self.others
                .count((wanted, &carriers), Some(&scene), self.meter)?;
        }
        Ok(())
    }
}

/// When an item happened; 0 if it does not say.
fn time_of(item: Item<'_>) -> Result<u64, Malformed> {
    Ok(match item.read()? {
        ItemView::LogRecord(record) => record.time_unix_nano,
        ItemView::NumberPoint(point) => point.time_unix_nano,
        ItemView::HistogramPoint(point) => point.time_unix_nano,
        ItemView::ExponentialHistogramPoint(point) => point.time_unix_nano,
        ItemView::SummaryPoint(point) => point.time_unix_nano,
        ItemView::Span(span) => span.end_time_unix_nano,
    })
}

impl Processor for Count {
    fn process(&mut self, batch: Batch, now: Now, out: &mut Outbox) {
        let mut requests = Requests::new(SCOPE);
        for chunk in batch.chunks() {
            chunk.bring_near();
            let mut taken = 0;
            // The framing of a request is checked when it comes, so this is some processor's defect.
            let counted = self.count(&chunk.bytes, now, &mut requests, &mut taken);
            if counted.is_err() {
                out.drop_items(chunk.items.saturating_sub(taken), Reason::Invalid);
            }
        }
        requests.send(&self.budget, out);
    }
}
