//! What kubectl apply, edit, label, annotate and set image send is merged as upstream merges it.

use expect_test::{Expect, expect};

use super::apply;
use crate::schema::by_gvk;
use crate::tree::Tree;

fn check_kind(kind: &str, target: &str, patch: &str, expected: Expect) {
    let mut tree = Tree::from_json(target.as_bytes()).unwrap();
    let patch = Tree::from_json(patch.as_bytes()).unwrap();
    expected.assert_eq(&match apply(&mut tree, &patch, by_gvk("", "v1", kind).unwrap()) {
        Ok(()) => tree.to_json_string(),
        Err(error) => error.to_string(),
    });
}

fn check(target: &str, patch: &str, expected: Expect) {
    check_kind("Pod", target, patch, expected);
}

#[test]
fn fields_that_nobody_knows_are_taken_for_whoever_decodes_the_object() {
    check(
        r#"{"spec":{"containers":[]}}"#,
        r#"{"spec":{"foo":1,"bar":{"a":null,"b":[2]}}}"#,
        expect![[r#"{"spec":{"containers":[],"foo":1,"bar":{"b":[2]}}}"#]],
    );
    check(
        r#"{"spec":{"foo":{}}}"#,
        r#"{"spec":{"foo":{}}}"#,
        expect![[r#"unable to find api field in struct PodSpec for the json field "foo""#]],
    );
}

#[test]
fn labels_merge_and_null_removes() {
    check(
        r#"{"metadata":{"labels":{"a":"1","b":"2"}}}"#,
        r#"{"metadata":{"labels":{"a":null,"c":"3"},"annotations":{"x":"y","z":null}}}"#,
        expect![[r#"{"metadata":{"labels":{"b":"2","c":"3"},"annotations":{"x":"y"}}}"#]],
    );
}

#[test]
fn containers_merge_by_name_in_the_order_given() {
    check(
        r#"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1","ports":[{"containerPort":80,"protocol":"TCP"}]}]}}"#,
        r#"{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],
            "containers":[{"name":"b","image":"2","ports":[{"containerPort":81}]},{"name":"c","image":"1"}]}}"#,
        expect![[
            r#"{"spec":{"containers":[{"name":"b","image":"2","ports":[{"containerPort":81},{"containerPort":80,"protocol":"TCP"}]},{"name":"c","image":"1"},{"name":"a","image":"1"}]}}"#
        ]],
    );
    check(
        r#"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"side","image":"s"}]}}"#,
        r#"{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"image":"2","name":"a"}]}}"#,
        expect![[r#"{"spec":{"containers":[{"name":"a","image":"2"},{"name":"side","image":"s"}]}}"#]],
    );
}

#[test]
fn an_element_is_deleted_by_its_key() {
    check(
        r#"{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}"#,
        r#"{"spec":{"containers":[{"$patch":"delete","name":"a"}]}}"#,
        expect![[r#"{"spec":{"containers":[{"name":"b"}]}}"#]],
    );
}

#[test]
fn a_list_or_an_object_is_replaced_whole() {
    check(
        r#"{"spec":{"containers":[{"name":"a"},{"name":"b"}],"tolerations":[{"key":"x"}]}}"#,
        r#"{"spec":{"containers":[{"$patch":"replace"},{"name":"c"}],"tolerations":[{"key":"y"}]}}"#,
        expect![[r#"{"spec":{"containers":[{"name":"c"}],"tolerations":[{"key":"y"}]}}"#]],
    );
    check(
        r#"{"spec":{"securityContext":{"runAsUser":1,"fsGroup":2}},"metadata":{"name":"x"}}"#,
        r#"{"spec":{"securityContext":{"$patch":"replace","runAsUser":3}},"metadata":{"$patch":"delete"}}"#,
        expect![[r#"{"spec":{"securityContext":{"runAsUser":3}},"metadata":{}}"#]],
    );
}

#[test]
fn retain_keys_drops_the_other_source_of_a_volume() {
    check(
        r#"{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}"#,
        r#"{"spec":{"volumes":[{"name":"v","$retainKeys":["name","configMap"],"configMap":{"name":"c"},"emptyDir":null}]}}"#,
        expect![[r#"{"spec":{"volumes":[{"name":"v","configMap":{"name":"c"}}]}}"#]],
    );
    check(
        r#"{"spec":{"volumes":[{"name":"v"}]}}"#,
        r#"{"spec":{"volumes":[{"name":"v","$retainKeys":["name"],"configMap":{"name":"c"}}]}}"#,
        expect!["invalid patch format of retainKeys"],
    );
}

#[test]
fn lists_of_values_are_sets() {
    check(
        r#"{"metadata":{"finalizers":["a/x","b/x","c/x"]}}"#,
        r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["b/x"],"$setElementOrder/finalizers":["d/x","a/x"],"finalizers":["d/x"]}}"#,
        expect![[r#"{"metadata":{"finalizers":["d/x","a/x","c/x"]}}"#]],
    );
}

#[test]
fn a_new_list_has_no_directives() {
    check(
        r#"{"spec":{}}"#,
        r#"{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"a","env":[{"name":"X","value":null}]},{"$patch":"delete","name":"z"}]}}"#,
        expect![[r#"{"spec":{"containers":[{"name":"a","env":[{"name":"X"}]}]}}"#]],
    );
}

#[test]
fn service_ports_merge_by_port() {
    check_kind(
        "Service",
        r#"{"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":443,"protocol":"TCP"}],"selector":{"a":"b"}}}"#,
        r#"{"spec":{"ports":[{"port":443,"nodePort":30443}],"selector":{"c":"d"}}}"#,
        expect![[
            r#"{"spec":{"ports":[{"port":80,"protocol":"TCP"},{"port":443,"protocol":"TCP","nodePort":30443}],"selector":{"a":"b","c":"d"}}}"#
        ]],
    );
}

#[test]
fn what_cannot_be_merged_says_why() {
    check(
        r#"{"spec":{"containers":[{"name":"a"}]}}"#,
        r#"{"spec":{"containers":[{"image":"x"}]}}"#,
        expect![[r#"map: {"image":"x"} does not contain declared merge key: name"#]],
    );
    check(
        r#"{"spec":{}}"#,
        r#"{"spec":{"$patch":"spin"}}"#,
        expect![[r#"unknown patch type: spin in map: {"$patch":"spin"}"#]],
    );
    check("{}", "[]", expect!["json: cannot unmarshal array into Go value of type map[string]interface {}"]);
}
