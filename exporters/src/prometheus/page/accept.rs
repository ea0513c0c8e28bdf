//! Which format a scraper wants: its Accept header, read as Prometheus's own library reads it.

use super::Escaping;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// 0.0.4.
    Text,
    OpenMetrics(Version),
    /// Delimited messages.
    Protobuf,
}

/// Of OpenMetrics, which are written the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Version {
    V0_0_1,
    V1_0_0,
}

/// The first of the formats that the scraper wants and that there are here, in the order of its
/// preference; the text format if there is none.
pub(in super::super) fn negotiate(accept: &str, open_metrics: bool) -> (Format, Escaping) {
    let mut escaping = Escaping::default();
    let mut ranges: Vec<Range<'_>> = accept.split(',').map(Range::read).collect();
    ranges.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    for range in &ranges {
        if let Some(asked) = range.parameter("escaping").and_then(Escaping::of) {
            escaping = asked;
        }
        let version = range.parameter("version").unwrap_or_default();
        let format = match (range.kind, version) {
            ("application/vnd.google.protobuf", _) if range.is_delimited_family() => {
                Some(Format::Protobuf)
            }
            ("text/plain", "" | "0.0.4") => Some(Format::Text),
            ("application/openmetrics-text", "1.0.0") if open_metrics => {
                Some(Format::OpenMetrics(Version::V1_0_0))
            }
            ("application/openmetrics-text", "" | "0.0.1") if open_metrics => {
                Some(Format::OpenMetrics(Version::V0_0_1))
            }
            _ => None,
        };
        if let Some(format) = format {
            return (format, escaping);
        }
    }
    (Format::Text, escaping)
}

impl Format {
    pub(in super::super) fn content_type(self, escaping: Escaping) -> String {
        let format = match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics(Version::V0_0_1) => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Self::OpenMetrics(Version::V1_0_0) => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                 encoding=delimited"
            }
        };
        format!("{format}; escaping={}", escaping.name())
    }
}

/// One of the things that an Accept header names.
struct Range<'a> {
    kind: &'a str,
    parameters: &'a str,
    weight: f32,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut range = Self {
            kind: kind.trim(),
            parameters,
            weight: 1.0,
        };
        let weight = range.parameter("q").and_then(|q| q.parse().ok());
        range.weight = weight.unwrap_or(1.0);
        range
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut parameters = self.parameters.split(';');
        let (_, value) = parameters.find_map(|parameter| {
            let (own, value) = parameter.split_once('=')?;
            (own.trim() == name).then_some((own, value))
        })?;
        Some(value.trim().trim_matches('"'))
    }

    fn is_delimited_family(&self) -> bool {
        self.parameter("proto") == Some("io.prometheus.client.MetricFamily")
            && self.parameter("encoding") == Some("delimited")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accept: &str, format: Format, escaping: Escaping) {
        assert_eq!(negotiate(accept, true), (format, escaping), "{accept}");
    }

    #[test]
    fn the_first_known_format_by_weight_is_served() {
        use Escaping::{AllowUtf8, Dots, Underscores};
        let open_metrics = Format::OpenMetrics(Version::V1_0_0);
        check("", Format::Text, Underscores);
        check("*/*", Format::Text, Underscores);
        check("text/html;q=0.9, */*;q=0.1", Format::Text, Underscores);
        check(
            "text/plain;version=0.0.4;q=0.3,application/openmetrics-text;version=1.0.0;q=0.5",
            open_metrics,
            Underscores,
        );
        check(
            "application/openmetrics-text; version=\"1.0.0\"; escaping=allow-utf-8",
            open_metrics,
            AllowUtf8,
        );
        check(
            "application/openmetrics-text",
            Format::OpenMetrics(Version::V0_0_1),
            Underscores,
        );
        check(
            "application/openmetrics-text;version=2.0.0",
            Format::Text,
            Underscores,
        );
        check(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
             encoding=delimited;escaping=dots;q=0.7, text/plain;q=0.5",
            Format::Protobuf,
            Dots,
        );
        check(
            "application/vnd.google.protobuf;proto=other;encoding=delimited",
            Format::Text,
            Underscores,
        );
        check(
            "text/plain;version=1.0.0;escaping=none",
            Format::Text,
            Underscores,
        );
    }

    #[test]
    fn open_metrics_is_served_only_where_it_is_enabled() {
        let (format, _) = negotiate("application/openmetrics-text;version=1.0.0", false);
        assert_eq!(format, Format::Text);
    }
}
