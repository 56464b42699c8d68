use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::LeaseSpec;

use super::*;

fn book(identity: &str) -> Book {
    Book::new(identity.to_owned(), "kube-system".to_owned(), "work".to_owned(), Duration::from_secs(15))
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn spec(lease: &Lease) -> LeaseSpec {
    lease.spec.clone().unwrap()
}

#[test]
fn a_lease_of_another_is_taken_when_it_was_not_seen_to_change_for_as_long_as_it_says() {
    let lease = book("a").first(now());
    let (mut b, begun) = (book("b"), Instant::now());
    let after = |seconds| begun + Duration::from_secs(seconds);
    b.saw(&lease, begun);
    b.saw(&lease, after(14));
    assert_eq!(b.taken(&lease, after(14), now()), None);
    let taken = spec(&b.taken(&lease, after(15), now()).unwrap());
    assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("b"), Some(1)));
    let later = now() + Duration::from_secs(1);
    let renewed = book("a").renewed(&lease, later);
    b.saw(&renewed, after(15));
    assert_eq!(b.taken(&renewed, after(29), later), None);
    assert!(b.taken(&renewed, after(30), later).is_some());
}

#[test]
fn an_own_lease_is_renewed_since_when_it_was_acquired() {
    let a = book("a");
    let lease = a.first(now());
    let later = now() + Duration::from_secs(100);
    let renewed = spec(&a.taken(&lease, Instant::now(), later).unwrap());
    assert_eq!(renewed.acquire_time.unwrap().0, now());
    assert_eq!(renewed.renew_time.unwrap().0, later);
    assert_eq!(renewed.lease_transitions, Some(0));
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    let (a, mut b, begun) = (book("a"), book("b"), Instant::now());
    let released = a.released(&a.first(now()), now());
    b.saw(&released, begun);
    let taken = spec(&b.taken(&released, begun, now()).unwrap());
    assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("b"), Some(1)));
    assert_eq!(taken.lease_duration_seconds, Some(15));
}

#[test]
fn times_by_which_two_could_work_at_once_are_refused() {
    let times = |lease, renew, retry| {
        let [lease, renew, retry] = [lease, renew, retry].map(Duration::from_secs);
        Times { lease, renew, retry }.checked().map(drop)
    };
    assert_eq!(Times::DEFAULT.checked(), Ok(Times::DEFAULT));
    assert_eq!(times(10, 10, 2), Err("leaseDuration must be greater than renewDeadline"));
    assert_eq!(times(15, 2, 2), Err("renewDeadline must be greater than retryPeriod*JitterFactor"));
    assert_eq!(times(15, 10, 0), Err("retryPeriod must be greater than zero"));
}
