//! Which key is next. Plain state: the time comes in.

mod pace;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use supervise::Backoff;
use tokio::time::Instant;

use crate::key::Key;
use pace::Pace;

/// As upstream's work queues have it.
const FIRST_DELAY: Duration = Duration::from_millis(5);
/// Upstream waits up to 1,000 seconds, longer than an operator who has mended the cause.
const LAST_DELAY: Duration = Duration::from_secs(60);

pub(super) struct Schedule<K> {
    ready: VecDeque<K>,
    /// What is in `ready`, or is to be once its worker is done, and since when.
    wanted: HashMap<K, Instant>,
    running: HashSet<K>,
    due: HashMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
    /// Until when keys count as running that no worker has any more.
    resting: BTreeSet<(Instant, K)>,
    failures: HashMap<K, Backoff>,
    pace: Pace<K>,
}

pub(super) enum Next<K> {
    /// A key, and how long it has waited.
    Key(K, Duration),
    /// Nothing before then.
    At(Instant),
    Nothing,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            wanted: HashMap::new(),
            running: HashSet::new(),
            due: HashMap::new(),
            by_time: BTreeSet::new(),
            resting: BTreeSet::new(),
            failures: HashMap::new(),
            pace: Pace::default(),
        }
    }
}

impl<K: Key> Schedule<K> {
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether the key did not wait already.
    pub(super) fn add(&mut self, key: K, now: Instant) -> bool {
        if self.wanted.contains_key(&key) {
            return false;
        }
        self.wanted.insert(key.clone(), now);
        if !self.running.contains(&key) {
            self.make_ready(key, now);
        }
        true
    }

    pub(super) fn add_at(&mut self, key: K, due: Instant) {
        if self.due.get(&key).is_some_and(|before| *before <= due) {
            return;
        }
        self.unschedule(&key);
        self.due.insert(key.clone(), due);
        self.by_time.insert((due, key));
    }

    /// The next key to work on. What was scheduled for it has its answer in the work that begins.
    pub(super) fn take(&mut self, now: Instant) -> Next<K> {
        while let Some((_, key)) = self.resting.first().filter(|(until, _)| *until <= now).cloned() {
            self.resting.pop_first();
            self.finish(&key, now);
        }
        while let Some((due, key)) = self.by_time.first().filter(|(due, _)| *due <= now).cloned() {
            self.by_time.remove(&(due, key.clone()));
            self.due.remove(&key);
            self.add(key, now);
        }
        let Some(key) = self.ready.pop_front() else {
            let first = |times: &BTreeSet<(Instant, K)>| times.first().map(|(time, _)| *time);
            let next = [first(&self.by_time), first(&self.resting)].into_iter().flatten().min();
            return next.map_or(Next::Nothing, Next::At);
        };
        self.unschedule(&key);
        let since = self.wanted.remove(&key).unwrap_or(now);
        self.running.insert(key.clone());
        self.pace.took(&key, now);
        Next::Key(key, now.saturating_duration_since(since))
    }

    /// The worker let go of the key; it waits again if it was added meanwhile.
    pub(super) fn finish(&mut self, key: &K, now: Instant) {
        self.running.remove(key);
        if self.wanted.contains_key(key) {
            self.make_ready(key.clone(), now);
        }
    }

    /// A key that was looked at too often lately rests first.
    fn make_ready(&mut self, key: K, now: Instant) {
        match self.pace.rest(&key, now) {
            None => self.ready.push_back(key),
            Some(until) => {
                self.running.insert(key.clone());
                self.resting.insert((until, key));
            }
        }
    }

    /// The worker let go of the key, which waits until then if it is added or was.
    pub(super) fn rest(&mut self, key: K, until: Instant) {
        self.resting.insert((until, key));
    }

    pub(super) fn next_delay(&mut self, key: &K) -> Duration {
        let backoff = self.failures.entry(key.clone());
        backoff.or_insert_with(|| Backoff::new(FIRST_DELAY, LAST_DELAY)).next_delay()
    }

