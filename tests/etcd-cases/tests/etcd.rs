//! The cases on Debian's etcd, which is to pass them before they may judge ours.

use etcd_cases::{Edition, Etcd, check_all, check_file, files, record_all};

/// Set to anything, it makes the tests write down what etcd answers instead of comparing it.
const RECORD: &str = "UPDATE_CASES";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment chooses between the comparison and a new record"
)]
fn every_case_holds_on_etcd() {
    if std::env::var_os(RECORD).is_some() {
        record_all(Edition::V3_4, Etcd::start);
    }
    check_all(Edition::V3_4, Etcd::start);
}

#[test]
fn an_answer_that_differs_is_told_with_its_place_and_its_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.case");
    let source = "\
# a put
> KV.Put key: \"a\"
< @2

# a get
> KV.Range key: \"a\"
< @2
w = Watch.Watch
w> create_request { key: \"a\" start_revision: 2 }
w<
w< @2 watch_id: 1
> KV.Put
";
    std::fs::write(&path, source).unwrap();
    let error = check_file(&path, Edition::V3_4, &Etcd::start().unwrap()).unwrap_err().to_string();
    let expected = "\
wrong.case:7: a get
  expected < @2
  received < @2 kvs { key: \"a\" create_revision: 2 mod_revision: 2 version: 1 } count: 1
wrong.case:10: a get
  expected w<
  received w< @2 created: true
wrong.case:11: a get
  expected w< @2 watch_id: 1
  received w< @2 events { kv { key: \"a\" create_revision: 2 mod_revision: 2 version: 1 } }
wrong.case:12: a get
  expected nothing recorded
  received ! INVALID_ARGUMENT etcdserver: key is not provided";
    assert_eq!(error, expected);
}

#[test]
fn there_are_cases_in_every_file() {
    for path in files() {
        let file = etcd_cases::CaseFile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(file.cases() > 0, "{}", path.display());
    }
}
