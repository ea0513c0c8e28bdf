//! Which properties belong to which signal, and that one of them is there.

use otlp::Signal;

use super::config::MatchConfig;

/// What a span is matched against in strict mode.
const STRICT_SPAN_KINDS: [&str; 5] = [
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_CONSUMER",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_SERVER",
];

impl MatchConfig {
    /// # Errors
    /// The properties are not those of this signal, in the Collector's words.
    pub(super) fn check_signal(&self, signal: Signal) -> Result<(), String> {
        match signal {
            Signal::Traces => self.check_spans(),
            Signal::Metrics => self.check_metrics().map_err(str::to_owned),
            Signal::Logs => self.check_logs().map_err(str::to_owned),
        }
    }

    fn check_spans(&self) -> Result<(), String> {
        for (is_given, key) in [
            (!self.log_bodies.is_empty(), "log_bodies"),
            (!self.log_severity_texts.is_empty(), "log_severity_texts"),
            (self.log_severity_number.is_some(), "log_severity_number"),
            (!self.metric_names.is_empty(), "metric_names"),
        ] {
            if is_given {
                return Err(format!("{key} should not be specified for trace spans"));
            }
        }
        let is_empty = self.services.is_empty()
            && self.span_names.is_empty()
            && self.span_kinds.is_empty()
            && self.has_no_surroundings();
        if is_empty {
            return Err(
                "at least one of \"attributes\", \"libraries\",  or \"resources\" field \
                        must be specified"
                    .to_owned(),
            );
        }
        let is_known = |kind: &String| STRICT_SPAN_KINDS.contains(&kind.as_str());
        if self.match_type == "strict" && !self.span_kinds.iter().all(is_known) {
            return Err(format!(
                "span_kinds string must match one of the standard span kinds when \
                 match_type=strict: [{}]",
                STRICT_SPAN_KINDS.join(" ")
            ));
        }
        Ok(())
    }

    fn check_logs(&self) -> Result<(), &'static str> {
        let is_foreign = !self.span_names.is_empty()
            || !self.services.is_empty()
            || !self.span_kinds.is_empty()
            || !self.metric_names.is_empty();
        if is_foreign {
            return Err(
                "services, span_names, span_kinds and metric_names are not valid for log \
                        records",
            );
        }
        let is_empty = self.has_no_log_properties() && self.has_no_surroundings();
        if is_empty {
            return Err(
                "at least one of \"attributes\", \"libraries\", \"span_kinds\", \
                        \"resources\", \"log_bodies\", \"log_severity_texts\" or \
                        \"log_severity_number\" field must be specified",
            );
        }
        Ok(())
    }

    fn check_metrics(&self) -> Result<(), &'static str> {
        let is_foreign = !self.has_no_log_properties()
            || !self.span_names.is_empty()
            || !self.services.is_empty()
            || !self.span_kinds.is_empty()
            || !self.attributes.is_empty()
            || !self.libraries.is_empty();
        if is_foreign {
            return Err(
                "\"span_names\", \"span_kinds\", \"log_bodies\", \"log_severity_texts\", \
                        \"log_severity_number\", \"services\", \"attributes\" and \"libraries\" \
                        are not valid for metrics",
            );
        }
        if self.metric_names.is_empty() && self.resources.is_empty() {
            return Err(
                "at least one of \"metric_names\" or \"resources\" field must be specified",
            );
        }
        Ok(())
    }

    fn has_no_log_properties(&self) -> bool {
        self.log_bodies.is_empty()
            && self.log_severity_texts.is_empty()
            && self.log_severity_number.is_none()
    }

    fn has_no_surroundings(&self) -> bool {
        self.attributes.is_empty() && self.libraries.is_empty() && self.resources.is_empty()
    }
}
