//! Field sets: their operations, and FieldsV1 to the byte.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::super::collect::field_set;
use super::super::element::Element;
use super::super::fields::{FieldSet, Node, show};
use super::super::{Builtin, fields_v1};
use super::{Subject, parse};
use crate::schema::by_gvk;
use crate::tree::{Key, Tree};

fn set_of(group: &'static str, version: &'static str, kind: &'static str, text: &str) -> FieldSet {
    let row = by_gvk(group, version, kind).unwrap();
    field_set(&parse(text), Builtin::of(row))
}

fn check_set(group: &'static str, version: &'static str, kind: &'static str, text: &str, expected: Expect) {
    expected.assert_eq(&fields_v1::write(&set_of(group, version, kind, text)).to_json_string());
}

#[test]
fn items_of_a_list_map_are_told_apart_by_sorted_keys_and_their_defaults() {
    let text = r#"{"spec":{"ports":[{"port":80,"targetPort":"http"},{"protocol":"UDP","port":53}]}}"#;
    check_set(
        "",
        "v1",
        "Service",
        text,
        expect![[
            r#"{"f:spec":{"f:ports":{"k:{\"port\":53,\"protocol\":\"UDP\"}":{".":{},"f:port":{},"f:protocol":{}},"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{},"f:targetPort":{}}}}}"#
        ]],
    );
}

#[test]
fn a_missing_key_that_is_required_counts_as_its_zero() {
    let text = r#"{"spec":{"containers":[{"image":"i","ports":[{"name":"p"}]}]}}"#;
    check_set(
        "",
        "v1",
        "Pod",
        text,
        expect![[
            r#"{"f:spec":{"f:containers":{"k:{\"name\":\"\"}":{".":{},"f:image":{},"f:ports":{"k:{\"containerPort\":0,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}}}}}}"#
        ]],
    );
}

#[test]
fn items_of_a_set_are_values_and_keys_of_a_map_are_members() {
    let text = r#"{"metadata":{"finalizers":["b/b","a<b"],"labels":{"x":"1","a\"b":"2"},"annotations":{}}}"#;
    check_set(
        "",
        "v1",
        "ConfigMap",
        text,
        expect![[
            r#"{"f:metadata":{"f:annotations":{},"f:finalizers":{"v:\"a\\u003cb\"":{},"v:\"b/b\"":{}},"f:labels":{"f:a\"b":{},"f:x":{}}}}"#
        ]],
    );
}

#[test]
fn what_is_atomic_is_a_leaf() {
    let text = r#"{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[{"name":"c",
        "args":["x"],"env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]}],
        "nodeSelector":{"a":"b"},"imagePullSecrets":[{"name":"s"}]}}}}"#;
    check_set(
        "apps",
        "v1",
        "Deployment",
        text,
        expect![[
            r#"{"f:spec":{"f:selector":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:args":{},"f:env":{"k:{\"name\":\"E\"}":{".":{},"f:name":{},"f:valueFrom":{"f:secretKeyRef":{}}}},"f:name":{}}},"f:imagePullSecrets":{"k:{\"name\":\"s\"}":{}},"f:nodeSelector":{}}}}}"#
        ]],
    );
}

