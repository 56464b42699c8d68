//! Rules in CEL of custom resources, told of in their definition and held against their objects.

use expect_test::{Expect, expect};
use http::StatusCode;
use objects::{Tree, tree};

use super::fixture::{Fixture, Read, With, ask};
use super::sockets::Authority;
use crate::front::Front;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/widgets";

struct World {
    front: Front,
    _fixture: Fixture,
}

/// The definition of widgets with this `spec`, and with a status.
fn definition(spec: &Tree) -> Tree {
    tree!({
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": { "plural": "widgets", "kind": "Widget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": (spec.clone()),
                    "status": { "type": "object", "properties": { "count": {
                        "type": "integer", "x-kubernetes-validations": [{ "rule": "self >= oldSelf" }]
                    } } }
                } } }
            }]
        }
    })
}

fn widget(spec: &Tree) -> Tree {
    tree!({
        "kind": "Widget", "apiVersion": "example.com/v1", "metadata": { "name": "w" }, "spec": (spec.clone())
    })
}

fn json(text: &str) -> Tree {
    Tree::from_json(text.as_bytes()).unwrap()
}

impl World {
    async fn empty() -> Self {
        let fixture = Fixture::new(&Authority::new("ca").pem());
        Self { front: fixture.front().await, _fixture: fixture }
    }

    /// Where widgets with this `spec` are served.
    async fn of(spec: &str) -> Self {
        let world = Self::empty().await;
        let made = world.send("POST", DEFINITIONS, &definition(&json(spec))).await;
        assert_eq!(made.code(), StatusCode::CREATED, "{}", made.text);
        while world.front.ask(ask("GET", WIDGETS)).await.code() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
        world
    }

    async fn send(&self, method: &str, path: &str, object: &Tree) -> Read {
        self.front.ask(ask(method, path).sending(object.to_json())).await
    }

    async fn create(&self, spec: &str) -> Read {
        self.send("POST", WIDGETS, &widget(&json(spec))).await
    }

    async fn patch(&self, path: &str, patch: &str) -> Read {
        let request = ask("PATCH", &format!("{WIDGETS}/w{path}")).sending(patch.to_owned());
        self.front.ask(request.with("content-type", "application/merge-patch+json")).await
    }
}

/// What was answered: the code alone, or why the request was refused.
fn check(answer: &Read, expected: &Expect) {
    let told = if answer.code().is_success() { answer.code().to_string() } else { answer.status().2 };
    let warnings = answer.header("warning");
    expected.assert_eq(&if warnings.is_empty() { told } else { format!("{told}\n{warnings}") });
}

/// What a definition whose widgets have this `spec` is answered with.
async fn defined(spec: &str, expected: &Expect) {
    let world = World::empty().await;
    check(&world.send("POST", DEFINITIONS, &definition(&json(spec))).await, expected);
}

