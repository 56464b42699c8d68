//! The registry of metrics and its text.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::{Metric, Registry};

use crate::process::ProcessCollector;

/// Media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics of one service; clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    more: Arc<Mutex<Vec<Text>>>,
}

/// Metrics that somebody else keeps, in the text format and without the mark of its end.
type Text = Arc<dyn Fn() -> String + Send + Sync>;

/// The mark of the end.
const END: &str = "# EOF\n";

impl Metrics {
    /// A registry that holds the metrics of the process.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessCollector));
        Self { registry: Arc::new(Mutex::new(registry)), more: Arc::default() }
    }

    /// Adds what somebody else keeps, asked each time.
    pub fn extend(&self, more: Text) {
        self.more.lock().unwrap_or_else(PoisonError::into_inner).push(more);
    }

    /// Adds a metric; counters get `_total` at the end of their name by themselves.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// Every metric in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        {
            let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
            encode(&mut text, &registry).expect("writing to a String does not fail");
        }
        text.truncate(text.len() - END.len());
        let more = self.more.lock().unwrap_or_else(PoisonError::into_inner).clone();
        more.iter().for_each(|more| text.push_str(&more()));
        text + END
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn the_text_holds_what_was_registered_and_the_process() {
        let metrics = Metrics::new();
        let requests = Counter::<u64>::default();
        metrics.register("requests", "Requests answered", requests.clone());
        requests.inc_by(3);
        metrics.extend(Arc::new(|| "# TYPE more gauge\nmore 1\n".to_owned()));
        let text = metrics.text();
        for expected in
            ["requests_total 3", "process_resident_memory_bytes ", "process_open_fds ", "more 1\n# EOF\n"]
        {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
