//! Leases: how long keys live without being asked for. Time comes in, expired leases go out; deleting their keys is the
//! store's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::LeaseId;

/// A lease as it can be asked for. All times are since any fixed start, the same for all calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Seconds that it lives after the grant and after each renewal, as granted.
    pub ttl: i64,
    pub expires: Duration,
    /// The keys that are bound to it now.
    pub keys: BTreeSet<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeaseError {
    #[error("grant lease {0}, which exists already")]
    Exists(LeaseId),
    #[error("lease {0} does not exist")]
    NotFound(LeaseId),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Leases {
    by_id: BTreeMap<LeaseId, Lease>,
    by_expiry: BTreeSet<(Duration, LeaseId)>,
    /// What the leases that were granted or revoked since [`Leases::settle`] were before, oldest first.
    undo: Vec<(LeaseId, Option<Lease>)>,
}

impl Leases {
    pub(crate) fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.by_id.get(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.by_id.iter().map(|(id, lease)| (*id, lease))
    }

    pub(crate) fn grant(&mut self, id: LeaseId, ttl: i64, now: Duration) -> Result<(), LeaseError> {
        if self.by_id.contains_key(&id) {
            return Err(LeaseError::Exists(id));
        }
        self.undo.push((id, None));
        self.insert(id, Lease { ttl, expires: now + seconds(ttl), keys: BTreeSet::new() });
        Ok(())
    }

    /// Grants, or changes what was granted.
    pub(crate) fn set(&mut self, id: LeaseId, ttl: i64, now: Duration) {
        let keys = self.take(id).map(|lease| lease.keys).unwrap_or_default();
        self.insert(id, Lease { ttl, expires: now + seconds(ttl), keys });
    }

    /// The lease must have no keys any more.
    pub(crate) fn remove(&mut self, id: LeaseId) {
        if let Some(lease) = self.take(id) {
            self.undo.push((id, Some(lease)));
        }
    }

    pub(crate) fn renew(&mut self, id: LeaseId, now: Duration) -> Result<i64, LeaseError> {
        let mut lease = self.take(id).ok_or(LeaseError::NotFound(id))?;
        lease.expires = now + seconds(lease.ttl);
        let ttl = lease.ttl;
        self.insert(id, lease);
        Ok(ttl)
    }

    /// Leases whose time is over at `now`, the earliest first.
    pub(crate) fn expired(&self, now: Duration) -> impl Iterator<Item = LeaseId> {
        self.by_expiry.iter().take_while(move |(expires, _)| *expires <= now).map(|(_, id)| *id)
    }

    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.by_expiry.first().map(|(expires, _)| *expires)
    }

    /// Who is bound to no lease, or to one that is gone, stays so.
    pub(crate) fn attach(&mut self, id: LeaseId, key: &Bytes) {
        if let Some(lease) = self.by_id.get_mut(&id) {
            lease.keys.insert(key.clone());
        }
    }

    pub(crate) fn detach(&mut self, id: LeaseId, key: &Bytes) {
        if let Some(lease) = self.by_id.get_mut(&id) {
            lease.keys.remove(key);
        }
    }

    /// What happened so far is never taken back.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
    }

    /// Takes back what happened since [`Leases::settle`]; keys are bound again by who puts them back.
    pub(crate) fn rollback(&mut self) {
        while let Some((id, before)) = self.undo.pop() {
            drop(self.take(id));
            if let Some(lease) = before {
                self.insert(id, lease);
            }
        }
    }

    fn insert(&mut self, id: LeaseId, lease: Lease) {
        self.by_expiry.insert((lease.expires, id));
        self.by_id.insert(id, lease);
    }

    fn take(&mut self, id: LeaseId) -> Option<Lease> {
        let lease = self.by_id.remove(&id)?;
        self.by_expiry.remove(&(lease.expires, id));
        Some(lease)
    }
}

/// A lease never ends before it began.
fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(ttl.unsigned_abs())
}
