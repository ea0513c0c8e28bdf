//! The metrics page, as a scraper reads it.

use std::net::SocketAddr;

use super::http1;

pub(crate) struct Page(String);

impl Page {
    pub(crate) fn fetch(address: SocketAddr) -> Self {
        let reply = http1::exchange(address, &http1::get("/metrics"));
        assert_eq!(reply.status, 200);
        Self(String::from_utf8(reply.body).unwrap())
    }

    /// A page that has been read already.
    pub(crate) const fn of(text: String) -> Self {
        Self(text)
    }

    /// The sum of the samples of a family whose labels include these, each as `name="value"`.
    pub(crate) fn sum(&self, family: &str, labels: &[&str]) -> u64 {
        let samples = self.0.lines().filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            let (name, found) = sample.split_once('{').unwrap_or((sample, ""));
            let fits = name == family && labels.iter().all(|label| found.contains(label));
            fits.then(|| value.parse::<f64>().unwrap())
        });
        samples.sum::<f64>() as u64
    }

    /// How many series there are.
    pub(crate) fn series(&self) -> usize {
        self.0.lines().filter(|line| !line.starts_with('#')).count()
    }

    /// Spans that exporters dropped for this reason.
    pub(crate) fn dropped(&self, reason: &str) -> u64 {
        let reason = format!("reason=\"{reason}\"");
        self.sum(
            "tracegate_items_dropped_total",
            &["kind=\"exporter\"", &reason],
        )
    }
}