#[test]
fn null_and_the_empty_object_are_leaves_and_an_empty_list_is_none() {
    let text =
        r#"{"spec":{"replicas":null,"strategy":{},"template":{"spec":{"containers":[],"volumes":null}}}}"#;
    check_set(
        "apps",
        "v1",
        "Deployment",
        text,
        expect![[r#"{"f:spec":{"f:replicas":{},"f:strategy":{},"f:template":{"f:spec":{"f:volumes":{}}}}}"#]],
    );
}

#[test]
fn a_struct_of_an_atomic_type_may_be_granular_where_it_is_held() {
    let text = r#"{"spec":{"claimRef":{"name":"c","namespace":"n"}}}"#;
    check_set(
        "",
        "v1",
        "PersistentVolume",
        text,
        expect![[r#"{"f:spec":{"f:claimRef":{"f:name":{},"f:namespace":{}}}}"#]],
    );
}

#[test]
fn the_items_that_are_there_twice_are_one_leaf() {
    let text = r#"{"spec":{"containers":[{"name":"a","image":"x"},{"name":"a","image":"y"},{"name":"b"}]}}"#;
    check_set(
        "",
        "v1",
        "Pod",
        text,
        expect![[
            r#"{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{},"k:{\"name\":\"b\"}":{".":{},"f:name":{}}}}}"#
        ]],
    );
}

fn check_read(text: &str, expected: Expect) {
    let read = match fields_v1::read(&parse(text)) {
        Ok(set) => fields_v1::write(&set).to_json_string(),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&read);
}

#[test]
fn steps_are_brought_into_order_and_unknown_ones_are_passed_over() {
    check_read(
        r#"{"v:1":{},"i:2":{},"k:{\"b\":1,\"a\":\"x\"}":{"f:c":{}},"f:z":{},"f:a":{"x:new":{}},"x:new":{"f:b":{}}}"#,
        expect![[r#"{"f:a":{},"f:z":{},"k:{\"a\":\"x\",\"b\":1}":{"f:c":{}},"v:1":{},"i:2":{}}"#]],
    );
}

#[test]
fn steps_that_cannot_be_read_are_errors() {
    check_read(r#"{"f":{}}"#, expect!["key must be 2 characters long:"]);
    check_read(r#"{"name":{}}"#, expect!["missing colon: name"]);
    check_read(r#"{"k:[1]":{}}"#, expect!["expected an object, got array"]);
    check_read(r#"{"i:one":{}}"#, expect![[r#"invalid index "one""#]]);
    check_read(r#"{"v:{":{}}"#, expect!["read json: EOF while parsing an object at line 1 column 1"]);
}

#[test]
fn paths_are_shown_with_quoted_texts_and_plain_numbers() {
    let text = r#"{"spec":{"ports":[{"port":80}]},"metadata":{"finalizers":["f"]}}"#;
    let set = set_of("", "v1", "Service", text);
    let paths: Vec<_> = set.paths().iter().map(|path| show(path)).collect();
    expect![[r#"
        .metadata.finalizers[="f"]
        .spec.ports[port=80,protocol="TCP"]
        .spec.ports[port=80,protocol="TCP"].port"#]]
    .assert_eq(&paths.join("\n"));
}

#[test]
fn a_set_that_was_granular_becomes_the_whole_that_is_atomic() {
    let mut subject = Subject::deployment();
    subject.apply("a", r#"{"spec":{"selector":{"matchLabels":{"x":"y"}}}}"#);
    let mut live = subject.live().clone();
    live.set_at(&["metadata", "managedFields", "0"], Tree::Null);
    let list = parse(
        r#"[{"manager":"a","operation":"Apply","apiVersion":"apps/v1","fieldsType":"FieldsV1",
            "fieldsV1":{"f:spec":{"f:selector":{"f:matchLabels":{".":{},"f:x":{}}}}}}]"#,
    );
    live.set_at(&["metadata", "managedFields"], list);
    subject.live = Some(live);
    subject.update("b", r#"{"spec":{"replicas":2,"selector":{"matchLabels":{"x":"y"}}}}"#);
    expect![[r#"
        a Apply -: .spec.selector
        b Update 02: .spec.replicas
    "#]]
    .assert_eq(&super::owners(subject.live()));
}

fn any_element() -> impl Strategy<Value = Element> {
    let leaf = prop_oneof![
        "[a-c<\"]{0,2}".prop_map(Tree::from),
        (-2..3_i64).prop_map(Tree::Int),
        any::<bool>().prop_map(Tree::Bool),
        (0..3_i64).prop_map(|half| Tree::Float(half as f64 + 0.5)),
    ];
    let key = ("[a-b]", leaf.clone()).prop_map(|(name, value)| (Key::from(name), value));
    prop_oneof![
        "[a-c.:]{0,2}".prop_map(|name| Element::Field(Key::from(name))),
        prop::collection::btree_map("[a-b]", leaf.clone(), 1..3).prop_map(|keys| {
            Element::keys(keys.into_iter().map(|(name, value)| (Key::from(name), value)))
        }),
        key.prop_map(|key| Element::keys([key])),
        leaf.prop_map(Element::Value),
        (0..4_i64).prop_map(Element::Index),
    ]
}

pub(super) fn any_set() -> impl Strategy<Value = FieldSet> {
    let path = prop::collection::vec(any_element(), 1..4);
    prop::collection::vec(path, 0..8).prop_map(|paths| {
        let mut set = FieldSet::default();
        for path in paths {
            let mut below = FieldSet::default();
            for (depth, element) in path.into_iter().rev().enumerate() {
                let node = Node { element, member: depth == 0, below };
                below = FieldSet::new(vec![node]);
            }
            set = set.union(below);
        }
        set
    })
}

fn has(set: &FieldSet, path: &[&Element]) -> bool {
    set.paths().iter().any(|own| own.as_slice() == path)
}

proptest! {
    #[test]
    fn a_set_survives_its_fields_v1(set in any_set()) {
        prop_assert_eq!(fields_v1::read(&fields_v1::write(&set)).unwrap(), set);
    }

    #[test]
    fn sets_are_sets(one in any_set(), two in any_set()) {
        let (both, shared) = (one.clone().union(two.clone()), one.intersection(&two));
        let rest = one.difference(&two);
        for path in both.paths() {
            let (in_one, in_two) = (has(&one, &path), has(&two, &path));
            prop_assert!(in_one || in_two);
            prop_assert_eq!(has(&shared, &path), in_one && in_two);
            prop_assert_eq!(has(&rest, &path), in_one && !in_two);
        }
        prop_assert_eq!(both.paths().len(), one.paths().len() + two.paths().len() - shared.paths().len());
        prop_assert_eq!(&rest.union(shared), &one);
        prop_assert_eq!(two.union(one), both);
    }
}
