//! Snapshots and hashes.

use std::io::Cursor;

use etcd::wire::etcdserverpb as pb;
use sha2::{Digest, Sha256};

use crate::fixture::Fixture;

async fn snapshot(fixture: &Fixture) -> Vec<u8> {
    let mut stream = fixture.maintenance().snapshot(pb::SnapshotRequest {}).await.unwrap().into_inner();
    let mut file = Vec::new();
    let mut remaining = None;
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(remaining) = remaining.filter(|remaining| *remaining > 0) {
            assert_eq!(remaining - message.blob.len() as u64, message.remaining_bytes);
        }
        remaining = Some(message.remaining_bytes);
        file.extend(&message.blob);
    }
    file
}

#[tokio::test]
async fn a_snapshot_is_a_database_of_every_version_and_its_digest() {
    let fixture = Fixture::start().await;
    fixture.lease().lease_grant(pb::LeaseGrantRequest { id: 7, ttl: 3600 }).await.unwrap();
    fixture.put("a", "1").await;
    fixture.put("a", vec![b'2'; 1_000_000]).await;
    fixture
        .kv()
        .delete_range(pb::DeleteRangeRequest { key: "a".into(), ..Default::default() })
        .await
        .unwrap();
    let file = snapshot(&fixture).await;
    let (database, digest) = file.split_at(file.len() - 32);
    assert_eq!(&Sha256::digest(database)[..], digest);
    assert_eq!(database.len() % 4096, 0);
    let mut reader = bolt::Reader::open(Cursor::new(database.to_vec()), 1 << 21).unwrap();
    let keys = |bucket: &str, reader: &mut bolt::Reader<Cursor<Vec<u8>>>| -> Vec<Vec<u8>> {
        let records = reader.records(bucket.as_bytes()).unwrap().unwrap();
        records.map(|record| record.unwrap().key.to_vec()).collect()
    };
    let revision = |revision: u8, end: &[u8]| {
        let mut key = vec![0, 0, 0, 0, 0, 0, 0, revision, b'_', 0, 0, 0, 0, 0, 0, 0, 0];
        key.extend(end);
        key
    };
    assert_eq!(keys("key", &mut reader), [revision(2, b""), revision(3, b""), revision(4, b"t")]);
    assert_eq!(keys("lease", &mut reader), [[0, 0, 0, 0, 0, 0, 0, 7]]);
    assert_eq!(keys("meta", &mut reader), [&b"consistent_index"[..], b"storageVersion", b"term"]);
}

#[tokio::test]
async fn a_hash_is_over_versions_as_etcd_writes_them() {
    let fixture = Fixture::start().await;
    let hash = async |revision| {
        fixture.maintenance().hash_kv(pb::HashKvRequest { revision }).await.unwrap().into_inner().hash
    };
    // What Debian's etcd answers.
    assert_eq!(hash(0).await, 1_084_519_789);
    fixture.put("a", "1").await;
    assert_eq!(hash(0).await, 2_587_454_935);
    fixture.put("b", "1").await;
    fixture.put("a", "2").await;
    fixture
        .kv()
        .delete_range(pb::DeleteRangeRequest { key: "b".into(), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(hash(0).await, 1_416_966_122);
    assert_eq!(hash(3).await, 2_143_169_314);
    fixture.kv().compact(pb::CompactionRequest { revision: 4, physical: true }).await.unwrap();
    assert_eq!(hash(0).await, 194_725_478);
}
