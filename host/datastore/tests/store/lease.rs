//! Leases: their keys go with them, and they outlive a restart.

use datastore::{KeyRange, LeaseError, LeaseId, Op, RangeRequest, StoreError, Txn, WatchRequest};

use crate::fixture::Fixture;

async fn put_leased(fixture: &Fixture, key: &str, lease: LeaseId) {
    let txn = Txn { success: vec![Op::leased(key.to_owned(), "1", lease)], ..Txn::default() };
    fixture.store.txn(txn).await.expect("the lease exists");
}

#[tokio::test]
async fn lease_expiry_deletes_its_keys_at_one_revision() {
    let fixture = Fixture::temporary();
    let mut watch = fixture.store.watch(WatchRequest::new(KeyRange::all())).await.unwrap();
    let (lease, ttl) = fixture.embedded.grant(LeaseId::NONE, 1).await.unwrap();
    assert_eq!(ttl, 2, "a lease lives two seconds at least");
    for key in ["/a", "/b"] {
        put_leased(&fixture, key, lease).await;
        assert_eq!(watch.next().await.unwrap().events.len(), 1);
    }
    let gone = watch.next().await.unwrap();
    assert_eq!(gone.events.iter().map(|event| &event.key()[..]).collect::<Vec<_>>(), [b"/a", b"/b"]);
    assert!(gone.events.iter().all(|event| event.kv().is_none() && event.revision() == gone.revision));
    assert_eq!(fixture.embedded.lease(lease), None);
    fixture.close().await;
}

#[tokio::test]
async fn leases_and_their_keys_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = Fixture::open(directory.path());
    let (kept, revoked) = (LeaseId(7), LeaseId(8));
    for lease in [kept, revoked] {
        first.embedded.grant(lease, 100).await.unwrap();
    }
    put_leased(&first, "/kept", kept).await;
    put_leased(&first, "/revoked", revoked).await;
    first.embedded.revoke(revoked).await.unwrap();
    first.close().await;

    let second = Fixture::open(directory.path());
    assert_eq!(second.embedded.leases(), [kept]);
    let lease = second.embedded.lease(kept).unwrap();
    assert_eq!((lease.granted, &lease.keys[..]), (100, &["/kept".into()][..]));
    second.embedded.revoke(kept).await.unwrap();
    assert_eq!(second.store.range(RangeRequest::new(KeyRange::all())).await.unwrap().count, 0);
    second.close().await;
}

#[tokio::test]
async fn an_unknown_lease_is_refused() {
    let fixture = Fixture::temporary();
    let lease = LeaseId(9);
    let missing = |error| matches!(error, StoreError::Lease(LeaseError::NotFound(id)) if id == lease);
    assert!(missing(fixture.embedded.revoke(lease).await.unwrap_err()));
    assert!(missing(fixture.embedded.renew(lease).await.unwrap_err()));
    fixture.embedded.grant(lease, 10).await.unwrap();
    let twice = fixture.embedded.grant(lease, 10).await.unwrap_err();
    assert!(matches!(twice, StoreError::Lease(LeaseError::Exists(_))), "{twice}");
    fixture.close().await;
}
