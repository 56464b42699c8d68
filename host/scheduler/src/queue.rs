//! [`Queue`]: the pods that have no node yet. Plain state: the time comes in.
//!
//! A pod is ready, or backs off after it was refused or an error came between, or waits for a change that may help it,
//! or is gated, or is being worked on.

pub(crate) mod hint;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use reconcile::ObjectKey;
use tokio::time::Instant;

use crate::plugin::{Plugin, Plugins};
use crate::snapshot::Snapshot;
use crate::view::PodView;
use hint::Event;

const FAILURE: &str = "ScheduleAttemptFailure";

/// How long a pod backs off: first, and doubling up to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoffs {
    pub(crate) first: Duration,
    pub(crate) last: Duration,
}

impl Backoffs {
    fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        self.first.saturating_mul(1 << doublings).min(self.last)
    }
}

/// Which of two pods is first: by priority, then by who waits longer.
type Rank = (Reverse<i32>, Instant, u64);

#[derive(Clone, Debug)]
enum Place {
    Ready(Rank),
    BackingOff {
        until: Instant,
        after_error: bool,
    },
    Waiting {
        since: Instant,
    },
    Gated,
    /// Being worked on.
    Busy,
    /// Pods are made to go for it; a change meanwhile is remembered.
    Preempting {
        since: Instant,
        woken: bool,
    },
}

/// What the queue knows of a pod.
#[derive(Clone, Debug)]
struct Entry {
    pod: Arc<PodView>,
    number: u64,
    place: Place,
    added: Instant,
    begun: Option<Instant>,
    attempts: u32,
    refusals: u32,
    errors: u32,
    refused_by: Plugins,
}

/// A pod whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) pod: Arc<PodView>,
    pub(crate) attempts: u32,
    /// Its first turn.
    pub(crate) begun: Instant,
    /// This turn.
    pub(crate) taken: Instant,
}

/// How many pods are where, under upstream's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) active: usize,
    pub(crate) backoff: usize,
    pub(crate) unschedulable: usize,
    pub(crate) gated: usize,
}

/// What changed since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// How many pods came into which queue by which event.
    pub(crate) incoming: BTreeMap<(&'static str, &'static str), usize>,
    /// How many pods of a scheduler a plugin refuses now.
    pub(crate) refused: BTreeMap<(Plugin, Box<str>), i64>,
}

#[derive(Debug)]
pub(crate) struct Queue {
    backoffs: Backoffs,
    /// After that a pod that waits is looked at again, whatever happened.
    forgotten: Duration,
    entries: HashMap<ObjectKey, Entry>,
    ready: BTreeSet<(Rank, ObjectKey)>,
    backing_off: BTreeSet<(Instant, ObjectKey)>,
    /// Those that wait, the longest first.
    waiting: BTreeSet<(Instant, ObjectKey)>,
    gated: usize,
    numbers: u64,
    /// How many pods each plugin refused that wait, by the scheduler that they name.
    refused: BTreeMap<(Plugin, Box<str>), i64>,
    told: Told,
}

impl Queue {
    pub(crate) fn new(backoffs: Backoffs, forgotten: Duration) -> Self {
        Self {
            backoffs,
            forgotten,
            entries: HashMap::new(),
            ready: BTreeSet::new(),
            backing_off: BTreeSet::new(),
            waiting: BTreeSet::new(),
            gated: 0,
            numbers: 0,
            refused: BTreeMap::new(),
            told: Told::default(),
        }
    }

    pub(crate) fn pending(&self) -> Pending {
        Pending {
            active: self.ready.len(),
            backoff: self.backing_off.len(),
            unschedulable: self.waiting.len(),
            gated: self.gated,
        }
    }

    pub(crate) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Arc<PodView>> {
        self.entries.get(key).map(|entry| &entry.pod)
    }

