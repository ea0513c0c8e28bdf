//! Exporter `prometheus_remote_write`: pushes points to Prometheus and what speaks its protocol.
//!
//! A back end wants the samples of a series in the order of their times, and many refuse a whole request for one that
//! is late. So a batch is under way at a time, also while it waits to be sent again. Within a batch no series is in two
//! requests, so these may go side by side, and each has its own fate: what was taken is not sent again.

mod config;
mod counts;
mod draw;
mod drops;
mod encode;
mod labels;
mod naming;
mod native;
mod outcome;
mod send;
mod series;
mod symbols;
mod table;
mod targets;
#[cfg(test)]
mod tests;
mod translate;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::task::Poll;

use ::config::blocks::{Compression, CompressionParams};
use http::Uri;
use ledger::{Budget, Reason};
use otlp::Signal;
use pipeline::component::{
    Component, Exporter, ExporterComponent, Failure, Host, Labels, LocalFuture, Receipt, Stability,
};
use pipeline::delivery::Settings;
use pipeline::{Batch, Clock};

use self::config::Config;
use crate::client::{self, Auth, Packing, Route, connector, url_place};
use counts::Counts;
use drops::{Drops, drops};
use encode::{Encoder, Request, Style};
use naming::Naming;
use outcome::{Ended, outcome, points_in};
use send::{Fate, Sender, headers};
use table::Table;
use targets::Targets;
use translate::translate;

/// Requests of one batch that are sent in halves because something in them is bad. That finds three bad label sets
/// among a thousand, and of more it finds the neighbourhood, since all parts of one size come before their halves.
const SEARCHES_MAX: usize = 32;

/// The same while nothing is taken: a back end that refuses everything is not asked again and again.
const SEARCHES_IN_VAIN: usize = 3;

/// A number that is none, by which Prometheus marks the end of a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Exporter `prometheus_remote_write`.
pub(crate) struct RemoteWrite {
    naming: Naming,
    style: Style,
    parallelism: usize,
    sender: Sender,
    drops: Drops,
    targets: RefCell<Targets>,
    /// Nothing of the last batch was taken that something bad was searched in.
    in_vain: Cell<bool>,
    budget: Arc<Budget>,
    clock: Clock,
}

/// The requests of one batch, and what became of them.
struct Work<'t> {
    table: &'t Table,
    encoder: Encoder<'t>,
    /// Groups that are in no request yet.
    groups: Range<usize>,
    /// Those of requests that were too large, or in which something was bad.
    halves: VecDeque<Range<usize>>,
    /// How many of the bad ones may still be halved.
    searches: usize,
    /// Only few, since nothing is taken.
    in_vain: bool,
    ended: Vec<Ended>,
}

impl Component for RemoteWrite {
    const NAME: &'static str = "prometheus_remote_write";
    const ALIASES: &'static [&'static str] = &["prometheusremotewrite"];
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    const STABILITY: Stability = Stability::Beta;
    const EXAMPLE: &'static str = "\
http:
  endpoint: https://mimir.example/api/v1/push
  headers:
    X-Scope-OrgID: shop
external_labels:
  cluster: north
resource_constant_labels:
  included: [k8s.namespace.name]
";
    const REFERENCE: &'static str = include_str!("reference.md");
    const OWN_KEYS: &'static [&'static str] = &["resource_constant_labels"];
    type Config = Config;
}

impl ExporterComponent for RemoteWrite {
    fn labels(config: &Config, _signal: Signal) -> Labels {
        let url = config.client().endpoint.parse::<Uri>();
        url.map(|url| url_place(&url)).unwrap_or_default()
    }

    fn delivery(config: &Config) -> Settings {
        config.delivery()
    }

    fn build(config: &Config, host: &Host) -> Result<Box<dyn Exporter>, String> {
        let http = config.client();
        let route = Route::new(&http.endpoint, http, || connector(http, host), host)?;
        let style = config.style();
        let parallelism = config.parallelism();
        let packing = Packing::new(Compression::Snappy, CompressionParams::default(), false)?;
        let configured = client::headers(&http.headers, "")?;
        let sender = Sender {
            counts: Counts::new(host, &route.url, style.version, parallelism),
            route,
            headers: headers(configured, style.version),
            metadata_keys: config.metadata_keys()?,
            packing,
            auth: Auth::find(host, &http.auth)?,
            timeout: config.timeout(),
            version: style.version,
            clock: host.clock,
        };
        Ok(Box::new(Self {
            naming: config.naming(),
            style,
            parallelism,
            sender,
            drops: drops(host),
            targets: RefCell::default(),
            in_vain: Cell::new(false),
            budget: Arc::clone(&host.budget),
            clock: host.clock,
        }))
    }
}

