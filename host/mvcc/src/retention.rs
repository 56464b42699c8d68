//! How long history is kept: time comes in, the revision to compact to goes out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Revision;

/// Remembers which revision was the present at which time.
#[derive(Clone, Debug)]
pub struct Retention {
    window: Duration,
    samples: VecDeque<(Duration, Revision)>,
}

impl Retention {
    /// Keeps at least `window` of history.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new() }
    }

    /// Notes that `present` is the revision at `now`, a time since any fixed start, and tells which revision to compact
    /// to: the present of `window` ago.
    pub fn step(&mut self, now: Duration, present: Revision) -> Option<Revision> {
        let mut expired = None;
        while let Some((_, revision)) =
            self.samples.pop_front_if(|(then, _)| now.saturating_sub(*then) >= self.window)
        {
            expired = Some(revision);
        }
        self.samples.push_back((now, present));
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_compacted_to_the_present_of_a_window_ago() {
        let mut retention = Retention::new(Duration::from_secs(300));
        let mut step = |seconds, revision| retention.step(Duration::from_secs(seconds), Revision(revision));
        assert_eq!(step(0, 10), None);
        assert_eq!(step(150, 20), None);
        assert_eq!(step(299, 25), None);
        assert_eq!(step(300, 30), Some(Revision(10)));
        assert_eq!(step(460, 40), Some(Revision(20)));
        assert_eq!(step(2000, 50), Some(Revision(40)));
    }
}
