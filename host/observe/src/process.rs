//! Metrics of the process itself, read from /proc when they are asked for.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

/// Reads `/proc/self`.
#[derive(Debug)]
pub(crate) struct ProcessCollector;

/// What is read, in the units of the metrics' names.
struct Usage {
    resident_bytes: f64,
    cpu_seconds: f64,
    open_fds: f64,
}

impl Usage {
    /// Columns of stat are counted past the name in parentheses: utime and stime are 14 and 15, rss is 24.
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let columns: Vec<f64> =
            stat.rsplit_once(')')?.1.split_whitespace().map(|column| column.parse().unwrap_or(0.0)).collect();
        let (utime, stime, pages) = (columns.get(11)?, columns.get(12)?, columns.get(21)?);
        #[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
        let (ticks, page) =
            (rustix::param::clock_ticks_per_second() as f64, rustix::param::page_size() as f64);
        #[expect(clippy::cast_precision_loss, reason = "descriptors are far fewer than 2^52")]
        let open_fds = fs::read_dir("/proc/self/fd").ok()?.count() as f64;
        Some(Self { resident_bytes: pages * page, cpu_seconds: (utime + stime) / ticks, open_fds })
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(usage) = Usage::read() else { return Ok(()) };
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory", usage.resident_bytes),
            ("process_cpu_seconds", "Processor time used", usage.cpu_seconds),
            ("process_open_fds", "Open file descriptors", usage.open_fds),
        ] {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