    /// A pod that has no node is new, or changed.
    pub(crate) fn put(&mut self, pod: Arc<PodView>, snapshot: &Snapshot, now: Instant) {
        let key = pod.head.key.clone();
        let Some(entry) = self.entries.get_mut(&key) else { return self.add(pod, now) };
        if entry.pod.head.uid != pod.head.uid {
            self.remove(&key);
            return self.add(pod, now);
        }
        let old = std::mem::replace(&mut entry.pod, pod.clone());
        let is_gated = !pod.gates.is_empty();
        match entry.place {
            Place::Gated if !is_gated => self.make_ready(&key, now, "PodUpdate"),
            Place::Ready(_) | Place::BackingOff { .. } | Place::Waiting { .. } if is_gated => {
                self.move_to(&key, Place::Gated, "PodUpdate");
            }
            Place::Ready((Reverse(priority), ..)) if priority != pod.priority => {
                self.make_ready(&key, now, "PodUpdate");
            }
            Place::Waiting { .. } => {
                let event = Event::Own { old: &old, new: &pod };
                if hint::helps(&pod, self.entries[&key].refused_by, &event, snapshot) {
                    self.wake(&key, now, "PodUpdate");
                }
            }
            _ => {}
        }
    }

    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<Arc<PodView>> {
        self.unplace(key);
        self.blame(key, Plugins::default());
        self.entries.remove(key).map(|entry| entry.pod)
    }

