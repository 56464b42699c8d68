//! What an addon did: its log, how its calls went, what it was denied, its own numbers. It is kept for as long as the
//! host runs, whether the addon is enabled or not.

mod calls;
mod lines;
mod measures;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Level, Measure, Role};
use tokio::sync::watch;
use tracing::warn;

pub use calls::CallStatistics;
use calls::Calls;
use lines::Lines;
pub use lines::{LogLine, LogPage};
use measures::Measures;
pub(crate) use text::exposition;

/// Different denials of an addon that are told apart.
const DENIALS: usize = 100;
/// What those beyond are counted as.
const OTHER: &str = "other";

/// The ledgers of all addons by name, each made when it is first needed.
#[derive(Default)]
pub(crate) struct Ledgers {
    all: Mutex<BTreeMap<String, Arc<Ledger>>>,
    /// Grows when an operator would want to look.
    news: watch::Sender<u64>,
}

impl Ledgers {
    pub(crate) fn of(&self, addon: &str) -> Arc<Ledger> {
        let mut all = lock(&self.all);
        let made = || {
            let news = self.news.clone();
            Arc::new(Ledger { addon: addon.to_owned(), news, ..Ledger::default() })
        };
        all.entry(addon.to_owned()).or_insert_with(made).clone()
    }

    /// The one of this name, if the addon did anything.
    pub(crate) fn get(&self, addon: &str) -> Option<Arc<Ledger>> {
        lock(&self.all).get(addon).cloned()
    }

    pub(crate) fn forget(&self, addon: &str) {
        lock(&self.all).remove(addon);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Ledger>> {
        lock(&self.all).values().cloned().collect()
    }

    /// Something changed that an operator would want to look at.
    pub(crate) fn changed(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    addon: String,
    lines: Lines,
    calls: Calls,
    measures: Mutex<Measures>,
    denials: Mutex<BTreeMap<String, u64>>,
    memory: AtomicUsize,
    news: watch::Sender<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub(crate) fn line(&self, level: Level, text: &str) {
        self.lines.add(level, text);
    }

    /// Lines from a number on; waits for one where there is none yet.
    pub(crate) async fn lines_from(&self, number: u64, wait: bool) -> LogPage {
        if wait {
            self.lines.reaches(number).await;
        }
        self.lines.from(number)
    }

    /// Counts what the addon asked for and did not get, and logs the first of each kind.
    pub(crate) fn denied(&self, what: &str) {
        let is_new = {
            let mut denials = lock(&self.denials);
            let known = denials.contains_key(what) || denials.len() < DENIALS;
            let count = denials.entry(if known { what } else { OTHER }.to_owned()).or_default();
            *count += 1;
            *count == 1
        };
        if is_new {
            warn!(addon = self.addon, what, "an addon was denied what it was not granted");
            self.line(Level::Warn, &format!("denied: {what}"));
            self.changed();
        }
    }

    /// What was denied, and how often.
    pub(crate) fn denials(&self) -> Vec<(String, u64)> {
        lock(&self.denials).iter().map(|(what, count)| (what.clone(), *count)).collect()
    }

    pub(crate) fn denied_in_all(&self) -> u64 {
        lock(&self.denials).values().sum()
    }

    /// Does a call of a role, and keeps how long it took and whether it failed.
    pub(crate) fn timed<T, E>(&self, role: Role, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let began = std::time::Instant::now();
        let outcome = call();
        self.calls.add(role, began.elapsed(), outcome.is_err());
        outcome
    }

    /// The same of what is waited for.
    pub(crate) async fn timed_later<T, E>(
        &self,
        role: Role,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = std::time::Instant::now();
        let outcome = call.await;
        self.calls.add(role, began.elapsed(), outcome.is_err());
        outcome
    }

    pub(crate) fn calls(&self) -> Vec<CallStatistics> {
        self.calls.statistics()
    }

    /// Something changed that an operator would want to look at.
    pub(crate) fn changed(&self) {
        self.news.send_modify(|news| *news += 1);
    }

    /// An instance came to have this much memory.
    pub(crate) fn memory(&self, bytes: usize) {
        self.memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn largest_memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// Takes a number of the addon's own.
    pub(crate) fn measure(&self, measure: Measure) {
        let taken = lock(&self.measures).take(measure);
        if let Err(why) = taken {
            self.denied(&format!("metrics: {why}"));
        }
    }
}
