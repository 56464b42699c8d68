//! Creates and updates: their manager owns what they change.

use expect_test::expect;

use super::super::{Builtin, Reset, Write, keep_timestamps, manager_of};
use super::{Subject, owners, parse};
use crate::tree::Tree;

#[test]
fn a_create_owns_all_that_it_writes_but_identity() {
    let mut subject = Subject::deployment();
    subject.update(
        "kubectl-create",
        r#"{"metadata":{"namespace":"default","uid":"u","labels":{"app":"a"}},
            "spec":{"replicas":1,"selector":{"matchLabels":{"app":"a"}},
            "strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%"}},
            "template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i","resources":{}}],
            "securityContext":{}}}},"status":{}}"#,
    );
    let list = subject.live().at(&["metadata", "managedFields"]).unwrap();
    expect![[r#"[{"manager":"kubectl-create","operation":"Update","apiVersion":"apps/v1","time":"2026-01-02T15:01:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{}},"f:type":{}},"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}},"f:securityContext":{}}}}}}]"#]]
    .assert_eq(&list.to_json_string());
}

#[test]
fn an_update_takes_what_it_changes_and_leaves_the_rest() {
    let mut subject = Subject::config_map();
    subject.update("one", r#"{"data":{"a":"1","b":"1"}}"#);
    subject.update("two", r#"{"data":{"a":"1","b":"2","c":"2"}}"#);
    expect![[r#"
        {"data":{"a":"1","b":"2","c":"2"}}
        one Update 01: .data .data.a
        two Update 02: .data.b .data.c
    "#]]
    .assert_eq(&subject.shown());
    subject.update("three", r#"{"data":{"b":"2"}}"#);
    expect![[r#"
        {"data":{"b":"2"}}
        one Update 01: .data
        two Update 02: .data.b
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn a_manager_that_owns_nothing_any_more_is_gone() {
    let mut subject = Subject::config_map();
    subject.update("one", r#"{"immutable":false}"#).update("two", r#"{"immutable":true}"#);
    expect![[r#"
        {"immutable":true}
        two Update 02: .immutable
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn an_update_that_changes_nothing_leaves_even_the_times() {
    let mut subject = Subject::config_map();
    subject.update("one", r#"{"data":{"a":"1"}}"#);
    let before = subject.live().clone();
    subject.update("one", r#"{"data":{"a":"1"}}"#).update("two", r#"{"data":{"a":"1"}}"#);
    assert_eq!(*subject.live(), before);
}

#[test]
fn the_order_of_items_is_nobodys() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.update("one", r#"{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}"#);
    let before = owners(subject.live());
    subject.update("two", r#"{"spec":{"containers":[{"name":"b"},{"name":"a"}]}}"#);
    assert_eq!(owners(subject.live()), before);
}

#[test]
fn items_that_come_twice_are_owned_as_one_leaf() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.update("one", r#"{"spec":{"containers":[{"name":"a","image":"x"}]}}"#);
    subject.update("two", r#"{"spec":{"containers":[{"name":"a","image":"x"},{"name":"a","image":"y"}]}}"#);
    expect![[r#"
        two Update 02: .spec.containers[name="a"]
    "#]]
    .assert_eq(&owners(subject.live()));
    subject.update("three", r#"{"spec":{"containers":[{"name":"a","image":"y"}]}}"#);
    expect![[r#"
        three Update 03: .spec.containers[name="a"] .spec.containers[name="a"].image .spec.containers[name="a"].name
    "#]]
    .assert_eq(&owners(subject.live()));
}

fn status(write: &mut Write<'_, Builtin>) {
    write.subresource = "status";
    write.reset = Reset::These(&[&["spec"], &["metadata"]]);
}

#[test]
fn a_write_of_the_status_owns_nothing_else_and_is_an_entry_of_its_own() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.update("kubelet", r#"{"spec":{"nodeName":"n"}}"#);
    subject.update_with(
        "kubelet",
        status,
        r#"{"metadata":{"labels":{"a":"b"}},"spec":{"nodeName":"n"},"status":{"phase":"Running",
            "conditions":[{"type":"Ready","status":"True","lastProbeTime":null}]}}"#,
    );
    expect![[r#"
        kubelet Update 01: .spec.nodeName
        kubelet/status Update 02: .status.conditions .status.phase .status.conditions[type="Ready"] .status.conditions[type="Ready"].status .status.conditions[type="Ready"].type
    "#]]
    .assert_eq(&owners(subject.live()));
}

#[test]
fn a_write_through_a_subresource_has_no_say_in_the_managers() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.update("one", r#"{"spec":{"nodeName":"n"}}"#);
    let list = owners(subject.live());
    subject.update_with("two", status, r#"{"metadata":{"managedFields":[{}]},"spec":{"nodeName":"n"}}"#);
    assert_eq!(owners(subject.live()), list);
}

#[test]
fn an_endpoint_may_own_only_what_it_is_for() {
    let mut subject = Subject::new("", "v1", "Pod");
    subject.update("one", r#"{"spec":{"containers":[{"name":"c","image":"i"}]}}"#);
    subject.update_with(
        "two",
        |write| {
            write.subresource = "resize";
            write.reset = Reset::AllBut(&[
                &["spec", "containers", "*", "resources"],
                &["spec", "containers", "*", "resizePolicy"],
            ]);
        },
        r#"{"metadata":{"labels":{"a":"b"}},
            "spec":{"containers":[{"name":"c","image":"j","resources":{"limits":{"cpu":"1"}}}]}}"#,
    );
    expect![[r#"
        one Update 01: .spec.containers[name="c"] .spec.containers[name="c"].image .spec.containers[name="c"].name
        two/resize Update 02: .spec.containers[name="c"].resources.limits .spec.containers[name="c"].resources.limits.cpu
    "#]]
    .assert_eq(&owners(subject.live()));
}

#[test]
fn an_empty_list_of_managers_or_an_empty_manager_forgets_them_all() {
    for reset in ["[]", "[{}]"] {
        let mut subject = Subject::config_map();
        subject.update("one", r#"{"data":{"a":"1"}}"#);
        subject.update("two", &format!(r#"{{"metadata":{{"managedFields":{reset}}},"data":{{"a":"2"}}}}"#));
        subject.update("three", r#"{"data":{"a":"3"}}"#);
        expect![[r#"
            {"data":{"a":"3"}}
        "#]]
        .assert_eq(&subject.shown());
    }
}

#[test]
fn managers_that_cannot_be_read_are_not_taken_over() {
    let mut subject = Subject::config_map();
    subject.update("one", r#"{"data":{"a":"1"}}"#);
    let before = owners(subject.live());
    for bad in [
        r#"{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}"#,
        r#"{"manager":"x","operation":"Patch","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{}}"#,
        r#"{"manager":"x","operation":"Update","fieldsType":"FieldsV1","fieldsV1":{}}"#,
        r#"{"manager":"x","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"data":{}}}"#,
    ] {
        subject.update("one", &format!(r#"{{"metadata":{{"managedFields":[{bad}]}},"data":{{"a":"1"}}}}"#));
        assert_eq!(owners(subject.live()), before, "{bad}");
    }
}

#[test]
fn managers_that_a_client_sends_count() {
    let mut subject = Subject::config_map();
    subject.update("one", r#"{"data":{"a":"1"}}"#);
    subject.update(
        "two",
        r#"{"metadata":{"managedFields":[{"manager":"x","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1",
            "fieldsV1":{"f:data":{"f:a":{}}}}]},"data":{"a":"1","b":"2"}}"#,
    );
    expect![[r#"
        {"data":{"a":"1","b":"2"}}
        x Apply -: .data.a
        two Update 02: .data.b
    "#]]
    .assert_eq(&subject.shown());
}

#[test]
fn the_oldest_of_more_than_ten_updaters_become_one() {
    let mut subject = Subject::config_map();
    let mut data = Tree::object();
    for at in 0..12 {
        data.insert(format!("k{at:02}"), "v");
        subject.update(&format!("m{at:02}"), &format!(r#"{{"data":{data}}}"#));
    }
    expect![[r#"
        ancient-changes Update 03: .data .data.k00 .data.k01 .data.k02
        m03 Update 04: .data.k03
        m04 Update 05: .data.k04
        m05 Update 06: .data.k05
        m06 Update 07: .data.k06
        m07 Update 08: .data.k07
        m08 Update 09: .data.k08
        m09 Update 10: .data.k09
        m10 Update 11: .data.k10
        m11 Update 12: .data.k11
    "#]]
    .assert_eq(&owners(subject.live()));
}

#[test]
fn a_manager_without_a_name_is_unknown() {
    let mut subject = Subject::config_map();
    subject.update("", r#"{"immutable":true}"#);
    assert_eq!(owners(subject.live()), "unknown Update 01: .immutable\n");
}

#[test]
fn a_user_agent_makes_a_manager() {
    assert_eq!(manager_of("kubectl/v1.36.0 (linux/amd64) kubernetes/0000000"), "kubectl");
    assert_eq!(manager_of("a\u{7}b"), "ab");
    assert_eq!(manager_of(&"x".repeat(200)).len(), 128);
    assert_eq!(manager_of(""), "");
}

#[test]
fn a_write_that_changes_times_alone_changes_nothing() {
    let object = |data: &str, time: &str| {
        parse(&format!(
            r#"{{"metadata":{{"managedFields":[{{"manager":"m","time":"{time}"}}]}},"data":{{"a":"{data}"}}}}"#
        ))
    };
    let old = object("1", "2026-01-02T15:00:00Z");
    let mut same = object("1", "2026-01-02T16:00:00Z");
    keep_timestamps(&old, &mut same);
    assert_eq!(same, old);
    let mut other = object("2", "2026-01-02T16:00:00Z");
    keep_timestamps(&old, &mut other);
    assert_eq!(other, object("2", "2026-01-02T16:00:00Z"));
}
