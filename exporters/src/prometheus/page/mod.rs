//! Pages: the series in the formats that scrapers ask for.

mod accept;
mod escaping;
mod number;
mod proto;
mod text;

#[cfg(test)]
pub(super) use accept::Version;
pub(super) use accept::{Format, negotiate};
pub(super) use escaping::Escaping;

use std::collections::HashSet;

use super::store::{Family, Series};
use proto::Proto;
use text::Text;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) format: Format,
    pub(super) escaping: Escaping,
    /// With the time of each point.
    pub(super) timestamps: bool,
    /// With `_created` samples, in OpenMetrics.
    pub(super) created: bool,
    /// Whether names may be others than classic ones, so that they have to be looked at.
    pub(super) may_escape: bool,
}

/// Writes one page, family by family.
pub(super) struct Pen {
    style: Style,
    out: Vec<u8>,
    writer: Writer,
    /// The name and labels at hand, if they had to be escaped.
    name: String,
    labels: String,
    /// The names that have been written, where escaping may make namesakes.
    written: HashSet<String>,
}

enum Writer {
    Text(Text),
    Proto(Proto),
}

impl Pen {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            out: Vec::new(),
            writer: match style.format {
                Format::Text => Writer::Text(Text::classic(style)),
                Format::OpenMetrics(_) => Writer::Text(Text::open_metrics(style)),
                Format::Protobuf => Writer::Proto(Proto::new(style)),
            },
            name: String::new(),
            labels: String::new(),
            written: HashSet::new(),
        }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        let pending = match &self.writer {
            Writer::Text(_) => 0,
            Writer::Proto(proto) => proto.pending(),
        };
        self.out.len() + pending
    }

    /// Begins a family. Returns false if it cannot be on this page, because the scraper takes no
    /// names such as its own and one of the same has been written already.
    pub(super) fn begin(&mut self, name: &str, family: &Family) -> bool {
        self.name.clear();
        if self.style.may_escape {
            self.style.escaping.metric_name(name, &mut self.name);
            if !self.written.insert(self.name.clone()) {
                return false;
            }
        } else {
            self.name.push_str(name);
        }
        match &mut self.writer {
            Writer::Text(text) => text.begin(&self.name, family, &mut self.out),
            Writer::Proto(proto) => proto.begin(&self.name, family),
        }
        true
    }

    pub(super) fn series(&mut self, family: &Family, series: &Series) {
        let labels = if self.style.may_escape {
            self.style.escaping.labels(&series.labels, &mut self.labels);
            self.labels.as_str()
        } else {
            &series.labels
        };
        match &mut self.writer {
            Writer::Text(text) => {
                text.series(family.kind, labels, &series.sample, &mut self.out);
            }
            Writer::Proto(proto) => proto.series(family.kind, labels, &series.sample),
        }
    }

    /// Ends a family that [`Pen::begin`] has begun.
    pub(super) fn end(&mut self) {
        if let Writer::Proto(proto) = &mut self.writer {
            proto.end(&mut self.out);
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if let Format::OpenMetrics(_) = self.style.format {
            self.out.extend_from_slice(b"# EOF\n");
        }
        self.out
    }
}
