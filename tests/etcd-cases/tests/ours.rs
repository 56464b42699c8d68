//! The cases on the embedded store, which is to answer as etcd 3.6 does.

use etcd_cases::{Edition, Ours, check_all};

#[test]
fn every_case_holds_on_the_embedded_store() {
    check_all(Edition::V3_6, Ours::start);
}
