//! Logs and metrics: how they are recorded and written. It decides on no level and opens no port.

mod log;
mod metrics;
mod process;

pub use log::{LogError, LogFormat, LogHandle, init};
pub use metrics::{CONTENT_TYPE, Metrics};
pub use prometheus_client::encoding;
pub use prometheus_client::metrics::{counter, family, gauge, histogram};