    /// The next pod. One that backs off because it was refused does not wait where nobody is before it.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Turn> {
        self.tick(now);
        let key = self.ready.first().map(|(_, key)| key).or_else(|| self.early())?.clone();
        self.move_to(&key, Place::Busy, "Pop");
        self.blame(&key, Plugins::default());
        let entry = self.entries.get_mut(&key)?;
        entry.attempts += 1;
        let begun = *entry.begun.get_or_insert(now);
        Some(Turn { pod: entry.pod.clone(), attempts: entry.attempts, begun, taken: now })
    }

    /// A pod that is still being worked on.
    fn busy(&mut self, key: &ObjectKey) -> Option<&mut Entry> {
        self.entries.get_mut(key).filter(|entry| matches!(entry.place, Place::Busy))
    }

    fn early(&self) -> Option<&ObjectKey> {
        let is_refused = |key: &&ObjectKey| {
            matches!(self.entries[*key].place, Place::BackingOff { after_error: false, .. })
        };
        self.backing_off.iter().map(|(_, key)| key).find(is_refused)
    }

    /// The pod was refused by some plugins; nobody's objection: any change may help.
    pub(crate) fn refused(&mut self, key: &ObjectKey, by: Plugins, now: Instant) {
        let Some(entry) = self.busy(key) else { return };
        entry.refusals += 1;
        entry.errors = 0;
        self.blame(key, by);
        self.move_to(key, Place::Waiting { since: now }, FAILURE);
    }

    /// Takes note of who refuses a pod from now on.
    fn blame(&mut self, key: &ObjectKey, by: Plugins) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let before = std::mem::replace(&mut entry.refused_by, by);
        let scheduler = &entry.pod.scheduler;
        for (plugins, change) in [(before, -1), (by, 1)] {
            for plugin in plugins.iter() {
                let known = (plugin, scheduler.clone());
                let pods = self.refused.entry(known.clone()).or_default();
                *pods += change;
                self.told.refused.insert(known, *pods);
            }
        }
    }

    /// Something else came between: the pod is looked at again after a time.
    pub(crate) fn failed(&mut self, key: &ObjectKey, now: Instant) {
        let backoffs = self.backoffs;
        let Some(entry) = self.busy(key) else { return };
        entry.errors += 1;
        let until = now + backoffs.after(entry.errors);
        self.move_to(key, Place::BackingOff { until, after_error: true }, FAILURE);
    }

    /// Pods are being made to go for a pod that was refused.
    pub(crate) fn preempting(&mut self, key: &ObjectKey) {
        if let Some(Place::Waiting { since }) = self.entries.get(key).map(|entry| entry.place.clone()) {
            self.move_to(key, Place::Preempting { since, woken: false }, FAILURE);
        }
    }

    /// They were told to go, or could not be: then the pod is looked at again.
    pub(crate) fn preempted(&mut self, key: &ObjectKey, all: bool, now: Instant) {
        if let Some(Place::Preempting { since, woken }) =
            self.entries.get(key).map(|entry| entry.place.clone())
        {
            self.move_to(key, Place::Waiting { since }, FAILURE);
            if woken || !all {
                self.wake(key, now, "AssignedPodDelete");
            }
        }
    }

    /// Looks who may fit after a change.
    pub(crate) fn changed(&mut self, event: &Event<'_>, snapshot: &Snapshot, now: Instant) {
        let is_helped = |entry: &Entry| hint::helps(&entry.pod, entry.refused_by, event, snapshot);
        let waiting = self.waiting.iter().map(|(_, key)| key);
        let helped: Vec<ObjectKey> = waiting.filter(|key| is_helped(&self.entries[*key])).cloned().collect();
        helped.iter().for_each(|key| self.wake(key, now, event.name()));
    }

    /// Moves whoever has waited long enough; gives when to look again.
    pub(crate) fn tick(&mut self, now: Instant) -> Option<Instant> {
        while let Some((_, key)) = self.backing_off.first().filter(|(until, _)| *until <= now).cloned() {
            self.make_ready(&key, now, "BackoffComplete");
        }
        while let Some((_, key)) =
            self.waiting.first().filter(|(since, _)| *since + self.forgotten <= now).cloned()
        {
            self.wake(&key, now, "UnschedulableTimeout");
        }
        let due = self.backing_off.first().map(|(until, _)| *until);
        let flush = self.waiting.first().map(|(since, _)| *since + self.forgotten);
        due.into_iter().chain(flush).min()
    }

    fn add(&mut self, pod: Arc<PodView>, now: Instant) {
        self.numbers += 1;
        let (key, is_gated) = (pod.head.key.clone(), !pod.gates.is_empty());
        let entry = Entry {
            pod,
            number: self.numbers,
            place: Place::Busy,
            added: now,
            begun: None,
            attempts: 0,
            refusals: 0,
            errors: 0,
            refused_by: Plugins::default(),
        };
        self.entries.insert(key.clone(), entry);
        match is_gated {
            true => self.move_to(&key, Place::Gated, "PodAdd"),
            false => self.make_ready(&key, now, "PodAdd"),
        }
    }

    /// To the ready ones, or those that back off while its time is not over.
    fn wake(&mut self, key: &ObjectKey, now: Instant, why: &'static str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        match &mut entry.place {
            Place::Preempting { woken, .. } => *woken = true,
            Place::Waiting { since } => {
                let until = *since + self.backoffs.after(entry.refusals);
                if until <= now {
                    self.make_ready(key, now, why);
                } else {
                    self.move_to(key, Place::BackingOff { until, after_error: false }, why);
                }
            }
            _ => {}
        }
    }

    fn make_ready(&mut self, key: &ObjectKey, now: Instant, why: &'static str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if entry.attempts == 0 {
            entry.added = entry.added.min(now);
        }
        let rank = (Reverse(entry.pod.priority), entry.added, entry.number);
        self.move_to(key, Place::Ready(rank), why);
    }

    fn move_to(&mut self, key: &ObjectKey, place: Place, why: &'static str) {
        self.unplace(key);
        let Some(entry) = self.entries.get_mut(key) else { return };
        let queue = match &place {
            Place::Ready(rank) => {
                self.ready.insert((*rank, key.clone()));
                Some("active")
            }
            Place::BackingOff { until, .. } => {
                self.backing_off.insert((*until, key.clone()));
                Some("backoff")
            }
            Place::Waiting { since } | Place::Preempting { since, .. } => {
                self.waiting.insert((*since, key.clone()));
                Some("unschedulable")
            }
            Place::Gated => {
                self.gated += 1;
                Some("gated")
            }
            Place::Busy => None,
        };
        if let Some(queue) = queue {
            *self.told.incoming.entry((queue, why)).or_default() += 1;
        }
        entry.place = place;
    }

    fn unplace(&mut self, key: &ObjectKey) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        match std::mem::replace(&mut entry.place, Place::Busy) {
            Place::Ready(rank) => drop(self.ready.remove(&(rank, key.clone()))),
            Place::BackingOff { until, .. } => drop(self.backing_off.remove(&(until, key.clone()))),
            Place::Waiting { since } | Place::Preempting { since, .. } => {
                self.waiting.remove(&(since, key.clone()));
            }
            Place::Gated => self.gated -= 1,
            Place::Busy => {}
        }
    }
}
