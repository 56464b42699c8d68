//! Objects that go some time after their last write, as Events do. Many share one lease, so that a node's events cost the
//! store few leases and a deletion for many at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use datastore::{Datastore, LeaseId, StoreError};

/// A lease is given to objects for this long, and lives this much longer than they must, as upstream's.
const REUSE: Duration = Duration::from_secs(60);
/// Objects of one lease, as upstream's.
const OBJECTS: usize = 1000;

/// Gives leases. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Expiry {
    /// How long an object lives after its last write.
    ttl: Duration,
    current: Arc<Mutex<Option<Current>>>,
}

struct Current {
    lease: LeaseId,
    since: Instant,
    objects: usize,
}

impl Expiry {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl, current: Arc::default() }
    }

    /// A lease for one more object; none where objects live for ever.
    pub(crate) async fn lease(&self, store: &Datastore) -> Result<LeaseId, StoreError> {
        if self.ttl.is_zero() {
            return Ok(LeaseId::NONE);
        }
        if let Some(lease) = self.share() {
            return Ok(lease);
        }
        let seconds = (self.ttl + REUSE).as_secs();
        let lease = store.grant(i64::try_from(seconds).unwrap_or(i64::MAX)).await?;
        // Of several that were granted at once, the last is shared.
        *self.current() = Some(Current { lease, since: Instant::now(), objects: 1 });
        Ok(lease)
    }

    fn share(&self) -> Option<LeaseId> {
        let mut current = self.current();
        let shared =
            current.as_mut().filter(|shared| shared.since.elapsed() < REUSE && shared.objects < OBJECTS)?;
        shared.objects += 1;
        Some(shared.lease)
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
