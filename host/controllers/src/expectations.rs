//! [`Expectations`]: what a controller did and has not seen yet. Until it has, its stores are older than its own
//! writes, and what follows from them would be done twice.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use reconcile::Change;
use tokio::time::Instant;

use crate::pod::controller_of;
use crate::wiring::{Kind, Wiring};

/// What was not seen by then will never be; upstream's.
const EXPIRY: Duration = Duration::from_secs(5 * 60);

/// A handle, of one controller on dependents of one kind; by uid of the owner.
#[derive(Clone, Default)]
pub(crate) struct Expectations(Arc<Mutex<HashMap<String, Expected>>>);

#[derive(Debug)]
struct Expected {
    creations: usize,
    /// By uid.
    deletions: HashSet<String>,
    since: Instant,
}

impl Expectations {
    /// Of owners of one kind on dependents of another. To be made before the dependents feed a queue: what comes from
    /// it has then been observed.
    pub(crate) fn of<O: Kind, D: Kind>(wiring: &mut Wiring<'_>) -> Self {
        let expectations = Self::default();
        let observer = expectations.clone();
        wiring.on_change(move |change: &Change<'_, D>| {
            observer.observe(change.old.map(|old| old.metadata()), change.new.map(|new| new.metadata()));
        });
        let observer = expectations.clone();
        wiring.on_change(move |change: &Change<'_, O>| {
            let uid = |state: Option<&Arc<O>>| state.and_then(|state| state.metadata().uid.clone());
            if let Some(old) = uid(change.old).filter(|old| uid(change.new).as_ref() != Some(old)) {
                observer.all().remove(&old);
            }
        });
        expectations
    }

    fn observe(&self, old: Option<&ObjectMeta>, new: Option<&ObjectMeta>) {
        let Some(object) = new.or(old) else { return };
        let Some(owner) = controller_of(object) else { return };
        if old.is_none() {
            self.created(&owner.uid);
        }
        if new.is_none_or(|new| new.deletion_timestamp.is_some()) {
            self.deleted(&owner.uid, object.uid.as_deref().unwrap_or_default());
        }
    }

    /// How long the owner's dependents are not to be counted, unless they change before. `None`: all was seen.
    pub(crate) fn pending(&self, owner: &str) -> Option<Duration> {
        let mut all = self.all();
        let expected = all.get(owner)?;
        let left = EXPIRY.checked_sub(expected.since.elapsed()).filter(|left| !left.is_zero());
        let left = left.filter(|_| expected.creations > 0 || !expected.deletions.is_empty());
        if left.is_none() {
            all.remove(owner);
        }
        left
    }

    /// Before so many are created.
    pub(crate) fn expect_creations(&self, owner: &str, count: usize) {
        self.expect(owner, |expected| expected.creations += count);
    }

    /// Before those of these uids are deleted.
    pub(crate) fn expect_deletions(&self, owner: &str, uids: impl IntoIterator<Item = String>) {
        self.expect(owner, |expected| expected.deletions.extend(uids));
    }

    /// One creation was seen, or will not come.
    pub(crate) fn created(&self, owner: &str) {
        if let Some(expected) = self.all().get_mut(owner) {
            expected.creations = expected.creations.saturating_sub(1);
        }
    }

    /// One deletion was seen, or will not come.
    pub(crate) fn deleted(&self, owner: &str, uid: &str) {
        if let Some(expected) = self.all().get_mut(owner) {
            expected.deletions.remove(uid);
        }
    }

    fn expect(&self, owner: &str, change: impl FnOnce(&mut Expected)) {
        let mut all = self.all();
        let none = Expected { creations: 0, deletions: HashSet::new(), since: Instant::now() };
        let expected = all.entry(owner.to_owned()).or_insert(none);
        expected.since = Instant::now();
        change(expected);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Expected>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
