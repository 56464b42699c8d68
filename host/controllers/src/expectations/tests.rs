use objects::tree;
use objects::tree::from_tree;

use super::*;

fn dependent(uid: &str, owner: &str, deleted: Option<&str>) -> ObjectMeta {
    let owner = tree!({ "apiVersion": "v1", "kind": "K", "name": "o", "uid": owner, "controller": true });
    from_tree(&tree!({ "uid": uid, "deletionTimestamp": deleted, "ownerReferences": [owner] })).unwrap()
}

#[tokio::test(start_paused = true)]
async fn creations_are_pending_until_each_was_seen() {
    let expectations = Expectations::default();
    expectations.expect_creations("a", 2);
    expectations.observe(None, Some(&dependent("1", "a", None)));
    expectations.observe(None, Some(&dependent("2", "other", None)));
    assert_eq!(expectations.pending("a"), Some(EXPIRY));
    expectations.observe(None, Some(&dependent("3", "a", None)));
    assert_eq!(expectations.pending("a"), None);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_seen_by_its_timestamp_and_counts_once() {
    let expectations = Expectations::default();
    expectations.expect_deletions("a", ["1".to_owned(), "2".to_owned()]);
    let (alive, going) = (dependent("1", "a", None), dependent("1", "a", Some("2026-01-01T00:00:00Z")));
    expectations.observe(Some(&alive), Some(&going));
    expectations.observe(Some(&going), None);
    assert!(expectations.pending("a").is_some());
    expectations.observe(Some(&dependent("2", "a", None)), None);
    assert_eq!(expectations.pending("a"), None);
}

#[tokio::test(start_paused = true)]
async fn what_never_comes_is_no_longer_awaited_after_a_time() {
    let expectations = Expectations::default();
    expectations.expect_creations("a", 1);
    tokio::time::advance(EXPIRY - Duration::from_secs(1)).await;
    assert_eq!(expectations.pending("a"), Some(Duration::from_secs(1)));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(expectations.pending("a"), None);
}

#[tokio::test(start_paused = true)]
async fn more_creations_than_expected_do_no_harm() {
    let expectations = Expectations::default();
    expectations.observe(None, Some(&dependent("1", "a", None)));
    expectations.expect_creations("a", 1);
    expectations.created("a");
    expectations.observe(None, Some(&dependent("2", "a", None)));
    assert_eq!(expectations.pending("a"), None);
}
