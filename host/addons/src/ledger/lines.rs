//! The last lines of an addon's log.

use std::collections::VecDeque;
use std::time::SystemTime;

use engine::Level;
use tokio::sync::watch;

/// Lines that are kept.
const KEPT: usize = 1000;

/// A line, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub at: SystemTime,
    pub level: Level,
    pub text: String,
}

/// Lines in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// The number of the line after these.
    pub next: u64,
}

#[derive(Default)]
pub(super) struct Lines(watch::Sender<Kept>);

#[derive(Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    /// The number of the first of them.
    first: u64,
}

impl Kept {
    fn next(&self) -> u64 {
        self.first + u64::try_from(self.lines.len()).unwrap_or(u64::MAX)
    }
}

impl Lines {
    pub(super) fn add(&self, level: Level, text: &str) {
        let line = LogLine { at: SystemTime::now(), level, text: text.to_owned() };
        self.0.send_modify(|kept| {
            kept.lines.push_back(line);
            if kept.lines.len() > KEPT {
                kept.lines.pop_front();
                kept.first += 1;
            }
        });
    }

    /// Those from a number on that are still kept.
    pub(super) fn from(&self, number: u64) -> LogPage {
        let kept = self.0.borrow();
        let skipped = usize::try_from(number.saturating_sub(kept.first)).unwrap_or(usize::MAX);
        LogPage { lines: kept.lines.iter().skip(skipped).cloned().collect(), next: kept.next() }
    }

    /// Returns when there is a line of this number.
    pub(super) async fn reaches(&self, number: u64) {
        // The sender is this value's own, so that it outlives the wait.
        self.0.subscribe().wait_for(|kept| kept.next() > number).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_lines_are_kept_and_followed() {
        let lines = Lines::default();
        (0..KEPT + 5).for_each(|line| lines.add(Level::Info, &line.to_string()));
        let all = lines.from(0);
        assert_eq!((all.lines.len(), all.lines[0].text.as_str()), (KEPT, "5"));
        assert_eq!(lines.from(all.next).lines, []);
        lines.add(Level::Warn, "more");
        lines.reaches(all.next).await;
        assert_eq!(lines.from(all.next).lines[0].text, "more");
    }
}
