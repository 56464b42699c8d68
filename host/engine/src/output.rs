//! What guests write: lines for the addon's log, never more than a log can bear.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::services::Services;
use crate::values::Level;

/// A longer line is cut.
pub(crate) const MAX_LINE: usize = 4 << 10;
/// Lines that an instance may write within [`WINDOW`]; what comes after is counted.
const LINES: u32 = 100;
const WINDOW: Duration = Duration::from_secs(1);

/// The log of one instance.
pub(crate) struct Output {
    services: Arc<dyn Services>,
    window: Instant,
    written: u32,
    dropped: u32,
}

impl Output {
    pub(crate) fn new(services: Arc<dyn Services>) -> Self {
        Self { services, window: Instant::now(), written: 0, dropped: 0 }
    }

    pub(crate) fn line(&mut self, level: Level, message: &str) {
        if self.window.elapsed() >= WINDOW {
            self.tell_dropped();
            (self.window, self.written) = (Instant::now(), 0);
        }
        if self.written >= LINES {
            self.dropped += 1;
            return;
        }
        self.written += 1;
        self.services.log(level, &printable(message));
    }

    fn tell_dropped(&mut self) {
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            self.services
                .log(Level::Warn, &format!("{dropped} lines were dropped: more than {LINES} a second"));
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.tell_dropped();
    }
}

/// One line without what could steer a terminal.
fn printable(message: &str) -> String {
    let mut end = message.len().min(MAX_LINE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
