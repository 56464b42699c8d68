//! Logs to stderr: for people on a terminal, JSON lines otherwise.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Who reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Colours and aligned words.
    Terminal,
    /// One line of plain words an event.
    Plain,
    /// One JSON object an event.
    Json,
}

/// Why the log cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("read the log filter {filter:?}: {why}")]
    Filter { filter: String, why: String },
    #[error("a log is set up already")]
    Twice,
    #[error("the log is gone")]
    Gone,
}

/// Changes what is logged while the process runs.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

impl LogHandle {
    /// Sets the filter, as `info` or `apiserver=debug,info`; a filter that cannot be read changes nothing.
    pub fn set(&self, filter: &str) -> Result<(), LogError> {
        self.0.reload(parse(filter)?).map_err(|_| LogError::Gone)
    }
}

/// Sets up the log of the process, once.
pub fn init(filter: &str, format: LogFormat) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let writer = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Terminal => writer.with_target(false).boxed(),
        LogFormat::Plain => writer.with_ansi(false).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(|_| LogError::Twice)?;
    Ok(LogHandle(handle))
}

fn parse(filter: &str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|why| LogError::Filter { filter: filter.to_owned(), why: why.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_that_quotes_it() {
        assert!(parse("apiserver=debug,info").is_ok());
        let why = parse("info=loudly").unwrap_err().to_string();
        assert!(why.starts_with("read the log filter \"info=loudly\""), "{why}");
    }
}
