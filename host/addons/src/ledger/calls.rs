//! How calls went, role by role: how many, how many failed, how long they took. Counting takes no lock: it is done in
//! every request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::Role;

/// Upper bounds of the buckets, in nanoseconds; what takes longer is in the last one.
pub(super) const BOUNDS: [u64; 16] = [
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
];

/// How the calls of one role went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStatistics {
    pub role: &'static str,
    pub calls: u64,
    pub failures: u64,
    /// Half of the calls took no longer than this; none where there were none.
    pub median: Option<Duration>,
    /// 99 of 100 took no longer.
    pub p99: Option<Duration>,
}

#[derive(Default)]
pub(super) struct Calls([Counts; ROLES]);

const ROLES: usize = Role::ALL.len();

#[derive(Default)]
struct Counts {
    failures: AtomicU64,
    nanoseconds: AtomicU64,
    buckets: [AtomicU64; BOUNDS.len() + 1],
}

/// The counts of one role at a moment.
pub(super) struct Counted {
    pub(super) role: Role,
    pub(super) failures: u64,
    pub(super) nanoseconds: u64,
    pub(super) buckets: Vec<u64>,
}

impl Calls {
    pub(super) fn add(&self, role: Role, took: Duration, failed: bool) {
        let counts = &self.0[index(role)];
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        counts.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        counts.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        counts.failures.fetch_add(failed.into(), Ordering::Relaxed);
    }

    /// Of each role that was called.
    pub(super) fn counted(&self) -> Vec<Counted> {
        let of = |role: &Role| {
            let counts = &self.0[index(*role)];
            Counted {
                role: *role,
                failures: counts.failures.load(Ordering::Relaxed),
                nanoseconds: counts.nanoseconds.load(Ordering::Relaxed),
                buckets: counts.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            }
        };
        Role::ALL.iter().map(of).filter(|counted| counted.calls() > 0).collect()
    }

    pub(super) fn statistics(&self) -> Vec<CallStatistics> {
        let of = |counted: Counted| CallStatistics {
            role: counted.role.name(),
            calls: counted.calls(),
            failures: counted.failures,
            median: counted.quantile(1, 2),
            p99: counted.quantile(99, 100),
        };
        self.counted().into_iter().map(of).collect()
    }
}

impl Counted {
    pub(super) fn calls(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The bound of the bucket in which this part of the calls is reached.
    fn quantile(&self, part: u64, of: u64) -> Option<Duration> {
        let calls = self.calls();
        let rank = (calls * part).div_ceil(of).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        let last = BOUNDS[BOUNDS.len() - 1];
        Some(Duration::from_nanos(BOUNDS.get(bucket).copied().unwrap_or(last)))
    }
}

fn index(role: Role) -> usize {
    Role::ALL.iter().position(|one| *one == role).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_role_by_role() {
        let calls = Calls::default();
        for _ in 0..98 {
            calls.add(Role::Authorizer, Duration::from_nanos(700), false);
        }
        calls.add(Role::Authorizer, Duration::from_micros(30), false);
        calls.add(Role::Authorizer, Duration::from_secs(100), true);
        calls.add(Role::Dns, Duration::ZERO, false);
        let [authorizer, dns] = &calls.statistics()[..] else { panic!("two roles were called") };
        assert_eq!((authorizer.role, authorizer.calls, authorizer.failures), ("authorizer", 100, 1));
        assert_eq!(authorizer.median, Some(Duration::from_micros(1)));
        assert_eq!(authorizer.p99, Some(Duration::from_micros(50)));
        assert_eq!((dns.role, dns.median), ("dns", Some(Duration::from_nanos(500))));
    }
}