#[tokio::test]
async fn a_rule_that_does_not_hold_refuses_the_object_in_its_own_words() {
    let world = World::of(
        r#"{"type":"object","x-kubernetes-validations":[
            {"rule":"self.min <= self.max","fieldPath":".min"},
            {"rule":"self.max < 100","message":"too many"},
            {"rule":"self.min != 7","messageExpression":"self.min == 7 ? 'not 7' : 'other'","reason":"FieldValueForbidden"},
            {"rule":"self.min / self.step < 100"}
        ],"properties":{"min":{"type":"integer"},"max":{"type":"integer"},"step":{"type":"integer","default":1},
            "name":{"type":"string","maxLength":20,"x-kubernetes-validations":[{"rule":"self.startsWith('w')"}]}}}"#,
    )
    .await;
    check(
        &world.create(r#"{"min":7,"max":5,"name":"x"}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: [spec.min: Invalid value: failed rule: self.min <= self.max, spec: Forbidden: not 7, spec.name: Invalid value: "x": failed rule: self.startsWith('w')]"#
        ]],
    );
    check(
        &world.create(r#"{"min":1,"max":100,"step":0}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: [spec: Invalid value: too many, spec: Invalid value: "object": division by zero evaluating rule: self.min / self.step < 100]"#
        ]],
    );
    check(
        &world.create(r#"{"min":"many","max":100}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: [spec.min: Invalid value: "string": spec.min in body must be of type integer: "string", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]"#
        ]],
    );
    check(&world.create(r#"{"min":1,"max":5,"name":"w"}"#).await, &expect!["201 Created"]);
}

#[tokio::test]
async fn a_rule_about_a_change_asks_for_what_was_there_before() {
    let world = World::of(
        r#"{"type":"object","properties":{
            "size":{"type":"integer","x-kubernetes-validations":[{"rule":"self >= oldSelf"}]},
            "first":{"type":"integer","x-kubernetes-validations":[{"rule":"oldSelf.hasValue() || self == 1","optionalOldSelf":true}]},
            "ports":{"type":"array","maxItems":5,"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{
                "type":"object","required":["name"],"properties":{"name":{"type":"string"},
                "port":{"type":"integer","x-kubernetes-validations":[{"rule":"self == oldSelf","message":"ports stay"}]}}}}}}"#,
    )
    .await;
    check(
        &world.create(r#"{"size":3,"first":2}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: spec.first: Invalid value: 2: failed rule: oldSelf.hasValue() || self == 1"#
        ]],
    );
    let made =
        world.create(r#"{"size":3,"first":1,"ports":[{"name":"a","port":1},{"name":"b","port":2}]}"#).await;
    check(&made, &expect!["201 Created"]);
    check(
        &world
            .patch(
                "",
                r#"{"spec":{"size":2,"first":5,"ports":[{"name":"b","port":1},{"name":"c","port":3}]}}"#,
            )
            .await,
        &expect![[
            r#"Widget.example.com "w" is invalid: [spec.ports[0].port: Invalid value: 1: ports stay, spec.size: Invalid value: 2: failed rule: self >= oldSelf]"#
        ]],
    );
    check(&world.patch("/status", r#"{"status":{"count":3}}"#).await, &expect!["200 OK"]);
    check(
        &world.patch("/status", r#"{"status":{"count":2}}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: status.count: Invalid value: 2: failed rule: self >= oldSelf"#
        ]],
    );
}

#[tokio::test]
async fn what_was_wrong_before_a_rule_came_is_warned_of_where_it_does_not_change() {
    let world =
        World::of(r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}"#).await;
    check(&world.create(r#"{"a":"odd","b":"x"}"#).await, &expect!["201 Created"]);
    let patch = r#"[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/x-kubernetes-validations",
        "value":[{"rule":"self == 'even'"}]}]"#;
    let request = ask("PATCH", &format!("{DEFINITIONS}/widgets.example.com")).sending(patch);
    let patched = world.front.ask(request.with("content-type", "application/json-patch+json")).await;
    check(&patched, &expect!["200 OK"]);
    let mut answer = world.patch("", r#"{"spec":{"b":"y"}}"#).await;
    for b in 0_u32.. {
        if !answer.header("warning").is_empty() {
            break;
        }
        tokio::task::yield_now().await;
        answer = world.patch("", &format!(r#"{{"spec":{{"b":"{b}"}}}}"#)).await;
    }
    check(
        &answer,
        &expect![[r#"
            200 OK
            299 - "spec.a: Invalid value: \"odd\": failed rule: self == 'even'""#]],
    );
    check(
        &world.patch("", r#"{"spec":{"a":"odder"}}"#).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: spec.a: Invalid value: "odder": failed rule: self == 'even'"#
        ]],
    );
}

#[tokio::test]
async fn a_rule_that_costs_more_than_one_may_ends_the_evaluation() {
    let world = World::of(
        r#"{"type":"object","properties":{"a":{"type":"array","maxItems":800,"items":{"type":"integer"},"x-kubernetes-validations":[
            {"rule":"self.all(x, self.all(y, x + y >= 0))"},{"rule":"false"}]}}}"#,
    )
    .await;
    let many = format!(r#"{{"a":[{}]}}"#, vec!["1"; 800].join(","));
    check(
        &world.create(&many).await,
        &expect![[
            r#"Widget.example.com "w" is invalid: spec.a: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.all(x, self.all(y, x + y >= 0))"#
        ]],
    );
}

#[tokio::test]
async fn a_definition_whose_rules_do_not_compile_is_refused() {
    defined(
        r#"{"type":"object","x-kubernetes-validations":[{"rule":"self.a < self.c"},{"rule":"self.a + 1"}],"properties":{
            "a":{"type":"integer","x-kubernetes-validations":[{"rule":"self > 0","messageExpression":"self","optionalOldSelf":true}]},
            "b":{"type":"array","maxItems":3,"items":{"type":"string","maxLength":3,"x-kubernetes-validations":[{"rule":"self == oldSelf"}]}}}}"#,
        &expect![[r#"
            CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: [spec.validation.openAPIV3Schema.properties[spec].properties[a].x-kubernetes-validations[0].messageExpression: Invalid value: {"Rule":"self \u003e 0","Message":"","MessageExpression":"self","Reason":null,"FieldPath":"","OptionalOldSelf":true}: messageExpression must evaluate to a string, spec.validation.openAPIV3Schema.properties[spec].properties[a].x-kubernetes-validations[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule, spec.validation.openAPIV3Schema.properties[spec].properties[b].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[b], spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.a \u003c self.c","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed: ERROR: <input>:1:14: undefined field 'c'
             | self.a < self.c
             | .............^, spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[1].rule: Invalid value: {"Rule":"self.a + 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool]"#]],
    )
    .await;
}

#[tokio::test]
async fn a_definition_whose_rules_could_cost_too_much_is_refused() {
    defined(
        r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"string",
            "x-kubernetes-validations":[{"rule":"self.contains('x')","messageExpression":"'no ' + self"}]}}}}"#,
        &expect![[r#"CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: [spec.validation.openAPIV3Schema.properties[spec].properties[a].items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared), spec.validation.openAPIV3Schema.properties[spec].properties[a].items.x-kubernetes-validations[0].rule: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema, spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)]"#]],
    )
    .await;
}
