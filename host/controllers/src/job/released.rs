//! [`Released`]: pods whose finalizer was removed and that the store still shows with it. They were counted: they must
//! not be counted again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reconcile::Change;

use super::pods::{is_tracked, uid};
use crate::pod::Pod;
use crate::wiring::Wiring;

/// A handle; by uid of the job.
#[derive(Clone, Default)]
pub(super) struct Released(Arc<Mutex<HashMap<String, HashSet<String>>>>);

impl Released {
    pub(super) fn watching(wiring: &mut Wiring<'_>) -> Self {
        let released = Self::default();
        let observer = released.clone();
        wiring.on_change(move |change: &Change<'_, Pod>| {
            let pod = change.new.or(change.old).filter(|_| change.new.is_none_or(|pod| !is_tracked(pod)));
            if let Some((pod, job)) = pod.and_then(|pod| Some((pod, pod.controller()?))) {
                observer.seen(&job.uid, uid(pod));
            }
        });
        released
    }

    pub(super) fn of(&self, job: &str) -> HashSet<String> {
        self.all().get(job).cloned().unwrap_or_default()
    }

    /// Before the finalizers of these are removed.
    pub(super) fn expect(&self, job: &str, pods: impl IntoIterator<Item = String>) {
        self.all().entry(job.to_owned()).or_default().extend(pods);
    }

    /// The removal was seen, or did not succeed.
    pub(super) fn seen(&self, job: &str, pod: &str) {
        let mut all = self.all();
        let Some(pods) = all.get_mut(job) else { return };
        pods.remove(pod);
        if pods.is_empty() {
            all.remove(job);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, HashSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
