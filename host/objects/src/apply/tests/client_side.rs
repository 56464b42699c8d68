//! From client-side apply to server-side apply.

use expect_test::expect;

use super::{Subject, owners, parse};
use crate::tree::Tree;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A Deployment that client-side apply made, and that an autoscaler has changed since.
fn client_side(replicas_now: i64) -> Subject {
    let mut subject = Subject::deployment();
    let applied = subject.body(r#"{"metadata":{"labels":{"app":"a"}},"spec":{"replicas":1,"paused":true}}"#);
    let mut text = Tree::object();
    text.set_at(&["metadata", "annotations", ANNOTATION], applied.to_json_string());
    text.set_at(&["metadata", "labels", "app"], "a");
    text.set_at(&["spec", "replicas"], 1_i64);
    text.set_at(&["spec", "paused"], true);
    subject.update("kubectl-client-side-apply", &text.to_json_string());
    if replicas_now != 1 {
        text.set_at(&["spec", "replicas"], replicas_now);
        subject.update("autoscaler", &text.to_json_string());
    }
    subject
}

#[test]
fn kubectl_takes_over_what_client_side_apply_left_as_it_was() {
    let mut subject = client_side(1);
    subject.apply("kubectl", r#"{"metadata":{"labels":{"app":"b"}},"spec":{"replicas":2,"paused":true}}"#);
    expect![[r#"
        kubectl Apply 02: .metadata.labels.app .spec.paused .spec.replicas
        kubectl-client-side-apply Update 01: .metadata.annotations .metadata.labels .metadata.annotations.kubectl.kubernetes.io/last-applied-configuration .spec.paused
    "#]]
    .assert_eq(&owners(subject.live()));
}

#[test]
fn the_annotation_says_what_was_applied_last() {
    let mut subject = client_side(1);
    subject.apply("kubectl", r#"{"spec":{"replicas":1},"metadata":{"annotations":{"x":"<y>"}}}"#);
    let annotation = subject.live().str_at(&["metadata", "annotations", ANNOTATION]).unwrap();
    assert_eq!(
        annotation,
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"annotations\":{\"x\":\"\\u003cy\\u003e\"},\
         \"name\":\"a\"},\"spec\":{\"replicas\":1}}\n"
    );
}

#[test]
fn what_others_changed_since_is_a_conflict_still() {
    let mut subject = client_side(5);
    let text = r#"{"metadata":{"labels":{"app":"b"}},"spec":{"replicas":2,"paused":true}}"#;
    let status = parse(&subject.refused("kubectl", text));
    expect![[r#"Apply failed with 1 conflict: conflict with "autoscaler" using apps/v1: .spec.replicas"#]]
        .assert_eq(status.str_at(&["message"]).unwrap());
}

#[test]
fn other_managers_take_over_nothing_and_leave_the_annotation() {
    let mut subject = client_side(1);
    let before = subject.live().str_at(&["metadata", "annotations", ANNOTATION]).unwrap().to_owned();
    let status = parse(&subject.refused("argo", r#"{"spec":{"replicas":2}}"#));
    expect![[r#"Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas"#]]
        .assert_eq(status.str_at(&["message"]).unwrap());
    subject.force("argo", r#"{"spec":{"replicas":2}}"#);
    assert_eq!(subject.live().str_at(&["metadata", "annotations", ANNOTATION]), Some(before.as_str()));
}

#[test]
fn an_annotation_that_would_be_too_large_goes() {
    let mut subject = client_side(1);
    let large = "x".repeat(256 * 1024);
    subject.apply("kubectl", &format!(r#"{{"spec":{{"template":{{"spec":{{"hostname":"{large}"}}}}}}}}"#));
    assert_eq!(subject.live().str_at(&["metadata", "annotations", ANNOTATION]), None);
}

#[test]
fn an_annotation_that_cannot_be_read_excuses_nothing() {
    for bad in ["{", "{}", r#"{\"apiVersion\":\"apps/v1beta1\",\"kind\":\"Deployment\"}"#] {
        let mut subject = Subject::deployment();
        let text =
            format!(r#"{{"metadata":{{"annotations":{{"{ANNOTATION}":"{bad}"}}}},"spec":{{"replicas":1}}}}"#);
        subject.update("kubectl-client-side-apply", &text);
        assert!(subject.refused("kubectl", r#"{"spec":{"replicas":2}}"#).contains(".spec.replicas"), "{bad}");
    }
}