impl Exporter for RemoteWrite {
    fn export<'a>(&'a self, batch: &'a Batch) -> LocalFuture<'a, Result<Receipt, Failure>> {
        Box::pin(self.send(batch))
    }

    /// What is translated at a time is bounded by what it is made of.
    fn request_limit(&self) -> Option<usize> {
        Some(self.style.bytes_max)
    }
}

// === impl RemoteWrite ===

impl RemoteWrite {
    async fn send(&self, batch: &Batch) -> Result<Receipt, Failure> {
        let translated = {
            let mut targets = self.targets.borrow_mut();
            let now = self.clock.now();
            translate(batch, &self.naming, &self.drops, &mut targets, now)
        };
        let translated = translated.map_err(|malformed| Failure::Permanent {
            reason: Reason::Invalid,
            text: malformed.to_string(),
        })?;
        let mut lease = self.budget.lease();
        lease.overdraw(translated.table.heap_bytes());
        let table = &translated.table;
        self.sender
            .counts
            .translated(table.series_count(), translated.dropped);
        let work = RefCell::new(Work {
            table,
            encoder: Encoder::new(table, self.style),
            groups: 0..table.groups().len(),
            halves: VecDeque::new(),
            searches: match self.in_vain.get() {
                true => SEARCHES_IN_VAIN,
                false => SEARCHES_MAX,
            },
            in_vain: self.in_vain.get(),
            ended: Vec::new(),
        });
        let senders = (0..self.parallelism).map(|_| Box::pin(self.work(batch, &work)));
        let mut senders: Vec<_> = senders.collect();
        poll_fn(|context| {
            senders.retain_mut(|sender| sender.as_mut().poll(context).is_pending());
            match senders.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        drop(senders);
        let ended = work.into_inner().ended;
        let any = |is: fn(&Fate) -> bool| ended.iter().any(|(_, fate)| is(fate));
        if any(|fate| matches!(fate, Fate::Taken { .. })) {
            self.in_vain.set(false);
        } else if any(|fate| matches!(fate, Fate::Spoilt { .. })) {
            self.in_vain.set(true);
        }
        outcome(batch.items(), &translated, &ended)
    }

    /// Sends one request after the other, until there are no more.
    async fn work(&self, batch: &Batch, work: &RefCell<Work<'_>>) {
        loop {
            let next = work.borrow_mut().next();
            let Some((request, points)) = next else {
                return;
            };
            let mut lease = self.budget.lease();
            lease.overdraw(request.body.iter().map(Vec::len).sum());
            let groups = request.groups.clone();
            let fate = self.sender.send(batch, request, points).await;
            work.borrow_mut().note(groups, fate);
        }
    }
}

// === impl Work ===

impl Work<'_> {
    /// The next request, and how many points are in it.
    fn next(&mut self) -> Option<(Request, u64)> {
        let request = match self.halves.pop_front() {
            Some(mut half) => {
                let request = self.encoder.next(&mut half);
                if !half.is_empty() {
                    self.halves.push_front(half);
                }
                request
            }
            None => self.encoder.next(&mut self.groups),
        }?;
        let points = points_in(self.table, &request.groups);
        Some((request, points))
    }

    fn note(&mut self, groups: Range<usize>, fate: Fate) {
        if let (Fate::Taken { .. }, true) = (&fate, self.in_vain) {
            self.in_vain = false;
            self.searches += SEARCHES_MAX - SEARCHES_IN_VAIN;
        }
        let may_split = match fate {
            Fate::TooLarge { .. } => true,
            Fate::Spoilt { .. } => self.searches > 0,
            _ => false,
        };
        if may_split && groups.len() > 1 {
            if let Fate::Spoilt { .. } = fate {
                self.searches -= 1;
            }
            let half = groups.start + groups.len() / 2;
            self.halves.extend([groups.start..half, half..groups.end]);
            return;
        }
        self.ended.push((groups, fate));
    }
}
