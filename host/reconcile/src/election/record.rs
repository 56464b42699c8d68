//! [`Book`]: what a candidate knows of its lease, and the records that it may write. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use tokio::time::Instant;

pub(super) struct Book {
    identity: String,
    namespace: String,
    name: String,
    duration: Duration,
    /// The record that was seen last, and when it was first.
    seen: Option<(LeaseSpec, Instant)>,
    /// The lease as this candidate wrote it last, as long as nothing says that it is another.
    known: Option<Lease>,
}

impl Book {
    pub(super) fn new(identity: String, namespace: String, name: String, duration: Duration) -> Self {
        Self { identity, namespace, name, duration, seen: None, known: None }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn know(&mut self, written: Lease) {
        self.known = Some(written);
    }

    pub(super) fn take_known(&mut self) -> Option<Lease> {
        self.known.take()
    }

    /// A record that was seen before is as old as it was.
    pub(super) fn saw(&mut self, lease: &Lease, now: Instant) {
        let spec = lease.spec.clone().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != spec) {
            self.seen = Some((spec, now));
        }
    }

    /// The lease where there was none.
    pub(super) fn first(&self, now: Timestamp) -> Lease {
        let metadata = ObjectMeta {
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            ..ObjectMeta::default()
        };
        self.written(Lease { metadata, spec: None }, MicroTime(now), 0, now)
    }

    /// The lease that is this candidate's already, for longer.
    pub(super) fn renewed(&self, lease: &Lease, now: Timestamp) -> Lease {
        let spec = lease.spec.clone().unwrap_or_default();
        let acquired = spec.acquire_time.unwrap_or(MicroTime(now));
        self.written(lease.clone(), acquired, spec.lease_transitions.unwrap_or(0), now)
    }

    /// The lease as this candidate's, if it may have it: it has it, nobody has it, or who has it did not renew it.
    pub(super) fn taken(&self, lease: &Lease, instant: Instant, now: Timestamp) -> Option<Lease> {
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder == self.identity {
            return Some(self.renewed(lease, now));
        }
        let seconds = u64::try_from(spec.lease_duration_seconds.unwrap_or(0)).unwrap_or(0);
        let since = self.seen.as_ref().map_or(instant, |(_, since)| *since);
        let is_valid = instant < since + Duration::from_secs(seconds);
        if !holder.is_empty() && is_valid {
            return None;
        }
        let transitions = spec.lease_transitions.unwrap_or(0).saturating_add(1);
        Some(self.written(lease.clone(), MicroTime(now), transitions, now))
    }

    /// The lease as nobody's.
    pub(super) fn released(&self, lease: &Lease, now: Timestamp) -> Lease {
        let mut lease = lease.clone();
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.lease_duration_seconds = Some(1);
        spec.acquire_time = Some(MicroTime(now));
        spec.renew_time = Some(MicroTime(now));
        lease
    }

    fn written(&self, mut lease: Lease, acquired: MicroTime, transitions: i32, now: Timestamp) -> Lease {
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = Some(i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX));
        spec.acquire_time = Some(acquired);
        spec.renew_time = Some(MicroTime(now));
        spec.lease_transitions = Some(transitions);
        lease
    }
}