    pub(super) fn forget(&mut self, key: &K) {
        self.failures.remove(key);
    }

    fn unschedule(&mut self, key: &K) {
        if let Some(due) = self.due.remove(key) {
            self.by_time.remove(&(due, key.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(schedule: &mut Schedule<&'static str>, now: Instant) -> Option<&'static str> {
        match schedule.take(now) {
            Next::Key(key, _) => Some(key),
            Next::At(_) | Next::Nothing => None,
        }
    }

    #[test]
    fn a_key_waits_once_however_often_it_is_added() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        assert!(schedule.add("a", now));
        assert!(!schedule.add("a", now));
        assert_eq!(taken(&mut schedule, now), Some("a"));
        assert_eq!(taken(&mut schedule, now), None);
    }

    #[test]
    fn a_key_added_while_it_runs_waits_until_its_worker_is_done() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add("a", now);
        assert_eq!(taken(&mut schedule, now), Some("a"));
        schedule.add("a", now);
        assert_eq!(taken(&mut schedule, now), None);
        schedule.finish(&"a", now);
        assert_eq!(taken(&mut schedule, now), Some("a"));
    }

    #[test]
    fn how_long_a_key_waited_counts_from_when_it_was_due() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        schedule.add("a", now);
        assert!(matches!(schedule.take(at(2)), Next::Key("a", waited) if waited.as_secs() == 2));
        schedule.add("a", at(3));
        schedule.finish(&"a", now);
        assert!(matches!(schedule.take(at(7)), Next::Key("a", waited) if waited.as_secs() == 4));
        schedule.add_at("b", at(8));
        assert!(matches!(schedule.take(at(8)), Next::Key("b", waited) if waited.is_zero()));
    }

    #[test]
    fn a_key_that_rests_waits_until_then_however_often_it_is_added() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let rested = now + Duration::from_secs(1);
        schedule.add("a", now);
        assert_eq!(taken(&mut schedule, now), Some("a"));
        schedule.rest("a", rested);
        schedule.add("a", now);
        schedule.add_at("a", now);
        schedule.add("b", now);
        assert_eq!(taken(&mut schedule, now), Some("b"), "another does not");
        assert!(matches!(schedule.take(now), Next::At(due) if due == rested));
        assert_eq!(taken(&mut schedule, rested), Some("a"));
        schedule.finish(&"a", now);
        assert!(matches!(schedule.take(rested), Next::Nothing));
    }

    #[test]
    fn the_soonest_of_two_times_counts() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let later = now + Duration::from_secs(1);
        schedule.add_at("a", later);
        schedule.add_at("a", later + Duration::from_secs(9));
        assert!(matches!(schedule.take(now), Next::At(due) if due == later));
        assert_eq!(taken(&mut schedule, later), Some("a"));
        schedule.finish(&"a", now);
        assert!(matches!(schedule.take(later + Duration::from_secs(60)), Next::Nothing));
    }

    #[test]
    fn work_that_begins_early_takes_the_place_of_what_was_scheduled() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add_at("a", now + Duration::from_secs(5));
        schedule.add("a", now);
        assert_eq!(taken(&mut schedule, now), Some("a"));
        schedule.finish(&"a", now);
        assert!(matches!(schedule.take(now + Duration::from_secs(9)), Next::Nothing));
    }

    #[test]
    fn failures_of_one_key_delay_it_alone_until_they_are_forgotten() {
        let mut schedule = Schedule::default();
        let delays: Vec<_> = (0..3).map(|_| schedule.next_delay(&"a").as_millis()).collect();
        assert_eq!(delays, [5, 10, 20]);
        assert_eq!(schedule.next_delay(&"b"), FIRST_DELAY);
        schedule.forget(&"a");
        assert_eq!(schedule.next_delay(&"a"), FIRST_DELAY);
    }
}
