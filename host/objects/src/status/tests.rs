//! Each reason reads as upstream's.

use expect_test::{Expect, expect};

use super::{Reason, Status};
use crate::resource::{GroupKind, GroupResource};

fn check(status: &Status, expected: Expect) {
    expected.assert_eq(&status.to_tree().to_json_string());
    assert_eq!(Status::from_tree(&status.to_tree()).as_ref(), Some(status));
}

fn pods() -> GroupResource {
    GroupResource::new("", "pods")
}

#[test]
fn a_missing_object_is_named_with_its_resource_and_group() {
    check(
        &Status::not_found(&pods(), "x"),
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \"x\" not found","reason":"NotFound","details":{"name":"x","kind":"pods"},"code":404}"#
        ]],
    );
    let roles = GroupResource::new("rbac.authorization.k8s.io", "roles");
    check(
        &Status::not_found(&roles, "x"),
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"roles.rbac.authorization.k8s.io \"x\" not found","reason":"NotFound","details":{"name":"x","group":"rbac.authorization.k8s.io","kind":"roles"},"code":404}"#
        ]],
    );
}

#[test]
fn a_conflict_tells_the_way_out() {
    check(
        &Status::modified(&pods(), "x"),
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on pods \"x\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"x","kind":"pods"},"code":409}"#
        ]],
    );
}

#[test]
fn an_invalid_object_is_named_by_its_kind() {
    let status =
        Status::invalid(&GroupKind::new("", "Pod"), "x", "spec.containers: Required value", Vec::new());
    check(
        &status,
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Pod \"x\" is invalid: spec.containers: Required value","reason":"Invalid","details":{"name":"x","kind":"Pod"},"code":422}"#
        ]],
    );
}

#[test]
fn forbidden_has_a_form_without_a_name_and_without_a_resource() {
    let nowhere = GroupResource::default();
    let messages = [
        Status::forbidden(&pods(), "x", "no").message,
        Status::forbidden(&pods(), "", "no").message,
        Status::forbidden(&nowhere, "", "no").message,
    ];
    expect![[r#"
        [
            "pods \"x\" is forbidden: no",
            "pods is forbidden: no",
            "forbidden: no",
        ]
    "#]]
    .assert_debug_eq(&messages);
}

#[test]
fn a_retry_is_announced_in_the_details() {
    check(
        &Status::too_large_resource_version(9, 5),
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: Too large resource version: 9, current: 5","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}"#
        ]],
    );
    assert_eq!(Status::too_many_requests("slow down", 2).retry_after_seconds(), Some(2));
    assert_eq!(Status::unauthorized().retry_after_seconds(), None);
}

#[test]
fn a_deletion_is_a_success_with_the_uid() {
    check(
        &Status::deleted(&pods(), "x", "u-1"),
        expect![[
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"x","kind":"pods","uid":"u-1"}}"#
        ]],
    );
}

#[test]
fn every_reason_reads_back() {
    for reason in [Reason::Expired, Reason::Invalid, Reason::ServiceUnavailable, Reason::StoreReadError] {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
    }
    assert_eq!(Reason::parse("Nonsense"), None);
}
