//! Reviews and their answers.

use expect_test::{Expect, expect};
use objects::resource::GroupVersion;
use objects::{Tree, tree};

use super::{Conversion, Review, Webhook, convert_by_name};

fn webhook(versions: &[&str]) -> Webhook {
    Webhook {
        client_config: tree!({ "url": "https://example.com" }),
        review_versions: versions.iter().map(ToString::to_string).collect(),
    }
}

fn target() -> GroupVersion {
    GroupVersion::new("example.com", "v2")
}

fn object(version: &str, name: &str) -> Tree {
    tree!({ "apiVersion": (format!("example.com/{version}")), "kind": "Foo", "metadata": { "name": name, "uid": name, "generation": 3, "labels": { "a": "b" } }, "spec": {} })
}

/// Three objects, of which the first and the last need conversion.
fn objects() -> Vec<Tree> {
    vec![object("v1", "a"), object("v2", "b"), object("v1", "c")]
}

fn review() -> Review {
    webhook(&["v9", "v1"]).review(&mut objects(), &target(), "u").unwrap().unwrap()
}

fn answer(converted: Vec<Tree>) -> Tree {
    tree!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "response": { "uid": "u", "result": { "status": "Success" }, "convertedObjects": converted } })
}

fn refused(answer: &Tree, expected: Expect) {
    let mut objects = objects();
    expected.assert_eq(&review().apply(answer, &mut objects).unwrap_err().to_string());
    assert_eq!(objects, self::objects());
}

#[test]
fn without_a_webhook_versions_differ_in_name() {
    assert_eq!(
        Conversion::of(&tree!({ "spec": { "conversion": { "strategy": "None" } } })),
        Conversion::None
    );
    let mut converted = object("v1", "a");
    convert_by_name(&mut converted, &target());
    assert_eq!(converted, object("v2", "a"));
}

#[test]
fn what_needs_conversion_is_sent_in_a_version_that_both_speak() {
    expect![[r#"{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{"uid":"u","desiredAPIVersion":"example.com/v2","objects":[{"apiVersion":"example.com/v1","kind":"Foo","metadata":{"name":"a","uid":"a","generation":3,"labels":{"a":"b"}},"spec":{}},{"apiVersion":"example.com/v1","kind":"Foo","metadata":{"name":"c","uid":"c","generation":3,"labels":{"a":"b"}},"spec":{}}]}}"#]]
    .assert_eq(&review().request.to_json_string());
    let bare = tree!({ "apiVersion": "example.com/v1", "kind": "Foo" });
    let mut objects = [object("v2", "a"), bare];
    assert_eq!(webhook(&["v1"]).review(&mut objects, &target(), "u"), Ok(None));
    assert_eq!(objects[1].str_at(&["apiVersion"]), Some("example.com/v2"));
    let error = webhook(&["v9"]).review(&mut self::objects(), &target(), "u").unwrap_err();
    assert_eq!(error.to_string(), "no supported conversion review versions");
}

#[test]
fn converted_objects_keep_their_metadata_but_for_labels_and_annotations() {
    let mut first = object("v2", "a");
    first.set_at(&["metadata", "generation"], 9);
    first.set_at(&["metadata", "labels"], tree!({ "c": "d" }));
    first.set_at(&["spec", "new"], true);
    let mut last = object("v2", "c");
    last.remove_at(&["metadata", "labels"]);
    let mut objects = objects();
    review().apply(&answer(vec![first, last]), &mut objects).unwrap();
    expect![[r#"[{"apiVersion":"example.com/v2","kind":"Foo","metadata":{"name":"a","uid":"a","generation":3,"labels":{"c":"d"}},"spec":{"new":true}},{"apiVersion":"example.com/v2","kind":"Foo","metadata":{"name":"b","uid":"b","generation":3,"labels":{"a":"b"}},"spec":{}},{"apiVersion":"example.com/v2","kind":"Foo","metadata":{"name":"c","uid":"c","generation":3},"spec":{}}]"#]]
    .assert_eq(&Tree::Array(objects).to_json_string());
}

#[test]
fn answers_that_are_not_to_the_review_are_refused() {
    let mut wrong = answer(Vec::new());
    refused(
        &wrong,
        expect!["conversion webhook for example.com/v1, Kind=Foo returned 0 objects, expected 2"],
    );
    wrong.set_at(&["response", "result"], tree!({ "status": "Failure", "message": "I cannot" }));
    refused(&wrong, expect!["conversion webhook for example.com/v1, Kind=Foo failed: I cannot"]);
    wrong.set_at(&["response", "result"], Tree::object());
    refused(
        &wrong,
        expect![
            "conversion webhook for example.com/v1, Kind=Foo failed: response.result.status was '', not 'Success'"
        ],
    );
    wrong.set_at(&["response", "uid"], "x");
    refused(
        &wrong,
        expect![[
            r#"conversion webhook for example.com/v1, Kind=Foo failed: expected response.uid="u", got "x""#
        ]],
    );
    wrong.remove("response");
    refused(&wrong, expect!["conversion webhook for example.com/v1, Kind=Foo failed: no response provided"]);
    wrong.set_at(&["kind"], "Status");
    refused(
        &wrong,
        expect![
            "conversion webhook for example.com/v1, Kind=Foo failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=Status"
        ],
    );
}

#[test]
fn objects_that_became_others_are_refused() {
    let with = |path: &[&str], value: Tree| {
        let mut last = object("v2", "c");
        last.set_at(path, value);
        answer(vec![object("v2", "a"), last])
    };
    refused(
        &with(&["apiVersion"], tree!("example.com/v3")),
        expect![
            "conversion webhook for example.com/v1, Kind=Foo returned invalid converted object at index 1: invalid groupVersion (expected example.com/v2, received example.com/v3)"
        ],
    );
    refused(
        &with(&["metadata", "uid"], tree!("x")),
        expect![
            "conversion webhook for example.com/v1, Kind=Foo returned invalid converted object at index 1: must have the same UID: c != x"
        ],
    );
    refused(
        &with(&["metadata", "labels", "a"], tree!(1)),
        expect![
            "conversion webhook for example.com/v1, Kind=Foo returned invalid metadata in object at index 1: metadata.labels[a] must be a string, but is number in converted object"
        ],
    );
    refused(
        &with(&["metadata", "labels", "a"], tree!("?")),
        expect![
            "conversion webhook for example.com/v1, Kind=Foo returned invalid metadata in object at index 1: metadata.labels: Invalid value: \"?\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        ],
    );
}
