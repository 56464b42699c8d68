//! Exponential delays of what failed: container restarts and image pulls, with upstream's figures.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

const FIRST: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(300);
/// After this long without a failure the delays start anew.
const FORGOTTEN: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    delay: Duration,
    updated: Timestamp,
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

impl Backoff {
    /// Until when `key` waits, if it failed at `since`, and for how long that is in all.
    pub(crate) fn until(&self, key: &str, since: Timestamp, now: Timestamp) -> Option<(Timestamp, Duration)> {
        let entry = self.live(key, since)?;
        let until = later(since, entry.delay);
        (until > now).then_some((until, entry.delay))
    }

    /// Notes an attempt: the next failure waits longer.
    pub(crate) fn next(&mut self, key: &str, since: Timestamp, now: Timestamp) {
        let delay = self.live(key, since).map_or(FIRST, |entry| (entry.delay * 2).min(LAST));
        self.entries.insert(key.to_owned(), Entry { delay, updated: now });
    }

    pub(crate) fn forget(&mut self, key: &str) {
        self.entries.remove(key);
    }

    fn live(&self, key: &str, since: Timestamp) -> Option<Entry> {
        self.entries.get(key).copied().filter(|entry| later(entry.updated, FORGOTTEN) > since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_ten_seconds_to_five_minutes_and_are_forgotten() {
        let start = Timestamp::from_second(1_000).unwrap();
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until("c", start, start), None, "the first restart is at once");
        let mut delays = Vec::new();
        for _ in 0..7 {
            backoff.next("c", start, start);
            delays.push(backoff.until("c", start, start).unwrap().1.as_secs());
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 300, 300]);
        let late = later(start, FORGOTTEN);
        assert_eq!(backoff.until("c", late, late), None);
    }
}
