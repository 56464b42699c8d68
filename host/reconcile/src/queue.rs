//! [`Queue`]: keys that wait for a worker. A key waits once however often it is added, no two workers have the same
//! key, and none keeps a worker busy for long: who fights over an object does so slowly.

mod schedule;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::key::Key;
use crate::metrics::{LoopMetrics, QueueMetrics};
use schedule::{Next, Schedule};

/// A handle; clones share the keys.
pub struct Queue<K>(Arc<Inner<K>>);

struct Inner<K> {
    name: &'static str,
    schedule: Mutex<Schedule<K>>,
    changed: Notify,
    metrics: QueueMetrics,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key> Queue<K> {
    /// `name` is its label in the metrics.
    pub fn new(name: &'static str, metrics: &LoopMetrics) -> Self {
        Self(Arc::new(Inner {
            name,
            schedule: Mutex::new(Schedule::default()),
            changed: Notify::new(),
            metrics: metrics.queue(name),
        }))
    }

    /// The key is to be looked at now.
    pub fn add(&self, key: K) {
        if self.with(|schedule| schedule.add(key, Instant::now())) {
            self.0.metrics.adds.inc();
            self.0.changed.notify_one();
        }
    }

    /// The key is to be looked at after a time, unless it is sooner for another reason.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.with(|schedule| schedule.add_at(key, Instant::now() + delay));
        self.0.changed.notify_one();
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    pub(crate) fn metrics(&self) -> &QueueMetrics {
        &self.0.metrics
    }

    /// The next key, which is the caller's until it says how it went. Cancel-safe.
    pub(crate) async fn take(&self) -> K {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // From here on an addition wakes this worker, or another if this one finds a key.
            changed.as_mut().enable();
            match self.with(|schedule| schedule.take(Instant::now())) {
                Next::Key(key, waited) => {
                    self.0.metrics.waited.observe(waited.as_secs_f64());
                    return key;
                }
                Next::At(due) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
                Next::Nothing => changed.await,
            }
        }
    }

    /// The key was looked at; failures of before are forgotten.
    pub(crate) fn done(&self, key: &K, again: Option<Duration>) {
        self.with(|schedule| {
            let now = Instant::now();
            schedule.forget(key);
            if let Some(delay) = again {
                schedule.add_at(key.clone(), now + delay);
            }
            schedule.finish(key, now);
        });
        self.0.changed.notify_one();
    }

    /// As [`done`](Self::done), but no worker gets the key again before a time has passed.
    pub(crate) fn rest(&self, key: &K, rest: Duration) {
        self.with(|schedule| {
            schedule.forget(key);
            schedule.rest(key.clone(), Instant::now() + rest);
        });
        self.0.changed.notify_one();
    }

    /// The key failed: it comes back after its own growing delay, which is returned.
    pub(crate) fn failed(&self, key: &K) -> Duration {
        let delay = self.with(|schedule| {
            let (delay, now) = (schedule.next_delay(key), Instant::now());
            schedule.add_at(key.clone(), now + delay);
            schedule.finish(key, now);
            delay
        });
        self.0.metrics.retries.inc();
        self.0.changed.notify_one();
        delay
    }

    fn with<T>(&self, change: impl FnOnce(&mut Schedule<K>) -> T) -> T {
        let mut schedule: MutexGuard<'_, _> = self.0.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut schedule);
        self.0.metrics.depth.set(i64::try_from(schedule.ready()).unwrap_or(i64::MAX));
        result
    }
}
